-- Whose name it is.
CREATE INDEX rules_pattern ON rules (pattern);
-- The key to which a user's keys are sealed when they are issued in bulk.
CREATE TABLE recipients (
    owner TEXT PRIMARY KEY REFERENCES users (name) ON DELETE CASCADE,
    sealing BYTEA NOT NULL,
    tag BYTEA NOT NULL
);
-- Bulk issue. What a chunk is to issue, under the vault.
CREATE TABLE bulk_orders (
    job BYTEA NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    place BIGINT NOT NULL,
    sealed BYTEA NOT NULL,
    PRIMARY KEY (job, place)
);
-- What a chunk has issued, for each user: the key to which it is sealed, and what is sealed.
CREATE TABLE bulk_results (
    job BYTEA NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    owner TEXT NOT NULL,
    place BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    recipient BYTEA NOT NULL,
    sealed BYTEA NOT NULL,
    PRIMARY KEY (job, owner, place)
);
-- What a chunk has refused, under the vault.
CREATE TABLE bulk_refused (
    job BYTEA NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    place BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    sealed BYTEA NOT NULL,
    PRIMARY KEY (job, place)
);

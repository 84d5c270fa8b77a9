-- Whose name it is.
CREATE INDEX rules_pattern ON rules (pattern);
-- The key to which a user's keys are sealed when they are issued in bulk.
CREATE TABLE recipients (
    owner TEXT PRIMARY KEY REFERENCES users (name) ON DELETE CASCADE,
    sealing BLOB NOT NULL,
    tag BLOB NOT NULL
) STRICT;
-- Bulk issue. What a chunk is to issue, under the vault.
CREATE TABLE bulk_orders (
    job BLOB NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    place INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (job, place)
) STRICT;
-- What a chunk has issued, for each user: the key to which it is sealed, and what is sealed.
CREATE TABLE bulk_results (
    job BLOB NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    owner TEXT NOT NULL,
    place INTEGER NOT NULL,
    amount INTEGER NOT NULL,
    recipient BLOB NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (job, owner, place)
) STRICT;
-- What a chunk has refused, under the vault.
CREATE TABLE bulk_refused (
    job BLOB NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    place INTEGER NOT NULL,
    amount INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (job, place)
) STRICT;

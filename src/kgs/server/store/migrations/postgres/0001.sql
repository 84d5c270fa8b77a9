-- Secrets of the store and its name: log identifier, root secret and signing key of the log (both sealed), its public key.
CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value BYTEA NOT NULL
);
-- One row: the end of the audit log, the latest time in it, and how often settings have changed.
CREATE TABLE head (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    entries BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    latest BIGINT NOT NULL,
    version BIGINT NOT NULL
);
-- Master keys by serial. State: 1 prepared, 2 current, 3 still issuing, 4 retired.
CREATE TABLE epochs (
    serial BIGINT PRIMARY KEY,
    parameters BYTEA NOT NULL,
    sealed BYTEA NOT NULL,
    state BIGINT NOT NULL,
    tag BYTEA NOT NULL
);
CREATE TABLE users (
    name TEXT PRIMARY KEY,
    disabled BIGINT NOT NULL,
    created BIGINT NOT NULL,
    tag BYTEA NOT NULL
);
-- How somebody proves who they are. Kind: 1 password, 2 digest, 3 certificate, 4 pre-shared key.
CREATE TABLE credentials (
    kind BIGINT NOT NULL,
    lookup BYTEA NOT NULL,
    owner TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
    sealed BYTEA NOT NULL,
    PRIMARY KEY (kind, lookup)
);
CREATE INDEX credentials_owner ON credentials (owner);
CREATE TABLE tokens (
    hash BYTEA PRIMARY KEY,
    label TEXT NOT NULL,
    owner TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
    scope BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    tag BYTEA NOT NULL,
    UNIQUE (owner, label)
);
-- Who may have which keys.
CREATE TABLE rules (
    owner TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
    pattern TEXT NOT NULL,
    purposes BIGINT NOT NULL,
    ahead BIGINT NOT NULL,
    quota BIGINT NOT NULL,
    tag BYTEA NOT NULL,
    PRIMARY KEY (owner, pattern)
);
CREATE TABLE revocations (
    name TEXT PRIMARY KEY,
    since BIGINT NOT NULL,
    tag BYTEA NOT NULL
);
CREATE TABLE replay (
    request BYTEA PRIMARY KEY,
    until BIGINT NOT NULL
);
CREATE INDEX replay_until ON replay (until);
CREATE TABLE counters (
    subject BYTEA NOT NULL,
    day BIGINT NOT NULL,
    used BIGINT NOT NULL,
    PRIMARY KEY (subject, day)
);
-- The audit log, from entry 1 on.
CREATE TABLE entries (
    place BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    outcome BIGINT NOT NULL,
    serial BIGINT NOT NULL,
    commitment BYTEA NOT NULL,
    subject BYTEA NOT NULL,
    sealed BYTEA NOT NULL,
    previous BYTEA NOT NULL,
    hash BYTEA NOT NULL
);
CREATE INDEX entries_subject ON entries (subject, place);
CREATE TABLE checkpoints (
    entries BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    signature BYTEA NOT NULL
);
-- Work that nodes share. State of a chunk: 0 free or claimed until a time, 1 done.
CREATE TABLE jobs (
    id BYTEA PRIMARY KEY,
    created BIGINT NOT NULL,
    sealed BYTEA NOT NULL
);
CREATE TABLE chunks (
    job BYTEA NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    place BIGINT NOT NULL,
    first BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    done BIGINT NOT NULL,
    claimed BIGINT NOT NULL,
    holder BYTEA NOT NULL,
    PRIMARY KEY (job, place)
);
CREATE INDEX chunks_free ON chunks (job, done, claimed);

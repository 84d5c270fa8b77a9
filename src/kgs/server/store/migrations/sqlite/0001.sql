-- Secrets of the store and its name: log identifier, root secret and signing key of the log (both sealed), its public key.
CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT;
-- One row: the end of the audit log, the latest time in it, and how often settings have changed.
CREATE TABLE head (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    entries INTEGER NOT NULL,
    hash BLOB NOT NULL,
    latest INTEGER NOT NULL,
    version INTEGER NOT NULL
) STRICT;
-- Master keys by serial. State: 1 prepared, 2 current, 3 still issuing, 4 retired.
CREATE TABLE epochs (
    serial INTEGER PRIMARY KEY,
    parameters BLOB NOT NULL,
    sealed BLOB NOT NULL,
    state INTEGER NOT NULL,
    tag BLOB NOT NULL
) STRICT;
CREATE TABLE users (
    name TEXT PRIMARY KEY,
    disabled INTEGER NOT NULL,
    created INTEGER NOT NULL,
    tag BLOB NOT NULL
) STRICT;
-- How somebody proves who they are. Kind: 1 password, 2 digest, 3 certificate, 4 pre-shared key.
CREATE TABLE credentials (
    kind INTEGER NOT NULL,
    lookup BLOB NOT NULL,
    owner TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
    sealed BLOB NOT NULL,
    PRIMARY KEY (kind, lookup)
) STRICT;
CREATE INDEX credentials_owner ON credentials (owner);
CREATE TABLE tokens (
    hash BLOB PRIMARY KEY,
    label TEXT NOT NULL,
    owner TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
    scope INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    tag BLOB NOT NULL,
    UNIQUE (owner, label)
) STRICT;
-- Who may have which keys.
CREATE TABLE rules (
    owner TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
    pattern TEXT NOT NULL,
    purposes INTEGER NOT NULL,
    ahead INTEGER NOT NULL,
    quota INTEGER NOT NULL,
    tag BLOB NOT NULL,
    PRIMARY KEY (owner, pattern)
) STRICT;
CREATE TABLE revocations (
    name TEXT PRIMARY KEY,
    since INTEGER NOT NULL,
    tag BLOB NOT NULL
) STRICT;
CREATE TABLE replay (
    request BLOB PRIMARY KEY,
    until INTEGER NOT NULL
) STRICT;
CREATE INDEX replay_until ON replay (until);
CREATE TABLE counters (
    subject BLOB NOT NULL,
    day INTEGER NOT NULL,
    used INTEGER NOT NULL,
    PRIMARY KEY (subject, day)
) STRICT;
-- The audit log, from entry 1 on.
CREATE TABLE entries (
    place INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    outcome INTEGER NOT NULL,
    serial INTEGER NOT NULL,
    commitment BLOB NOT NULL,
    subject BLOB NOT NULL,
    sealed BLOB NOT NULL,
    previous BLOB NOT NULL,
    hash BLOB NOT NULL
) STRICT;
CREATE INDEX entries_subject ON entries (subject, place);
CREATE TABLE checkpoints (
    entries INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    hash BLOB NOT NULL,
    signature BLOB NOT NULL
) STRICT;
-- Work that nodes share. State of a chunk: 0 free or claimed until a time, 1 done.
CREATE TABLE jobs (
    id BLOB PRIMARY KEY,
    created INTEGER NOT NULL,
    sealed BLOB NOT NULL
) STRICT;
CREATE TABLE chunks (
    job BLOB NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    place INTEGER NOT NULL,
    first INTEGER NOT NULL,
    amount INTEGER NOT NULL,
    done INTEGER NOT NULL,
    claimed INTEGER NOT NULL,
    holder BLOB NOT NULL,
    PRIMARY KEY (job, place)
) STRICT;
CREATE INDEX chunks_free ON chunks (job, done, claimed);

-- One row: the sum over all rows of settings, under the vault, for the version in head. A store of an earlier release has none
-- until it is settled. No release that would leave it as it is may change settings from here on.
CREATE TABLE settings (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    sealed BYTEA NOT NULL
);

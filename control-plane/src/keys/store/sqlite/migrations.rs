//! The steps from an empty file to the tables of this version.

use crate::sqlite::Schema;

/// The tables of keys. Published steps are never edited.
pub(super) const SCHEMA: Schema = Schema { component: "keys", steps: STEPS };

const STEPS: &[&str] = &[
    "
    CREATE TABLE virtual_keys (
        id            TEXT PRIMARY KEY NOT NULL,
        token_sha256  BLOB UNIQUE CHECK (token_sha256 IS NULL OR length(token_sha256) = 32),
        body          TEXT,
        created_at_ms INTEGER NOT NULL,
        updated_at_ms INTEGER NOT NULL,
        CHECK ((token_sha256 IS NULL) = (body IS NULL))
    ) STRICT;
",
    "
    -- Facts about the keys as a whole, by name. Whoever has a key or a tombstone has had a key.
    CREATE TABLE keys_meta (name TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL) STRICT;
    INSERT INTO keys_meta (name, value) SELECT 'keyed', 'true' WHERE EXISTS (SELECT 1 FROM virtual_keys);
",
];

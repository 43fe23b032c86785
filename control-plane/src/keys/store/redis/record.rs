//! How a record, and an entry of the log, is written in Redis.
//!
//! A key is `<SHA-256 of its token in hex> <JSON>`, a tombstone `buried <JSON>`. The hash stands first so that scripts
//! find it without reading JSON, whose numbers they could not hold exactly.

use ditto_policy::document::VirtualKey;
use ditto_policy::key::TokenHash;
use serde::{Deserialize, Serialize};

use super::super::{Change, Record, StoreError, StoredKey};

/// What a tombstone begins with.
const BURIED: &str = "buried";

#[derive(Deserialize)]
struct Read {
    created_at_ms: i64,
    updated_at_ms: i64,
    key: VirtualKey,
}

#[derive(Serialize)]
struct Written<'a> {
    created_at_ms: i64,
    updated_at_ms: i64,
    key: &'a VirtualKey,
}

/// The token's hash, and the record with it.
pub(super) fn write(key: &StoredKey) -> Result<(String, String), StoreError> {
    let StoredKey { key, token_hash, created_at_ms, updated_at_ms } = key;
    let written = Written { created_at_ms: *created_at_ms, updated_at_ms: *updated_at_ms, key };
    let json = serde_json::to_string(&written)
        .map_err(|error| StoreError::Record { id: key.id.clone(), reason: error.to_string() })?;
    let token = hex::encode(token_hash.as_bytes());
    let record = format!("{token} {json}");
    Ok((token, record))
}

pub(super) fn tombstone(at_ms: i64) -> String {
    format!("{BURIED} {{\"at_ms\":{at_ms}}}")
}

pub(super) fn read(id: &str, text: &str) -> Result<Record, StoreError> {
    let wrong = |reason: String| StoreError::Record { id: id.to_owned(), reason };
    let Some((first, json)) = text.split_once(' ') else { return Err(wrong("it is cut short".into())) };
    if first == BURIED {
        return Ok(Record::Tombstone(id.to_owned()));
    }
    let token_hash = hex::decode(first).ok().and_then(|bytes| TokenHash::from_bytes(&bytes));
    let token_hash = token_hash.ok_or_else(|| wrong("the token's hash is not 32 bytes in hex".into()))?;
    let Read { created_at_ms, updated_at_ms, key } =
        serde_json::from_str(json).map_err(|error| wrong(error.to_string()))?;
    if key.id != id {
        return Err(wrong(format!("its content says it is `{}`", key.id)));
    }
    Ok(Record::Key(Box::new(StoredKey { key, token_hash, created_at_ms, updated_at_ms })))
}

/// The stamp of an entry of the log, and what it says together with the record that there is now.
pub(super) fn change(entry: &str, record: Option<&str>) -> Result<(String, Change), StoreError> {
    if let Some((stamp, id)) = entry.split_once('=') {
        let change = match record {
            Some(text) => Change::Record(read(id, text)?),
            None => Change::Removed(id.to_owned()),
        };
        return Ok((stamp.to_owned(), change));
    }
    match entry.strip_suffix('!') {
        Some(stamp) => Ok((stamp.to_owned(), Change::Keyed)),
        None => Err(StoreError::Unusable("the log of changes of keys makes no sense".into())),
    }
}

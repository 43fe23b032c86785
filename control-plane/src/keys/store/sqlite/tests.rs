use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::keys::store::contract::{bury, put, records, remove, stored};

fn place() -> (TempDir, std::path::PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("gateway.db");
    (directory, path)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn keys_survive_a_reopening() {
    let (_directory, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    put(&store, &stored("a", "token-a")).unwrap();
    bury(&store, "b", 5).unwrap();
    let before = records(&store);
    drop(store);
    assert_eq!(records(&SqliteStore::open(&path).unwrap()), before);
}

#[test]
fn that_there_was_a_key_survives_a_reopening() {
    let (_directory, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    assert!(!store.keyed().unwrap());
    drop(store);
    let store = SqliteStore::open(&path).unwrap();
    assert!(!store.keyed().unwrap());
    put(&store, &stored("a", "token-a")).unwrap();
    remove(&store, "a").unwrap();
    drop(store);
    assert!(SqliteStore::open(&path).unwrap().keyed().unwrap());
}

#[test]
fn a_file_of_the_first_version_knows_whether_it_has_keys() {
    for keyed in [false, true] {
        let (_directory, path) = place();
        let store = SqliteStore::open(&path).unwrap();
        if keyed {
            bury(&store, "a", 1).unwrap();
        }
        let back = "DROP TABLE keys_meta; DELETE FROM schema_migrations WHERE version > 1;";
        store.connection.lock().execute_batch(back).unwrap();
        drop(store);
        assert_eq!(SqliteStore::open(&path).unwrap().keyed().unwrap(), keyed);
    }
}

#[test]
fn keys_survive_a_process_that_is_killed() {
    let (directory, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    put(&store, &stored("a", "token-a")).unwrap();
    put(&store, &stored("b", "token-b")).unwrap();
    remove(&store, "a").unwrap();
    // What a killed process leaves behind: the file and its log, as they are, never closed.
    let after = directory.path().join("after");
    fs::create_dir(&after).unwrap();
    for name in ["gateway.db", "gateway.db-wal"] {
        fs::copy(directory.path().join(name), after.join(name)).unwrap();
    }
    let reopened = SqliteStore::open(&after.join("gateway.db")).unwrap();
    assert_eq!(records(&reopened), records(&store));
    assert_eq!(records(&reopened).keys().collect::<Vec<_>>(), ["b"]);
}

#[test]
fn a_log_that_was_cut_off_loses_the_cut_change_only() {
    let (directory, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    put(&store, &stored("a", "token-a")).unwrap();
    let log = directory.path().join("gateway.db-wal");
    let whole = fs::metadata(&log).unwrap().len();
    put(&store, &stored("b", "token-b")).unwrap();
    let after = directory.path().join("after.db");
    fs::copy(&path, &after).unwrap();
    let bytes = fs::read(&log).unwrap();
    assert!(bytes.len() as u64 > whole);
    fs::write(directory.path().join("after.db-wal"), &bytes[..bytes.len() - 100]).unwrap();
    assert_eq!(records(&SqliteStore::open(&after).unwrap()).keys().collect::<Vec<_>>(), ["a"]);
}

#[test]
fn only_the_owner_can_read_the_files() {
    let (directory, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    put(&store, &stored("a", "token-a")).unwrap();
    for name in ["gateway.db", "gateway.db-wal", "gateway.db-shm"] {
        assert_eq!(mode(&directory.path().join(name)), 0o600, "{name}");
    }
    drop(store);
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    let _store = SqliteStore::open(&path).unwrap();
    assert_eq!(mode(&path), 0o600);
}

#[test]
fn the_log_is_synced_with_every_change() {
    let (_directory, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    let pragma = |name: &str| {
        store.connection.lock().pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0)).unwrap()
    };
    assert_eq!(pragma("journal_mode"), rusqlite::types::Value::Text("wal".into()));
    assert_eq!(pragma("synchronous"), rusqlite::types::Value::Integer(2));
}

#[test]
fn a_token_is_nowhere_in_the_files() {
    let (directory, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    let mut key = stored("planted", "vk-planted-token-31415926");
    key.key.token = ditto_policy::secret::Secret::new("vk-planted-token-31415926");
    put(&store, &key).unwrap();
    let mut found_id = false;
    for entry in fs::read_dir(directory.path()).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        let has = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(!has("vk-planted-token-31415926"));
        found_id |= has("planted");
    }
    assert!(found_id, "the search itself works");
}

#[test]
fn a_file_of_a_newer_release_is_refused() {
    let (_directory, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    store
        .connection
        .lock()
        .execute("INSERT INTO schema_migrations (component, version) VALUES ('keys', 99), ('other', 7)", [])
        .unwrap();
    drop(store);
    let error = SqliteStore::open(&path).unwrap_err().to_string();
    assert!(error.contains("version 99") && error.contains("newer"), "{error}");
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let (_directory, path) = place();
    fs::write(&path, "{\"virtual_keys\": []} and some more text to fill the header of a page").unwrap();
    let before = fs::read(&path).unwrap();
    SqliteStore::open(&path).unwrap_err();
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_missing_directory_is_named() {
    let error = SqliteStore::open(Path::new("/nonexistent/gateway.db")).unwrap_err().to_string();
    assert!(error.contains("/nonexistent/gateway.db"), "{error}");
}

#[test]
fn a_record_that_makes_no_sense_is_named() {
    let (_directory, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    put(&store, &stored("broken", "token")).unwrap();
    store.connection.lock().execute("UPDATE virtual_keys SET body = '{}'", []).unwrap();
    let error = store.load(&mut |_| {}).unwrap_err().to_string();
    assert!(error.contains("`broken`"), "{error}");
}

/// The stored form is a promise: whoever adds a field to a key gives it a default, or writes a migration.
#[test]
fn a_record_of_the_first_release_can_be_read() {
    let (_directory, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    let body = r#"{"id":"old","enabled":true,"tenant_id":"t","project_id":null,"user_id":null,
        "tenant_budget":{"total_tokens":5,"total_usd_micros":null},"project_budget":null,"user_budget":null,
        "tenant_limits":null,"project_limits":null,"user_limits":null,"limits":{"rpm":1,"tpm":null},
        "budget":{"total_tokens":null,"total_usd_micros":null},
        "cache":{"enabled":false,"ttl_seconds":null,"max_entries":1024,"max_body_bytes":1048576,
        "max_total_body_bytes":67108864},
        "guardrails":{"banned_phrases":[],"banned_regexes":[],"block_pii":false,"validate_schema":false,
        "max_input_tokens":null,"allow_models":["gpt-*"],"deny_models":[]},
        "passthrough":{"allow":true,"bypass_cache":true},"route":"primary"}"#;
    store.connection.lock().execute("INSERT INTO virtual_keys VALUES ('old', zeroblob(32), ?1, 1, 2)", [body]).unwrap();
    let records = records(&store);
    let Record::Key(key) = &records["old"] else { panic!("a key") };
    assert_eq!(key.key.route.as_deref(), Some("primary"));
    assert_eq!(key.key.limits.rpm, Some(1));
}

#[test]
fn a_second_process_waits_for_the_first() {
    let (_directory, path) = place();
    let (one, two) = (SqliteStore::open(&path).unwrap(), SqliteStore::open(&path).unwrap());
    std::thread::scope(|scope| {
        for (prefix, store) in [("one", &one), ("two", &two)] {
            scope.spawn(move || {
                for n in 0..50 {
                    let id = format!("{prefix}-{n}");
                    put(store, &stored(&id, &id)).unwrap();
                }
            });
        }
    });
    assert_eq!(records(&one).len(), 100);
}

#[test]
fn a_hundred_thousand_keys_load_fast() {
    let (_directory, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    put(&store, &stored("0", "0")).unwrap();
    store
        .connection
        .lock()
        .execute(
            "WITH RECURSIVE n (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM n WHERE n < 99999)
             INSERT INTO virtual_keys
             SELECT n, randomblob(32), json_set(body, '$.id', CAST(n AS TEXT)), 1, 2 FROM virtual_keys, n",
            [],
        )
        .unwrap();
    let started = std::time::Instant::now();
    let mut count = 0;
    store.load(&mut |_| count += 1).unwrap();
    assert_eq!(count, 100_000);
    // Generous, for an unoptimised build on a busy machine.
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

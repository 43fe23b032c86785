//! What only a shared store can do, and what can be done to it, on a real server.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ditto_policy::document::VirtualKey;
use ditto_test_redis::{Options, RedisServer};
use tokio::runtime::Runtime;

use super::testing::Place;
use super::*;
use crate::keys::directory::{DirectoryError, KeyDirectory, KeyFilter, TokenChoice};
use crate::keys::follow::follow;
use crate::keys::hub::{Access, Hub};
use crate::keys::store::contract::{bury, load, put, records, remove, stored};
use crate::keys::testing::{directory, file_key, hash, key};

fn meta(server: &RedisServer, field: &str) -> Option<String> {
    server.command(&["HGET", "{ditto}:keys:meta", field])
}

/// The state of all of Redis, to be put back later as a backup would be.
fn backup(server: &RedisServer) -> Vec<(String, Vec<u8>)> {
    let names: Vec<String> = server.command(&["KEYS", "*"]);
    names.into_iter().map(|name| (name.clone(), server.command(&["DUMP", &name]))).collect()
}

fn restore(server: &RedisServer, backup: &[(String, Vec<u8>)]) {
    server.flush_all();
    for (name, value) in backup {
        let mut command = ::redis::cmd("RESTORE");
        command.arg(name).arg(0).arg(value).exec(&mut server.connection()).unwrap();
    }
}

#[test]
fn a_change_that_is_based_on_old_knowledge_is_refused() {
    let place = Place::new();
    let (one, two) = (place.open("ditto"), place.open("ditto"));
    let old = load(&two).1;
    put(&one, &stored("a", "token-a")).unwrap();
    for refused in [two.put(&old, &stored("a", "other")), two.remove(&old, "a"), two.bury(&old, "a", 1)] {
        assert!(matches!(refused, Err(StoreError::Moved)), "{refused:?}");
    }
    assert_eq!(records(&two).len(), 1);
    // What is known to have been changed is true whatever else has changed.
    two.mark_keyed().unwrap();
}

#[test]
fn a_token_is_unique_whoever_stores_it() {
    let place = Place::new();
    let (one, two) = (place.open("ditto"), place.open("ditto"));
    put(&one, &stored("a", "shared")).unwrap();
    let taken = put(&two, &stored("b", "shared"));
    assert!(matches!(&taken, Err(StoreError::Taken { id, other }) if id == "b" && other == "a"), "{taken:?}");
    put(&two, &stored("a", "moved-on")).unwrap();
    put(&one, &stored("b", "shared")).unwrap();
    let tokens: BTreeSet<String> = place.server.command(&["HVALS", "{ditto}:keys:tokens"]);
    assert_eq!(tokens, BTreeSet::from(["a".to_owned(), "b".to_owned()]));
    bury(&one, "a", 1).unwrap();
    remove(&one, "b").unwrap();
    assert_eq!(place.server.command::<usize>(&["HLEN", "{ditto}:keys:tokens"]), 0);
}

#[test]
fn prefixes_do_not_see_each_other() {
    let place = Place::new();
    let (one, two) = (place.open("ditto"), place.open("ditto2"));
    put(&one, &stored("a", "token")).unwrap();
    put(&two, &stored("b", "token")).unwrap();
    assert_eq!(records(&one).into_keys().collect::<Vec<_>>(), ["a"]);
    assert_eq!(records(&two).into_keys().collect::<Vec<_>>(), ["b"]);
}

#[test]
fn keys_survive_the_servers_crash_and_a_reopening() {
    let place = Place::with(Options::aof());
    let store = place.open("ditto");
    put(&store, &stored("a", "token-a")).unwrap();
    bury(&store, "b", 5).unwrap();
    let before = load(&store);
    place.server.restart();
    let deadline = Instant::now() + Duration::from_secs(10);
    while store.check().is_err() {
        assert!(Instant::now() < deadline, "the store does not come back");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(load(&store), before);
    assert_eq!(load(&place.open("ditto")), before);
}

#[test]
fn forgotten_scripts_are_brought_again() {
    let place = Place::new();
    let store = place.open("ditto");
    for n in 0..3 {
        put(&store, &stored(&n.to_string(), &n.to_string())).unwrap();
        place.server.flush_scripts();
    }
    assert_eq!(records(&store).len(), 3);
}

#[test]
fn a_cluster_takes_every_step() {
    let place = Place::with(Options::cluster());
    let store = place.open("ditto");
    let at = load(&store).1;
    put(&store, &stored("a", "token-a")).unwrap();
    put(&store, &stored("b", "token-b")).unwrap();
    bury(&store, "a", 1).unwrap();
    remove(&store, "b").unwrap();
    assert!(store.keyed().unwrap());
    let mut told = BTreeSet::new();
    store.changes(&at, &mut |change| told.extend([change.id().map(str::to_owned)])).unwrap().unwrap();
    assert_eq!(told, BTreeSet::from([Some("a".to_owned()), Some("b".to_owned())]));
}

#[test]
fn many_records_and_changes_are_read_in_pages() {
    let place = Place::new();
    let store = place.open("ditto");
    let (begun, mut at) = (load(&store).1, load(&store).1);
    let many = PAGE * 2 + 10;
    for n in 0..many {
        at = store.put(&at, &stored(&n.to_string(), &n.to_string())).unwrap();
    }
    at = store.remove(&at, "7").unwrap();
    let (mut put, mut removed) = (0, 0);
    let reached = store.changes(&begun, &mut |change| match change {
        Change::Record(_) => put += 1,
        Change::Removed(id) => {
            assert_eq!(id, "7");
            removed += 1;
        }
        Change::Keyed => {}
    });
    assert_eq!(reached.unwrap(), Some(at.clone()));
    assert_eq!((put, removed), (many - 1, 1));
    let (records, mark) = load(&store);
    assert_eq!((records.len(), mark), (many - 1, at));
}

#[test]
fn a_change_whose_reply_was_lost_is_made_once() {
    let place = Place::new();
    let store = place.open("ditto");
    let at = put(&store, &stored("a", "token-a")).unwrap();
    // The same script twice, as after a reply that did not come.
    let (token, record) = record::write(&stored("b", "token-b")).unwrap();
    let mut script = store.scripts.change.key(&store.names.meta);
    script.key(&store.names.records).key(&store.names.tokens).key(&store.names.log);
    script.arg(&store.epoch).arg(at.revision).arg(&at.stamp).arg("stamp-of-this-change");
    script.arg("put").arg("b").arg(token).arg(record).arg(LOG_MAX).arg(&store.names.channel);
    let mut connection = place.server.connection();
    let replies: Vec<Vec<String>> = (0..2).map(|_| script.invoke(&mut connection).unwrap()).collect();
    assert_eq!(replies[0], ["ok", "2", "stamp-of-this-change"]);
    assert_eq!(replies[1], replies[0]);
    assert_eq!(load(&store).1.revision, 2);
}

#[test]
fn who_is_behind_the_log_has_to_load() {
    let place = Place::new();
    let store = place.open("ditto");
    let none = load(&store).1;
    let one = put(&store, &stored("a", "a")).unwrap();
    let two = put(&store, &stored("b", "b")).unwrap();
    put(&store, &stored("c", "c")).unwrap();
    place.server.command::<()>(&["ZREMRANGEBYRANK", "{ditto}:keys:log", "0", "0"]);
    let changes = |since: &Mark| store.changes(since, &mut |_| {}).unwrap().map(|mark| mark.revision);
    assert_eq!((changes(&none), changes(&one), changes(&two)), (None, None, Some(3)));
}

#[test]
fn the_log_is_bounded() {
    let place = Place::new();
    let store = place.open("ditto");
    let mut connection = place.server.connection();
    let mut filler = ::redis::pipe();
    for n in 0..LOG_MAX {
        filler.cmd("ZADD").arg(&store.names.log).arg(-1).arg(format!("{n}=x")).ignore();
    }
    filler.exec(&mut connection).unwrap();
    put(&store, &stored("a", "a")).unwrap();
    assert_eq!(place.server.command::<usize>(&["ZCARD", "{ditto}:keys:log"]), LOG_MAX);
}

#[test]
fn lost_keys_are_noticed_and_nothing_is_written_over_the_loss() {
    let place = Place::new();
    let store = place.open("ditto");
    put(&store, &stored("a", "a")).unwrap();
    let early = backup(&place.server);
    let at = put(&store, &stored("b", "b")).unwrap();
    let late = backup(&place.server);
    let lost = |what: &str| {
        let seen = [
            store.changes(&at, &mut |_| {}).map(|_| ()),
            store.put(&at, &stored("c", "c")).map(|_| ()),
            store.remove(&at, "a").map(|_| ()),
        ];
        for (n, result) in seen.into_iter().enumerate() {
            // A change may also hear that the store has moved; the directory then looks at the changes.
            let honest =
                matches!(result, Err(StoreError::Lost(_))) || (n > 0 && matches!(result, Err(StoreError::Moved)));
            assert!(honest, "{what}: {result:?}");
        }
    };
    place.server.flush_all();
    lost("emptied");
    assert!(matches!(store.check(), Err(StoreError::Lost(_))) && store.mark_keyed().is_err());
    let other = place.open("ditto");
    put(&other, &stored("x", "x")).unwrap();
    lost("begun anew by another gateway");
    restore(&place.server, &early);
    lost("gone back");
    let third = place.open("ditto");
    put(&third, &stored("y", "y")).unwrap();
    lost("gone back and as far as before, by other changes");
    put(&third, &stored("z", "z")).unwrap();
    lost("gone back and beyond");
    restore(&place.server, &late);
    assert_eq!(store.changes(&at, &mut |_| {}).unwrap(), Some(at.clone()));
    store.put(&at, &stored("c", "c")).unwrap();
}

#[test]
fn an_epoch_is_made_once() {
    let place = Place::new();
    let epochs: BTreeSet<String> = (0..5).map(|_| place.open("ditto").epoch).collect();
    assert_eq!(epochs.len(), 1);
    assert_eq!(meta(&place.server, "epoch"), epochs.first().cloned());
}

#[test]
fn no_token_in_clear_reaches_redis() {
    let place = Place::new();
    let store = place.open("ditto");
    let mut key = stored("planted", "vk-planted-token-31415926");
    key.key.token = ditto_policy::secret::Secret::new("vk-planted-token-31415926");
    put(&store, &key).unwrap();
    let all = backup(&place.server);
    let has = |text: &str| all.iter().any(|(_, bytes)| bytes.windows(text.len()).any(|part| part == text.as_bytes()));
    assert!(has("planted") && !has("31415926"));
}

#[test]
fn a_record_that_makes_no_sense_is_named() {
    let place = Place::new();
    let store = place.open("ditto");
    for text in ["", "x {}", "buried", &format!("{} {{}}", "0".repeat(64))] {
        place.server.command::<()>(&["HSET", "{ditto}:keys:records", "broken", text]);
        let error = store.load(&mut |_| {}).unwrap_err();
        assert!(matches!(&error, StoreError::Record { id, .. } if id == "broken"), "{text}: {error:?}");
    }
}

/// A gateway's directory that follows the store.
struct Gateway {
    directory: Arc<KeyDirectory>,
    hub: Arc<Hub>,
}

impl Gateway {
    fn start(place: &Place, file_keys: Vec<VirtualKey>) -> Self {
        let store = Arc::new(place.open("ditto"));
        place.runtime.block_on(async {
            let (directory, hub) = directory(store, file_keys).await;
            let notices = place.client().subscribe(vec![RedisStore::channel("ditto")]);
            tokio::spawn(follow(Arc::clone(&directory), notices));
            Self { directory, hub }
        })
    }

    fn set(&self, runtime: &Runtime, id: &str, token: &str) -> Result<bool, DirectoryError> {
        let set = self.directory.upsert(key(id), TokenChoice::Set(hash(token)));
        runtime.block_on(set).map(|upserted| upserted.created)
    }

    fn delete(&self, runtime: &Runtime, id: &str) -> bool {
        runtime.block_on(self.directory.delete(id)).unwrap()
    }

    /// Whether workers let this token in.
    fn admits(&self, token: &str) -> bool {
        self.hub.read().key(&hash(token)).is_some()
    }

    fn ids(&self) -> Vec<String> {
        let (page, _) = self.directory.list(&KeyFilter::default(), 0, usize::MAX);
        page.iter().map(|key| key.id.clone()).collect()
    }
}

#[track_caller]
fn eventually(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(15);
    while !condition() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn what_one_gateway_does_is_in_force_on_the_other() {
    let place = Place::new();
    let (one, two) = (Gateway::start(&place, Vec::new()), Gateway::start(&place, Vec::new()));
    assert_eq!((one.hub.access(), two.hub.access()), (Access::Open, Access::Open));
    one.set(&place.runtime, "a", "token-a").unwrap();
    eventually("a is known", || two.admits("token-a"));
    assert_eq!(two.hub.access(), Access::Keyed, "the relay has closed there too");
    assert!(!two.set(&place.runtime, "a", "token-b").unwrap(), "it was there already");
    eventually("a has another token", || one.admits("token-b") && !one.admits("token-a"));
    assert!(one.delete(&place.runtime, "a"));
    eventually("a is gone", || !two.admits("token-b"));
    assert!(!two.delete(&place.runtime, "a") && two.ids().is_empty());
    assert_eq!(two.hub.access(), Access::Keyed);
}

#[test]
fn a_change_without_a_message_is_found_by_looking() {
    let place = Place::new();
    let one = Gateway::start(&place, Vec::new());
    // Nobody is told: as if the message had been lost.
    let silent = place.open("ditto");
    let mut script = silent.scripts.change.key(&silent.names.meta);
    let (token, record) = record::write(&stored("a", "token-a")).unwrap();
    script.key(&silent.names.records).key(&silent.names.tokens).key(&silent.names.log);
    script.arg(&silent.epoch).arg(0).arg("").arg("stamp").arg("put").arg("a").arg(token).arg(record);
    script.arg(LOG_MAX).arg("another channel").invoke::<Value>(&mut place.server.connection()).unwrap();
    eventually("a is known", || one.admits("token-a"));
}

#[test]
fn of_two_that_want_one_token_one_gets_it() {
    let place = Place::new();
    let (one, two) = (Gateway::start(&place, Vec::new()), Gateway::start(&place, Vec::new()));
    for round in 0..20 {
        let token = format!("token-{round}");
        let (left, right) = std::thread::scope(|scope| {
            let left = scope.spawn(|| one.set(&place.runtime, &format!("left-{round}"), &token));
            let right = scope.spawn(|| two.set(&place.runtime, &format!("right-{round}"), &token));
            (left.join().unwrap(), right.join().unwrap())
        });
        let (won, lost) = if left.is_ok() { (left, right) } else { (right, left) };
        assert!(matches!(won, Ok(true)), "{won:?}");
        assert!(matches!(lost, Err(DirectoryError::Conflict { .. })), "{lost:?}");
    }
}

#[test]
fn gateways_that_change_the_same_keys_at_once_end_alike() {
    let place = Place::new();
    let gateways = [Gateway::start(&place, Vec::new()), Gateway::start(&place, Vec::new())];
    std::thread::scope(|scope| {
        for (who, gateway) in gateways.iter().enumerate() {
            let place = &place;
            scope.spawn(move || {
                for n in 0..60 {
                    let id = format!("key-{}", n % 5);
                    let _ = gateway.set(&place.runtime, &id, &format!("token-{}", (n * 7 + who) % 11));
                    if n % 4 == who {
                        gateway.delete(&place.runtime, &id);
                    }
                }
            });
        }
    });
    let fresh = Gateway::start(&place, Vec::new());
    for gateway in &gateways {
        eventually("all are at the same revision", || {
            gateway.directory.store_revision() == fresh.directory.store_revision()
        });
        assert_eq!(gateway.ids(), fresh.ids());
        for n in 0..11 {
            let token = format!("token-{n}");
            let holder = |gateway: &Gateway| gateway.directory.find_by_token(&hash(&token)).map(|key| key.id.clone());
            assert_eq!(holder(gateway), holder(&fresh));
            assert_eq!(gateway.admits(&token), fresh.admits(&token));
        }
    }
}

#[test]
fn a_stored_key_takes_its_token_from_another_gateways_document_and_gives_it_back() {
    let place = Place::new();
    let one = Gateway::start(&place, Vec::new());
    let two = Gateway::start(&place, vec![file_key("of-the-document", "token"), file_key("overlaid", "file")]);
    one.set(&place.runtime, "stored", "token").unwrap();
    one.set(&place.runtime, "overlaid", "stored").unwrap();
    eventually("the stored ones are in force", || two.ids() == ["overlaid", "stored"] && two.admits("stored"));
    assert!(two.admits("token") && !two.admits("file"));
    assert!(one.delete(&place.runtime, "stored") && one.delete(&place.runtime, "overlaid"));
    eventually("the document's are back", || two.ids() == ["of-the-document", "overlaid"] && two.admits("file"));
    assert!(two.admits("token") && !two.admits("stored"));
    // Two's own deletion is of a key that its document has, and stays.
    assert!(two.delete(&place.runtime, "overlaid"));
    assert!(!two.admits("file"));
}

#[test]
fn who_missed_more_than_the_log_holds_loads_everything() {
    let place = Place::new();
    let store = Arc::new(place.open("ditto"));
    let (late, hub) = place.runtime.block_on(directory(store, vec![file_key("f", "file")]));
    let other = Gateway::start(&place, Vec::new());
    for id in ["a", "b", "c"] {
        other.set(&place.runtime, id, id).unwrap();
    }
    other.delete(&place.runtime, "b");
    place.server.command::<()>(&["ZREMRANGEBYRANK", "{ditto}:keys:log", "0", "2"]);
    assert!(place.runtime.block_on(late.refresh()).unwrap());
    let knows = |token: &str| hub.read().key(&hash(token)).is_some();
    assert!(knows("a") && !knows("b") && knows("c") && knows("file"));
    assert!(!place.runtime.block_on(late.refresh()).unwrap());
}

#[test]
fn an_emptied_store_takes_no_key_from_a_running_gateway() {
    let place = Place::new();
    let gateway = Gateway::start(&place, Vec::new());
    gateway.set(&place.runtime, "a", "token-a").unwrap();
    let before = backup(&place.server);
    place.server.flush_all();
    let check = || place.runtime.block_on(gateway.directory.check_store());
    assert!(matches!(check(), Err(DirectoryError::Store(StoreError::Lost(_)))));
    for changed in [gateway.set(&place.runtime, "b", "b"), gateway.set(&place.runtime, "a", "other")] {
        assert!(matches!(changed, Err(DirectoryError::Store(StoreError::Lost(_)))), "{changed:?}");
    }
    assert!(place.runtime.block_on(gateway.directory.delete("a")).is_err());
    // The document can change meanwhile: it needs no store.
    place.runtime.block_on(gateway.directory.replace_file_keys(vec![file_key("f", "file")])).unwrap();
    assert!(gateway.admits("token-a") && gateway.admits("file"));
    assert!(meta(&place.server, "revision").is_none(), "nothing was written");
    restore(&place.server, &before);
    check().unwrap();
    assert!(gateway.set(&place.runtime, "b", "b").unwrap());
}

#[test]
fn a_store_that_is_away_takes_no_key_and_is_followed_again() {
    let place = Place::with(Options::aof());
    let (one, two) = (Gateway::start(&place, Vec::new()), Gateway::start(&place, Vec::new()));
    one.set(&place.runtime, "a", "a").unwrap();
    eventually("a is known", || two.admits("a"));
    place.server.kill();
    assert!(matches!(one.set(&place.runtime, "b", "b"), Err(DirectoryError::Store(StoreError::Redis { .. }))));
    assert!(one.admits("a") && two.admits("a") && !one.admits("b"));
    place.server.restart();
    eventually("changes are taken again", || one.set(&place.runtime, "c", "c").is_ok());
    eventually("and heard of", || two.admits("c"));
}

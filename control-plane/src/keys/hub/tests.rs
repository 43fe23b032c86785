use super::*;
use crate::keys::testing::{hash, policy};

fn keys(names: &[&str]) -> HashMap<TokenHash, KeyPolicy> {
    names.iter().map(|name| (hash(name), policy(name))).collect()
}

fn credentials(value: &str) -> Credentials {
    Credentials { headers: vec![("authorization".into(), Secret::new(value))], ..Credentials::default() }
}

#[test]
fn each_hub_has_an_epoch_of_its_own() {
    assert_ne!(Hub::new().unwrap().epoch(), Hub::new().unwrap().epoch());
}

#[test]
fn it_is_ready_once_keys_and_credentials_are_known() {
    let hub = Hub::new().unwrap();
    assert!(!hub.read().ready());
    hub.replace_keys(HashMap::new(), Access::Open);
    assert!(!hub.read().ready());
    hub.set_credentials(BTreeMap::new());
    assert!(hub.read().ready());
    assert!(hub.revision() > 0, "0 means that a worker knows nothing");
}

#[test]
fn what_is_equal_is_no_change() {
    let hub = Hub::new().unwrap();
    hub.replace_keys(keys(&["a", "b"]), Access::Keyed);
    hub.set_credentials(BTreeMap::from([("c".into(), credentials("x"))]));
    let before = hub.revision();
    hub.replace_keys(keys(&["a", "b"]), Access::Keyed);
    hub.set_credentials(BTreeMap::from([("c".into(), credentials("x"))]));
    hub.apply(Some(hash("unknown")), Some((hash("a"), policy("a"))), Access::Keyed);
    assert_eq!(hub.revision(), before);
}

#[test]
fn each_change_counts_once_and_rings() {
    let hub = Hub::new().unwrap();
    hub.replace_keys(keys(&["a"]), Access::Keyed);
    let (before, mut bell) = (hub.revision(), hub.subscribe());
    hub.apply(Some(hash("a")), Some((hash("b"), policy("b"))), Access::Keyed);
    assert_eq!(hub.revision(), before + 2);
    assert!(bell.has_changed().unwrap());
    assert_eq!(*bell.borrow_and_update(), before + 2);
}

#[test]
fn an_item_is_in_the_index_once_however_often_it_changes() {
    let hub = Hub::new().unwrap();
    hub.replace_keys(keys(&["a", "b"]), Access::Keyed);
    for round in 0..100 {
        let mut changed = policy("a");
        changed.enabled = round % 2 == 1;
        hub.apply(None, Some((hash("a"), changed)), Access::Keyed);
        hub.apply(Some(hash("b")), None, Access::Keyed);
        hub.apply(None, Some((hash("b"), policy("b"))), Access::Keyed);
    }
    assert_eq!(hub.read().after(0).count(), 3, "two keys and the access mode");
    assert_eq!(hub.read().floor(), 0);
}

#[test]
fn only_the_latest_removals_are_remembered() {
    let hub = Hub::with_bounds(Bounds { removals: 3, ..Bounds::default() }).unwrap();
    let names: Vec<String> = (0..10).map(|n| n.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    hub.replace_keys(keys(&names), Access::Keyed);
    let before = hub.revision();
    for name in &names {
        hub.apply(Some(hash(name)), None, Access::Keyed);
    }
    assert_eq!(hub.read().after(0).count(), 4, "three removals and the access mode");
    assert_eq!(hub.read().floor(), before + 7);
}

#[test]
fn nothing_secret_is_in_its_debug_form() {
    let hub = Hub::new().unwrap();
    hub.set_credentials(BTreeMap::from([("c".into(), credentials("sk-hidden"))]));
    assert!(!format!("{hub:?} {:?}", hub.read()).contains("sk-hidden"));
}

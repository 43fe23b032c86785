//! What every store must do, tried on all of them. Redis is a real server, alone and as a cluster.

use std::collections::BTreeSet;
use std::sync::Arc;

use ditto_ledger::{Account, Amounts, Lease, LeaseState};
use ditto_test_redis::{Options, RedisServer};

use super::{Identity, Keys, LedgerStore, MemoryStore, RedisStore, SqliteStore, StoreError, Table};

mod contention;
mod lists;
mod steps;

use contention::one_store_is_shared_by_many_workers;
pub(crate) use contention::workers_share_a_budget;
use lists::*;
use steps::*;

/// Names that a careless query, script or index would trip over.
const ODD: [&str; 9] =
    ["", " ", "a", "a'; DROP TABLE ledger_accounts; --", "a\nb", "a\0b", "a\u{10ffff}b", "{a}[b(c", "ä"];

pub(crate) fn set<S: AsRef<str>>(names: &[S]) -> BTreeSet<String> {
    names.iter().map(|name| name.as_ref().to_owned()).collect()
}

pub(crate) fn account(tokens: u64) -> Account {
    Account { spent: Amounts { tokens, ..Amounts::default() }, ..Account::default() }
}

pub(crate) fn lease(renewed_at_ms: u64, expires_at_ms: u64) -> Lease {
    Lease { key_id: "k".into(), accounts: vec!["key:k".into()], renewed_at_ms, expires_at_ms, ..Lease::default() }
}

/// One step that sets rows whatever was there before.
pub(crate) async fn put(store: &dyn LedgerStore, rows: &Table) -> u64 {
    let Identity { epoch, .. } = store.identity().await.unwrap();
    let keys =
        Keys { leases: rows.leases.keys().cloned().collect(), accounts: rows.accounts.keys().cloned().collect() };
    let set = &mut |table: &mut Table| {
        *table = rows.clone();
        Ok(())
    };
    store.transact(&epoch, keys, set).await.unwrap()
}

pub(crate) async fn put_account(store: &dyn LedgerStore, name: &str, account: Option<Account>) -> u64 {
    put(store, &Table { accounts: [(name.to_owned(), account)].into(), ..Table::default() }).await
}

pub(crate) async fn put_lease(store: &dyn LedgerStore, id: &str, lease: Option<Lease>) -> u64 {
    put(store, &Table { leases: [(id.to_owned(), lease)].into(), ..Table::default() }).await
}

pub(crate) async fn read(store: &dyn LedgerStore, name: &str) -> Option<Account> {
    store.read_accounts(&[name.to_owned()]).await.unwrap().pop().unwrap()
}

pub(crate) fn redis(url: &str, prefix: &str) -> RedisStore {
    let url = crate::redis::RedisUrl::new(ditto_policy::secret::Secret::new(url));
    let client = crate::redis::RedisClient::open(&url).unwrap();
    RedisStore::new(client, prefix, super::RedisOptions::default()).unwrap()
}

async fn books_begin_once_and_empty(store: &dyn LedgerStore) {
    store.check().await.unwrap();
    let (one, two) = tokio::join!(store.identity(), store.identity());
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(one.epoch, two.epoch);
    assert!(one.created != two.created, "{one:?} {two:?}");
    assert!(one.epoch.len() >= 32 && one.revision == 0, "{one:?}");
    assert_eq!(store.count_leases().await.unwrap(), 0);
    assert_eq!(store.list_accounts("", None, 10).await.unwrap(), []);
    assert!(store.due_leases(u64::MAX, 10).await.unwrap().is_empty());
    assert!(store.old_leases(u64::MAX, 10).await.unwrap().is_empty());
    store.check().await.unwrap();
}

async fn rows_come_back_as_they_were_saved(store: &dyn LedgerStore) {
    let most = Amounts::by_unit(|_| u64::MAX);
    let account = Account { spent: most, held: most, minute: u64::MAX, updated_at_ms: u64::MAX, ..Account::default() };
    let lease = Lease { granted: most, accounts: set(&ODD).into_iter().collect(), ..lease(u64::MAX, u64::MAX) };
    let rows = Table {
        leases: ODD.iter().map(|id| ((*id).to_owned(), Some(lease.clone()))).collect(),
        accounts: ODD.iter().map(|name| ((*name).to_owned(), Some(account.clone()))).collect(),
    };
    put(store, &rows).await;
    let mut found = Table::default();
    let epoch = store.identity().await.unwrap().epoch;
    let look = &mut |table: &mut Table| {
        found = table.clone();
        Ok(())
    };
    let keys = Keys { leases: set(&ODD), accounts: set(&ODD) };
    store.transact(&epoch, keys, look).await.unwrap();
    assert_eq!(found, rows);
    let names = ["ä", "nobody", "", "a\0b"].map(str::to_owned);
    let some = Some(account);
    assert_eq!(store.read_accounts(&names).await.unwrap(), [some.clone(), None, some.clone(), some]);
    assert_eq!(store.read_accounts(&[]).await.unwrap(), []);
}

async fn a_deleted_row_is_gone(store: &dyn LedgerStore) {
    for name in ["a", "b"] {
        put_account(store, name, Some(account(1))).await;
        put_lease(store, name, Some(lease(1, 2))).await;
    }
    put_account(store, "a", None).await;
    put_lease(store, "a", None).await;
    assert_eq!(read(store, "a").await, None);
    assert_eq!(store.list_accounts("", None, 10).await.unwrap(), [("b".to_owned(), account(1))]);
    assert_eq!(store.due_leases(9, 9).await.unwrap(), ["b"]);
    assert_eq!(store.old_leases(9, 9).await.unwrap(), [("b".to_owned(), lease(1, 2))]);
    assert_eq!(store.count_leases().await.unwrap(), 1);
    put_account(store, "a", Some(account(7))).await;
    assert_eq!(read(store, "a").await, Some(account(7)));
}

/// The servers that a store under test needs, kept until its test is over.
type Kept = Box<dyn std::any::Any + Send>;

fn memory_store() -> (Kept, Arc<dyn LedgerStore>) {
    (Box::new(()), Arc::new(MemoryStore::default()))
}

fn sqlite_store() -> (Kept, Arc<dyn LedgerStore>) {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&directory.path().join("gateway.db")).unwrap();
    (Box::new(directory), Arc::new(store))
}

fn redis_store() -> (Kept, Arc<dyn LedgerStore>) {
    let server = RedisServer::start();
    let store = redis(&server.url(), "ditto");
    (Box::new(server), Arc::new(store))
}

macro_rules! contract {
    ($($name:ident),+ $(,)?) => {
        contract!(@store memory memory_store $($name)+);
        contract!(@store sqlite sqlite_store $($name)+);
        contract!(@store redis redis_store $($name)+);

        /// All on one server, because a cluster takes seconds to form.
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn a_cluster_does_all_that_too() {
            let server = RedisServer::start_with(Options::cluster());
            let url = server.url().replacen("redis://", "redis+cluster://", 1);
            $($name(&redis(&url, stringify!($name))).await;)+
        }
    };
    (@store $store:ident $make:ident $($name:ident)+) => {
        mod $store {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let (_kept, store) = super::$make();
                super::$name(&*store).await;
            })+
        }
    };
}

contract!(
    books_begin_once_and_empty,
    rows_come_back_as_they_were_saved,
    a_deleted_row_is_gone,
    the_revision_grows_with_each_change,
    a_step_that_needs_more_is_called_again_with_fresh_rows,
    what_an_earlier_call_did_does_not_count,
    rows_written_unasked_are_loaded_first,
    a_step_that_asks_without_end_is_refused,
    a_step_on_other_books_is_refused,
    a_step_that_is_dropped_is_done_as_a_whole_or_not_at_all,
    accounts_are_listed_by_name,
    accounts_are_listed_page_by_page,
    leases_are_due_by_their_expiry,
    leases_are_old_by_their_renewal,
    one_store_is_shared_by_many_workers,
);

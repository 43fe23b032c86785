//! Lists: their order, their pages, and what is on them.

use super::*;

async fn names(store: &dyn LedgerStore, prefix: &str, after: Option<&str>, limit: usize) -> Vec<String> {
    let page = store.list_accounts(prefix, after, limit).await.unwrap();
    page.into_iter().map(|(name, _)| name).collect()
}

pub(super) async fn accounts_are_listed_by_name(store: &dyn LedgerStore) {
    let all = set(&ODD);
    for (at, name) in all.iter().enumerate() {
        put_account(store, name, Some(account(at as u64))).await;
    }
    let listed = store.list_accounts("", None, usize::MAX).await.unwrap();
    let wanted = all.iter().enumerate().map(|(at, name)| (name.clone(), account(at as u64)));
    assert_eq!(listed, wanted.collect::<Vec<_>>());
    for prefix in &all {
        let wanted: Vec<_> = all.iter().filter(|name| name.starts_with(prefix)).cloned().collect();
        assert_eq!(names(store, prefix, None, 100).await, wanted, "{prefix:?}");
    }
    assert!(names(store, "nobody", None, 100).await.is_empty());
    assert!(names(store, "", None, 0).await.is_empty());
}

pub(super) async fn accounts_are_listed_page_by_page(store: &dyn LedgerStore) {
    let rows = ["key:1", "tenant:a", "tenant:a:project:p", "tenant:b", "user:1"];
    for name in rows {
        put_account(store, name, Some(account(1))).await;
    }
    assert_eq!(names(store, "", None, 2).await, rows[..2]);
    assert_eq!(names(store, "", Some("tenant:a"), 2).await, rows[2..4]);
    assert_eq!(names(store, "", Some("tenant:a~"), 9).await, rows[3..], "`after` need not exist");
    assert_eq!(names(store, "tenant:", Some("key:1"), 9).await, rows[1..4], "`after` is before the prefix");
    assert_eq!(names(store, "tenant:", Some("tenant:a"), 1).await, rows[2..3]);
    assert!(names(store, "tenant:", Some("user:1"), 9).await.is_empty());
    assert!(names(store, "", Some("user:1"), 9).await.is_empty());
}

pub(super) async fn leases_are_due_by_their_expiry(store: &dyn LedgerStore) {
    for (id, expires) in [("late", 30), ("b", 20), ("a", 20), ("first", 10), ("never", u64::MAX)] {
        put_lease(store, id, Some(lease(1, expires))).await;
    }
    assert_eq!(store.due_leases(9, 9).await.unwrap(), [""; 0]);
    assert_eq!(store.due_leases(20, 9).await.unwrap(), ["first", "a", "b"], "the end is part of it");
    assert_eq!(store.due_leases(1 << 40, 2).await.unwrap(), ["first", "a"]);
    put_lease(store, "first", Some(lease(1, 40))).await;
    put_lease(store, "a", Some(Lease { state: LeaseState::Expired, ..lease(1, 20) })).await;
    put_lease(store, "b", Some(Lease { state: LeaseState::Closed, ..lease(1, 20) })).await;
    assert_eq!(store.due_leases(1 << 40, 9).await.unwrap(), ["b", "late", "first"]);
    assert_eq!(store.count_leases().await.unwrap(), 5);
    put_lease(store, "a", Some(lease(1, 5))).await;
    assert_eq!(store.due_leases(5, 9).await.unwrap(), ["a"]);
}

pub(super) async fn leases_are_old_by_their_renewal(store: &dyn LedgerStore) {
    let settled = Lease { state: LeaseState::Expired, ..lease(10, 1) };
    for (id, row) in [("b", lease(20, 1)), ("a", lease(20, 2)), ("settled", settled.clone()), ("new", lease(30, 1))] {
        put_lease(store, id, Some(row)).await;
    }
    let old = store.old_leases(30, 9).await.unwrap();
    let row = |id: &str, row| (id.to_owned(), row);
    assert_eq!(old, [row("settled", settled.clone()), row("a", lease(20, 2)), row("b", lease(20, 1))]);
    assert_eq!(store.old_leases(30, 1).await.unwrap(), [row("settled", settled)]);
    put_lease(store, "a", Some(lease(50, 2))).await;
    put_lease(store, "settled", None).await;
    assert_eq!(store.old_leases(21, 9).await.unwrap(), [row("b", lease(20, 1))]);
    assert_eq!(store.old_leases(10, 9).await.unwrap(), []);
}

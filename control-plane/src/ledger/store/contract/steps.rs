//! Steps: what they see, what counts of what they do, and when they are refused.

use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::task::Poll;

use super::*;

pub(super) async fn the_revision_grows_with_each_change(store: &dyn LedgerStore) {
    assert_eq!(put_account(store, "a", Some(account(1))).await, 1);
    assert_eq!(put_account(store, "a", Some(account(1))).await, 1, "nothing has changed");
    assert_eq!(put_lease(store, "l", Some(lease(1, 1))).await, 2);
    assert_eq!(put_lease(store, "nobody", None).await, 2);
    assert_eq!(put_account(store, "a", None).await, 3);
    let identity = store.identity().await.unwrap();
    assert_eq!((identity.revision, identity.created), (3, false));
}

pub(super) async fn a_step_that_needs_more_is_called_again_with_fresh_rows(store: &dyn LedgerStore) {
    put_account(store, "a", Some(account(1))).await;
    put_lease(store, "l", Some(lease(1, 1))).await;
    let epoch = store.identity().await.unwrap().epoch;
    let mut calls = Vec::new();
    let step = &mut |table: &mut Table| {
        calls.push(table.clone());
        if !table.accounts.contains_key("b") {
            return Err(Keys { accounts: set(&["a", "b"]), ..Keys::default() });
        }
        table.accounts.insert("b".into(), Some(account(2)));
        Ok(())
    };
    store.transact(&epoch, Keys { leases: set(&["l"]), ..Keys::default() }, step).await.unwrap();
    let leases = [("l".to_owned(), Some(lease(1, 1)))];
    let accounts = [("a".to_owned(), Some(account(1))), ("b".to_owned(), None)];
    assert_eq!(calls[0], Table { leases: leases.clone().into(), ..Table::default() });
    assert_eq!(calls[1], Table { leases: leases.into(), accounts: accounts.into() });
    assert_eq!(calls.len(), 2);
    assert_eq!(read(store, "b").await, Some(account(2)));
}

pub(super) async fn what_an_earlier_call_did_does_not_count(store: &dyn LedgerStore) {
    put_account(store, "a", Some(account(1))).await;
    let epoch = store.identity().await.unwrap().epoch;
    let mut calls = 0;
    let step = &mut |table: &mut Table| {
        calls += 1;
        assert_eq!(table.accounts["a"], Some(account(1)));
        if calls == 1 {
            table.accounts.insert("a".into(), Some(account(99)));
            return Err(Keys { leases: set(&["l"]), ..Keys::default() });
        }
        table.leases.insert("l".into(), Some(lease(3, 4)));
        Ok(())
    };
    store.transact(&epoch, Keys { accounts: set(&["a"]), ..Keys::default() }, step).await.unwrap();
    assert_eq!(read(store, "a").await, Some(account(1)));
    assert_eq!(store.old_leases(9, 9).await.unwrap(), [("l".to_owned(), lease(3, 4))]);
}

pub(super) async fn rows_written_unasked_are_loaded_first(store: &dyn LedgerStore) {
    put_account(store, "a", Some(account(5))).await;
    let epoch = store.identity().await.unwrap().epoch;
    let step = &mut |table: &mut Table| {
        let before = table.accounts.get("a").cloned().flatten().unwrap_or_default();
        table.accounts.insert("a".into(), Some(account(before.spent.tokens + 1)));
        Ok(())
    };
    store.transact(&epoch, Keys::default(), step).await.unwrap();
    assert_eq!(read(store, "a").await, Some(account(6)));
}

pub(super) async fn a_step_that_asks_without_end_is_refused(store: &dyn LedgerStore) {
    let epoch = store.identity().await.unwrap().epoch;
    let keys = Keys { accounts: set(&["a"]), ..Keys::default() };
    let same = keys.clone();
    let asks_for_what_it_has = &mut |table: &mut Table| {
        table.accounts.insert("a".into(), Some(account(1)));
        Err(same.clone())
    };
    let error = store.transact(&epoch, keys.clone(), asks_for_what_it_has).await.unwrap_err();
    assert!(matches!(error, StoreError::Unusable(_)), "{error}");
    let asks_for_ever_more =
        &mut |table: &mut Table| Err(Keys { accounts: set(&[table.accounts.len().to_string()]), ..Keys::default() });
    let error = store.transact(&epoch, keys, asks_for_ever_more).await.unwrap_err();
    assert!(matches!(error, StoreError::Unusable(_)), "{error}");
    assert_eq!(read(store, "a").await, None);
    assert_eq!(put_account(store, "a", Some(account(1))).await, 1, "the store goes on");
}

pub(super) async fn a_step_on_other_books_is_refused(store: &dyn LedgerStore) {
    put_account(store, "a", Some(account(1))).await;
    let epoch = store.identity().await.unwrap().epoch;
    let keys = Keys { accounts: set(&["a"]), ..Keys::default() };
    let step = &mut |_: &mut Table| panic!("it must not be called");
    let error = store.transact("of another life", keys, step).await.unwrap_err();
    let StoreError::EpochChanged { expected, found } = error else { panic!("{error}") };
    assert_eq!((expected.as_str(), found), ("of another life", Some(epoch)));
    assert_eq!(read(store, "a").await, Some(account(1)));
}

/// Two rows that every step changes together are the same, wherever the step's future was dropped.
pub(super) async fn a_step_that_is_dropped_is_done_as_a_whole_or_not_at_all(store: &dyn LedgerStore) {
    let epoch = store.identity().await.unwrap().epoch;
    for polls in 0..12 {
        let keys = Keys { accounts: set(&["a", "b"]), ..Keys::default() };
        let raise = &mut |table: &mut Table| {
            for row in table.accounts.values_mut() {
                *row = Some(account(row.clone().unwrap_or_default().spent.tokens + 1));
            }
            Ok(())
        };
        {
            let mut step = pin!(store.transact(&epoch, keys, raise));
            let mut left = polls;
            poll_fn(|context| {
                if left == 0 || step.as_mut().poll(context).is_ready() {
                    return Poll::Ready(());
                }
                left -= 1;
                Poll::Pending
            })
            .await;
        }
        let names = ["a", "b"].map(str::to_owned);
        let rows = store.read_accounts(&names).await.unwrap();
        assert_eq!(rows[0], rows[1], "dropped after {polls} polls");
    }
    let before = store.identity().await.unwrap().revision;
    assert!(put_account(store, "c", Some(account(1))).await > before);
}

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::{FutureExt as _, StreamExt as _};

use super::*;
use crate::keys::directory::{KeyDirectory, TokenChoice};
use crate::keys::store::MemoryStore;
use crate::keys::testing::{directory, file_key, hash, key};

mod socket;

type Updates = <SyncService as PolicySync>::WatchStream;

struct Fixture {
    directory: Arc<KeyDirectory>,
    hub: Arc<Hub>,
    service: SyncService,
    closing: watch::Sender<bool>,
}

async fn fixture() -> Fixture {
    let (directory, hub) = directory(Arc::new(MemoryStore::default()), vec![file_key("a", "a")]).await;
    let (closing, closed) = watch::channel(false);
    Fixture { directory, service: SyncService::new(hub.clone(), closed), hub, closing }
}

impl Fixture {
    async fn watch(&self, epoch: &str, revision: u64) -> Updates {
        let request = WatchRequest { node: "node".into(), epoch: epoch.into(), revision };
        self.service.watch(Request::new(request)).await.unwrap().into_inner()
    }
}

async fn next(updates: &mut Updates) -> Update {
    let next = tokio::time::timeout(Duration::from_secs(5), updates.next());
    next.await.expect("an Update in time").expect("the stream goes on").unwrap()
}

fn is_silent(updates: &mut Updates) -> bool {
    updates.next().now_or_never().is_none()
}

#[tokio::test]
async fn a_worker_gets_everything_and_then_each_change_at_once() {
    let fixture = fixture().await;
    let mut workers = Vec::new();
    for _ in 0..50 {
        let mut updates = fixture.watch("", 0).await;
        let first = next(&mut updates).await;
        assert!(first.reset && first.complete && first.upserts.len() == 1);
        assert!(is_silent(&mut updates));
        workers.push(updates);
    }
    let started = Instant::now();
    fixture.directory.upsert(key("b"), TokenChoice::Set(hash("b"))).await.unwrap();
    for updates in &mut workers {
        let update = next(updates).await;
        assert!(update.complete && !update.reset);
        assert_eq!(update.upserts[0].token_sha256, hash("b").as_bytes());
    }
    assert!(started.elapsed() < Duration::from_millis(250), "{:?}", started.elapsed());
    assert!(workers.iter_mut().all(is_silent));
}

#[tokio::test]
async fn a_waiting_worker_is_woken() {
    let fixture = fixture().await;
    let mut updates = fixture.watch("", 0).await;
    next(&mut updates).await;
    let waiting = tokio::spawn(async move { next(&mut updates).await });
    tokio::task::yield_now().await;
    assert!(fixture.directory.delete("a").await.unwrap());
    assert_eq!(waiting.await.unwrap().removals, [hash("a").as_bytes().to_vec()]);
}

#[tokio::test]
async fn a_worker_that_does_not_read_costs_nothing_and_catches_up_in_one_step() {
    let fixture = fixture().await;
    let mut updates = fixture.watch("", 0).await;
    for n in 0..300 {
        fixture.directory.upsert(key(&format!("k-{}", n % 3)), TokenChoice::Set(hash(&n.to_string()))).await.unwrap();
    }
    let update = next(&mut updates).await;
    assert!(update.complete);
    assert_eq!(update.upserts.len(), 4);
    assert!(is_silent(&mut updates));
}

#[tokio::test]
async fn a_worker_resumes() {
    let fixture = fixture().await;
    let mut updates = fixture.watch("", 0).await;
    let first = next(&mut updates).await;
    drop(updates);
    fixture.hub.set_credentials(BTreeMap::from([("c".into(), Default::default())]));
    let mut updates = fixture.watch(&first.epoch, first.revision).await;
    let second = next(&mut updates).await;
    assert!(!second.reset && second.complete && second.upserts.is_empty());
    assert_eq!(second.credentials.len(), 1);
}

#[tokio::test]
async fn streams_end_when_the_control_plane_stops() {
    let fixture = fixture().await;
    let mut waiting = fixture.watch("", 0).await;
    next(&mut waiting).await;
    let mut fresh = fixture.watch("", 0).await;
    fixture.closing.send(true).unwrap();
    assert!(waiting.next().await.is_none());
    assert!(fresh.next().await.is_none());
}

#[tokio::test]
async fn a_worker_that_goes_away_frees_its_place() {
    let fixture = fixture().await;
    let before = fixture.service.slots.available_permits();
    let updates = fixture.watch("", 0).await;
    assert_eq!(fixture.service.slots.available_permits(), before - 1);
    drop(updates);
    assert_eq!(fixture.service.slots.available_permits(), before);
}

#[tokio::test]
async fn more_workers_than_can_be_served_are_turned_away() {
    let mut fixture = fixture().await;
    fixture.service.slots = Arc::new(Semaphore::new(1));
    let _first = fixture.watch("", 0).await;
    let refused = fixture.service.watch(Request::new(WatchRequest::default())).await;
    assert_eq!(refused.err().unwrap().code(), tonic::Code::ResourceExhausted);
}

//! Two gateways on a real Redis.

use ditto_policy::secret::Secret;
use ditto_test_redis::RedisServer;

use super::*;
use crate::ledger::announce_redis::RedisAnnounce;
use crate::ledger::store::{RedisOptions, RedisStore};
use crate::redis::{RedisClient, RedisUrl};

async fn on(server: &RedisServer) -> Fixture<RedisStore> {
    let client = RedisClient::open(&RedisUrl::new(Secret::new(server.url()))).unwrap();
    let store = Arc::new(RedisStore::new(client.clone(), "ditto", RedisOptions::default()).unwrap());
    let announce = RedisAnnounce::new(client, "ditto").unwrap();
    let gateway = super::gateway(LedgerOptions::default(), store, Some(Arc::new(announce.clone()))).await;
    gateway.be_patient();
    gateway.terms.set("k", Some(100), None);
    tokio::spawn(announce.listen(Arc::downgrade(&gateway.desk)));
    gateway
}

/// Until both gateways listen.
async fn listening(server: &RedisServer) {
    until(async || {
        let subscribers: Vec<(String, u64)> = subscribers(server);
        subscribers.iter().all(|(_, number)| *number == 2)
    })
    .await;
}

fn subscribers(server: &RedisServer) -> Vec<(String, u64)> {
    server.command(&["PUBSUB", "NUMSUB", "{ditto}:ledger:recall", "{ditto}:ledger:changes"])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gateways_on_one_redis_use_a_budget_to_the_last_token() {
    let server = RedisServer::start();
    let (here, there) = (on(&server).await, on(&server).await);
    listening(&server).await;
    let (mut asker, mut holder) = (here.worker("1").await, there.worker("2").await);
    assert_eq!(granted(&holder.say(holder.ask("k", 0, 0, 70)).await), 70);
    asker.send(vec![asker.ask("k", 0, 0, 80)]).await;
    assert_eq!(holder.recall().await, ["k"]);
    holder.say(holder.hand_back("k", 70, 20)).await;
    assert_eq!(granted(&asker.reply().await), 80);
    assert_eq!(here.tokens("key:k").await, (20, 80));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recalls_go_on_after_redis_was_away() {
    let server = RedisServer::start_with(ditto_test_redis::Options { aof: true, ..Default::default() });
    let (here, there) = (on(&server).await, on(&server).await);
    let (mut asker, mut holder) = (here.worker("1").await, there.worker("2").await);
    assert_eq!(granted(&holder.say(holder.ask("k", 0, 0, 70)).await), 70);
    server.kill();
    assert_ne!(asker.say(asker.ask("k", 0, 0, 80)).await.unavailable, "");
    server.restart();
    until(async || here.desk.check().await.is_ok() && there.desk.check().await.is_ok()).await;
    listening(&server).await;
    asker.send(vec![asker.ask("k", 0, 0, 80)]).await;
    assert_eq!(holder.recall().await, ["k"]);
    holder.say(holder.hand_back("k", 70, 20)).await;
    assert_eq!(granted(&asker.reply().await), 80);
}

//! Two gateways on one Redis, as their clients see them: keys and revocations.

use std::time::{Duration, Instant};

use ditto_test_redis::{Options, RedisServer};
use ditto_tests::client::{Client, Connection};
use ditto_tests::eventually::eventually;
use ditto_tests::harness::{ADMIN_TOKEN, Gateway, config};
use ditto_tests::simulator::Simulator;
use serde_json::{Value, json};

use ditto_tests::support::{SOON, chat, indifferent, keys_are_known, new_key};

/// Changes whose way from one gateway to the other is measured.
const ROUNDS: usize = 50;

/// Two gateways with the same document and the same Redis.
async fn pair(redis: &RedisServer, document: &Value) -> (Gateway, Gateway) {
    let start =
        || Gateway::builder(document.clone()).args(&["--redis-env", "REDIS_URL"]).env("REDIS_URL", &redis.url());
    let (first, second) = tokio::join!(start().start(), start().start());
    for gateway in [&first, &second] {
        keys_are_known(&gateway.client()).await;
    }
    (first, second)
}

/// The admin API of this gateway's own control plane.
fn admin(gateway: &Gateway) -> Client {
    gateway.control_client().with_bearer(ADMIN_TOKEN)
}

async fn status(gateway: &Gateway, token: &str) -> u16 {
    gateway.client().post("/v1/chat/completions", &chat()).bearer(token).send().await.status
}

async fn becomes(gateway: &Gateway, token: &str, wanted: u16) {
    eventually(SOON, &format!("{token} gets {wanted}"), async || status(gateway, token).await == wanted).await;
}

async fn create(gateway: &Gateway, id: &str, token: &str) -> u16 {
    admin(gateway).post("/admin/keys", &new_key(id, token)).send().await.status
}

/// The names of the checks that fail.
async fn not_ready(gateway: &Gateway) -> Vec<String> {
    let body = gateway.control_client().get("/ready").send().await.json().await;
    let failing = body["checks"].as_array().unwrap().iter().filter(|check| check["status"] != "ok");
    failing.map(|check| check["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_key_of_one_gateway_is_a_key_of_the_other() {
    let redis = RedisServer::start();
    let (left, right) = (Simulator::start(), Simulator::start());
    let (one, two) = pair(&redis, &config::routed(&[("left", &left), ("right", &right)])).await;
    assert_eq!(create(&one, "shared", "sk-ditto-shared-1").await, 201);
    becomes(&two, "sk-ditto-shared-1", 200).await;

    let change = async |gateway: &Gateway, change: Value| {
        let reply = admin(gateway).put("/admin/keys/shared", &change).send().await;
        reply.expect_status(200).await;
    };
    change(&two, json!({"id": "shared", "token": "redacted", "enabled": false})).await;
    becomes(&one, "sk-ditto-shared-1", 401).await;
    change(&one, json!({"id": "shared", "token": "sk-ditto-shared-2", "enabled": true, "route": "right"})).await;
    becomes(&two, "sk-ditto-shared-2", 200).await;
    assert_eq!(status(&two, "sk-ditto-shared-1").await, 401, "its former token is void");
    for _ in 0..5 {
        let reply = two.client().post("/v1/chat/completions", &chat()).bearer("sk-ditto-shared-2").send().await;
        assert_eq!(reply.header("x-ditto-backend"), Some("right"));
    }
    let listed = admin(&two).get("/admin/keys?id_prefix=shared").send().await.json().await;
    assert_eq!((listed[0]["route"].as_str(), listed[0]["enabled"].as_bool()), (Some("right"), Some(true)), "{listed}");

    assert_eq!(admin(&one).delete("/admin/keys/shared").send().await.status, 204);
    becomes(&two, "sk-ditto-shared-2", 401).await;
    assert_eq!(admin(&two).delete("/admin/keys/shared").send().await.status, 404);
    // What the document has too is deleted for both, and stays so.
    assert_eq!(admin(&two).delete(&format!("/admin/keys/{}", config::KEY_ID)).send().await.status, 204);
    becomes(&one, config::TOKEN, 401).await;
}

#[tokio::test]
async fn a_token_that_both_are_asked_for_is_given_once() {
    let redis = RedisServer::start();
    let simulator = indifferent();
    let (one, two) = pair(&redis, &config::single(&simulator)).await;
    for round in 0..10 {
        let token = format!("sk-ditto-wanted-{round}");
        let (left, right) = (format!("left-{round}"), format!("right-{round}"));
        let (left, right) = tokio::join!(create(&one, &left, &token), create(&two, &right, &token));
        assert!([(201, 409), (409, 201)].contains(&(left, right)), "{left} {right}");
        for gateway in [&one, &two] {
            becomes(gateway, &token, 200).await;
        }
    }
}

#[tokio::test]
async fn known_keys_go_on_while_redis_is_away_and_changes_flow_again_when_it_is_back() {
    let redis = RedisServer::start_with(Options { requirepass: Some("hunter2-secret".into()), ..Options::aof() });
    let simulator = indifferent();
    let (one, two) = pair(&redis, &config::single(&simulator)).await;
    assert_eq!(create(&one, "before", "sk-ditto-before").await, 201);
    for gateway in [&one, &two] {
        becomes(gateway, "sk-ditto-before", 200).await;
    }

    redis.kill();
    for gateway in [&one, &two] {
        assert_eq!(status(gateway, "sk-ditto-before").await, 200);
        assert_eq!(status(gateway, config::TOKEN).await, 200);
        let refused = admin(gateway).post("/admin/keys", &new_key("meanwhile", "sk-ditto-meanwhile")).send().await;
        let body = refused.expect_status(500).await.json().await;
        assert_eq!(body["error"]["code"], "storage_error", "{body}");
        assert!(not_ready(gateway).await.contains(&"store.redis".to_owned()));
    }
    redis.restart();
    eventually(SOON, "changes are taken", async || create(&one, "after", "sk-ditto-after").await < 300).await;
    becomes(&two, "sk-ditto-after", 200).await;
    assert_eq!(admin(&two).delete("/admin/keys/before").send().await.status, 204);
    becomes(&one, "sk-ditto-before", 401).await;
    for gateway in [&one, &two] {
        eventually(SOON, "it is ready", async || !not_ready(gateway).await.contains(&"store.redis".to_owned())).await;
        assert!(!gateway.log().contains("hunter2"), "{}", gateway.log());
    }
}

#[tokio::test]
async fn a_redis_that_lost_everything_takes_no_key_from_running_gateways() {
    let redis = RedisServer::start();
    let simulator = indifferent();
    let (mut one, two) = pair(&redis, &config::single(&simulator)).await;
    assert_eq!(create(&one, "stored", "sk-ditto-stored").await, 201);
    becomes(&two, "sk-ditto-stored", 200).await;
    redis.restart();
    for gateway in [&one, &two] {
        eventually(SOON, "the loss is told", async || gateway.log().contains("has lost its past")).await;
        assert!(not_ready(gateway).await.contains(&"store.redis".to_owned()));
        assert_eq!(status(gateway, "sk-ditto-stored").await, 200);
        assert_eq!(create(gateway, "new", "sk-ditto-new").await, 500);
        assert_eq!(admin(gateway).delete("/admin/keys/stored").send().await.status, 500);
        assert_eq!(status(gateway, "sk-ditto-stored").await, 200);
    }
    // A gateway that is started again takes the store as it is. The other holds on to what it has.
    one.kill();
    one.restart().await;
    becomes(&one, config::TOKEN, 200).await;
    assert_eq!(status(&one, "sk-ditto-stored").await, 401);
    assert_eq!(create(&one, "new", "sk-ditto-new").await, 201);
    assert_eq!(status(&two, "sk-ditto-stored").await, 200);
    assert_eq!(status(&two, "sk-ditto-new").await, 401);
}

#[tokio::test]
async fn a_gateway_without_its_redis_does_not_start_and_does_not_tell_the_password() {
    let simulator = indifferent();
    let redis = RedisServer::start_with(Options { requirepass: Some("hunter2".into()), ..Options::default() });
    let wrong = format!("redis://:hunter3@{}", redis.address());
    for (url, said) in [(wrong.as_str(), "cannot reach Redis"), ("http://:hunter3@a", "the Redis URL")] {
        let builder = Gateway::builder(config::single(&simulator)).args(&["--redis", url]);
        let failure = builder.try_start().await.unwrap_err();
        assert!(failure.log.contains(said) && !failure.log.contains("hunter"), "{}", failure.log);
    }
}

/// Sends on a connection that is kept until the status is `wanted`; when the first such answer came.
async fn first(connection: &mut Connection, client: &Client, wanted: u16) -> Instant {
    let started = Instant::now();
    loop {
        let mut reply = connection.try_send(client.get("/v1/files")).await.unwrap();
        reply.bytes().await;
        if reply.status == wanted {
            return Instant::now();
        }
        assert!(started.elapsed() < SOON, "not {wanted} but {} after {SOON:?}", reply.status);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn describe(name: &str, latencies: &mut [Duration]) -> Duration {
    latencies.sort();
    let (median, slow) = (latencies[ROUNDS / 2], latencies[ROUNDS * 99 / 100]);
    println!("{name} on the other gateway, over {ROUNDS} rounds: p50 {median:?}, p99 {slow:?}");
    slow
}

/// From the sending of a change to one gateway to the first request that the other answers by it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_reach_the_other_gateway_within_a_bound() {
    let redis = RedisServer::start_with(Options::aof());
    let simulator = indifferent();
    let (one, two) = pair(&redis, &config::single(&simulator)).await;
    let (mut created, mut deleted) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let (id, token) = (format!("key-{round}"), format!("sk-ditto-measured-{round}"));
        let client = two.client().with_bearer(&token);
        let mut connection = client.connect().await.unwrap();
        let began = Instant::now();
        let (answered, known) = tokio::join!(create(&one, &id, &token), first(&mut connection, &client, 200));
        assert_eq!(answered, 201);
        created.push(known - began);
        let began = Instant::now();
        let path = format!("/admin/keys/{id}");
        let deletion = async { admin(&one).delete(&path).send().await.status };
        let (answered, refused) = tokio::join!(deletion, first(&mut connection, &client, 401));
        assert_eq!(answered, 204);
        deleted.push(refused - began);
    }
    let slow = describe("created", &mut created).max(describe("deleted", &mut deleted));
    // Far beyond what is promised: a busy machine is not the gateway's fault, a message that is not heard would be.
    assert!(slow < Duration::from_secs(5), "{slow:?}");
}

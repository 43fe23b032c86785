//! The ledger's store is away: what is held goes on, nothing else is spent, and it comes back by itself.

use std::time::{Duration, Instant};

use ditto_tests::client::Client;
use ditto_tests::eventually::eventually;
use ditto_tests::harness::config;
use ditto_tests::redis::{Options, RedisServer};
use ditto_tests::support::{SOON, expect_error};
use serde_json::{Value, json};

use super::rig::{CHAT, PLENTY, Rig, chat, key, number, token, with};

/// A request that may say so many tokens, and does.
fn request(max_tokens: u64) -> Value {
    with(chat("Say hello."), json!({"max_tokens": max_tokens}))
}

/// Sends it and returns the status, which is 200 or says that the ledger is away.
async fn say(client: &Client, max_tokens: u64) -> u16 {
    let fault = format!("tokens={max_tokens}");
    let reply = client.post(CHAT, &request(max_tokens)).header("x-simulator-fault", &fault).send().await;
    if reply.status == 200 {
        let mut reply = reply;
        reply.bytes().await;
        return 200;
    }
    assert_eq!(reply.header("retry-after"), Some("1"));
    expect_error(reply, 503, "ledger_unavailable").await;
    503
}

/// How many requests are served before the ledger would have to be asked.
async fn until_refused(client: &Client, max_tokens: u64) -> u64 {
    let mut served = 0;
    while say(client, max_tokens).await == 200 {
        served += 1;
        assert!(served < 1_000, "it is never refused");
    }
    served
}

async fn state(rig: &Rig) -> String {
    rig.books.status().await["state"].as_str().unwrap_or_default().to_owned()
}

/// Whether `/ready` says that the ledger is well; all of it is 503 if not.
async fn ledger_is_ready(rig: &Rig) -> bool {
    let mut reply = rig.gateway.control_client().get("/ready").send().await;
    let body = reply.json().await;
    let checks = body["checks"].as_array().cloned().unwrap_or_default();
    let ledger = checks.iter().find(|check| check["name"] == "ledger").unwrap_or_else(|| panic!("no ledger: {body}"));
    let ready = ledger["status"] == "ok";
    assert!(ready || reply.status == 503, "{body}");
    ready
}

/// The gateway before this Redis, with its own data there.
async fn start(redis: &RedisServer, prefix: &str, args: &[&str]) -> Rig {
    let keys = [
        key("limited", PLENTY),
        with(key("strict", PLENTY), json!({"budget_mode": "strict"})),
        config::key("free", &token("free")),
    ];
    let url = redis.url();
    let args: Vec<&str> = ["--redis", &url, "--redis-prefix", prefix].iter().chain(args).copied().collect();
    Rig::start(keys, &args).await
}

/// The books have what the simulator delivered, no more and no less.
async fn assert_booked(rig: &Rig, ids: &[&str]) {
    for id in ids {
        let served = rig.delivered(id);
        let spent = served.prompt_tokens + served.generated_tokens;
        rig.books.until(id, &format!("{spent} tokens are booked"), |row| row["spent_tokens"] == spent).await;
    }
}

#[tokio::test]
async fn a_limited_key_goes_on_with_what_it_holds_and_works_again_when_the_ledger_is_back() {
    let redis = RedisServer::start_with(Options::aof());
    let rig = start(&redis, "ditto", &[]).await;
    let (limited, free) = (rig.client("limited"), rig.client("free"));

    // Scripts that are gone are loaded again, and nobody notices.
    for _ in 0..3 {
        assert_eq!(say(&limited, 10).await, 200);
        redis.flush_scripts();
    }
    assert_eq!(rig.books.booked("limited", 3).await["requests"], 3);
    assert_eq!(rig.books.status().await["counters"]["store_errors"], 0);

    // What a request reserved and did not use stays with its worker for a moment.
    let large = limited.post(CHAT, &request(20_000)).header("x-simulator-fault", "tokens=10");
    large.send().await.expect_status(200).await.bytes().await;
    let held = number(&rig.books.booked("limited", 4).await, "reserved_tokens");
    redis.kill();
    let before = rig.delivered("limited");
    let served = until_refused(&limited, 1_000).await;
    let after = rig.delivered("limited");
    let used = after.prompt_tokens + after.generated_tokens - before.prompt_tokens - before.generated_tokens;
    assert!(served > 0 && used <= held, "{served} requests used {used} of {held}");
    for _ in 0..5 {
        assert_eq!(say(&free, 1_000).await, 200);
    }
    assert_eq!(say(&limited, 1_000).await, 503);
    eventually(SOON, "the ledger is seen to be away", async || state(&rig).await == "away").await;
    eventually(SOON, "it is not ready", async || !ledger_is_ready(&rig).await).await;
    assert_eq!(say(&free, 1_000).await, 200);

    redis.restart();
    eventually(SOON, "the key works again", async || say(&limited, 1_000).await == 200).await;
    eventually(SOON, "it is ready", async || ledger_is_ready(&rig).await).await;
    assert_booked(&rig, &["limited", "free"]).await;
    rig.books.settled("limited").await;
}

/// A store that stands still is no better than one that is gone. What is held ends with its lease, used up or not.
#[tokio::test]
async fn a_lease_ends_in_time_while_the_ledger_does_not_answer() {
    let redis = RedisServer::start();
    let rig = start(&redis, "ditto", &["--lease-secs", "5"]).await;
    let (limited, free) = (rig.client("limited"), rig.client("free"));
    let large = limited.post(CHAT, &request(100_000)).header("x-simulator-fault", "tokens=10");
    large.send().await.expect_status(200).await.bytes().await;
    redis.pause();
    let paused = Instant::now();
    assert_eq!(say(&limited, 10).await, 200);
    let mut served = 0;
    while say(&limited, 10).await == 200 {
        assert_eq!(say(&free, 10).await, 200);
        served += 1;
        assert!(paused.elapsed() < SOON, "the lease does not end");
        // Not to use up what is held before its time is over.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(served > 0 && served * 20 < 50_000, "{served} requests: it was time that ended it");
    let asked = Instant::now();
    assert_eq!(say(&limited, 10).await, 503);
    assert!(asked.elapsed() < Duration::from_secs(5), "a client does not wait for long: {:?}", asked.elapsed());

    redis.resume();
    eventually(SOON, "the key works again", async || say(&limited, 10).await == 200).await;
    assert_eq!(say(&free, 10).await, 200);
    // Its worker was not heard of in time, so that the lease was charged in full; or it was, and nothing is lost.
    let used = rig.delivered("limited");
    let used = used.prompt_tokens + used.generated_tokens;
    rig.books.until("limited", "what was used is booked", |row| number(row, "spent_tokens") >= used).await;
}

#[tokio::test]
async fn books_that_redis_wrote_down_survive_its_crash() {
    let redis = RedisServer::start_with(Options::aof());
    let rig = start(&redis, "ditto", &[]).await;
    let epoch = rig.books.status().await["epoch"].clone();
    for _ in 0..3 {
        for id in ["limited", "strict", "free"] {
            let client = rig.client(id);
            eventually(SOON, "it works again", async || say(&client, 50).await == 200).await;
        }
        redis.restart();
    }
    eventually(SOON, "the ledger is back", async || state(&rig).await == "ok").await;
    assert_eq!(rig.books.status().await["epoch"], epoch, "these are the same books");
    assert_booked(&rig, &["limited", "strict", "free"]).await;
}

#[tokio::test]
async fn so_many_tokens_may_be_used_while_the_ledger_is_away_and_are_booked_afterwards() {
    const ALLOWANCE: u64 = 5_000;
    let redis = RedisServer::start_with(Options::aof());
    let rig = start(&redis, "ditto", &["--ledger-fail-open-tokens", "5000"]).await;
    let (strict, limited) = (rig.client("strict"), rig.client("limited"));
    for client in [&strict, &limited] {
        assert_eq!(say(client, 400).await, 200);
    }
    // Nothing is held, so that all of what follows is allowed by the gateway itself.
    for id in ["strict", "limited"] {
        rig.books.settled(id).await;
    }
    let before = rig.simulator.totals();
    redis.kill();
    // Before the gateway has seen that the store is away, requests may wait in vain.
    eventually(SOON, "the allowance is used", async || say(&strict, 400).await == 200).await;
    assert!(until_refused(&strict, 400).await + until_refused(&limited, 1_000).await > 0);
    assert_eq!(say(&strict, 400).await, 503);
    let after = rig.simulator.totals();
    let used = |totals: ditto_tests::simulator::Totals| totals.prompt_tokens + totals.generated_tokens;
    let used = used(after) - used(before);
    assert!((ALLOWANCE / 2..=ALLOWANCE).contains(&used), "{used} of {ALLOWANCE}");
    let left = number(&rig.books.status().await["fail_open_left"], "tokens");
    assert!(left < 1_000, "too little for another request: {left}");

    redis.restart();
    eventually(SOON, "the ledger is back", async || state(&rig).await == "ok").await;
    assert_booked(&rig, &["strict", "limited"]).await;
}

#[tokio::test]
async fn a_ledger_that_lost_its_past_waits_for_an_operators_word() {
    let redis = RedisServer::start();
    let (rig, bold) = tokio::join!(start(&redis, "one", &[]), start(&redis, "two", &["--ledger-on-loss", "continue"]));
    let (limited, free) = (rig.client("limited"), rig.client("free"));
    let admin = rig.gateway.control_client().with_bearer(ditto_tests::harness::ADMIN_TOKEN);
    let accept = async || admin.post("/admin/ledger/accept-loss", &json!({})).send().await;
    assert_eq!(accept().await.status, 409, "nothing is lost");
    for forget in [RedisServer::flush_all, RedisServer::restart] {
        assert_eq!(say(&limited, 100).await, 200);
        assert_eq!(say(&bold.client("limited"), 100).await, 200);
        forget(&redis);
        eventually(SOON, "the loss is seen", async || say(&limited, 100).await == 503 && state(&rig).await == "halted")
            .await;
        assert!(rig.books.status().await["reason"].is_string());
        eventually(SOON, "it is not ready", async || !ledger_is_ready(&rig).await).await;
        assert_eq!(say(&limited, 100).await, 503);
        assert_eq!(say(&free, 100).await, 200);
        // Who was told to go on does so.
        eventually(SOON, "it goes on", async || say(&bold.client("limited"), 100).await == 200).await;
        accept().await.expect_status(200).await;
        assert_eq!(accept().await.status, 409, "it is accepted already");
        eventually(SOON, "the key works again", async || say(&limited, 100).await == 200).await;
        eventually(SOON, "it is ready", async || ledger_is_ready(&rig).await).await;
    }
    assert!(rig.gateway.log().contains("lost its past"));
}

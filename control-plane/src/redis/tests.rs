//! Against a real server: what is refused, what comes back, and what listeners hear.

use std::time::{Duration, Instant};

use ditto_policy::secret::Secret;
use ditto_test_redis::{Options, RedisServer};

use super::*;

fn url(text: &str) -> RedisUrl {
    RedisUrl::new(Secret::new(text))
}

fn client(server: &RedisServer) -> RedisClient {
    RedisClient::open(&url(&server.url())).unwrap()
}

async fn get(client: &RedisClient, key: &str) -> redis::RedisResult<Option<String>> {
    redis::cmd("GET").arg(key).query_async(&mut client.connection()).await
}

#[test]
fn urls_are_read_in_all_documented_forms() {
    for (text, server) in [
        ("redis://cache", "cache:6379"),
        ("redis://user:p%40ss@cache:7000/3", "cache:7000"),
        ("rediss://:pass@cache:7000", "cache:7000"),
        ("valkey://cache:7000", "cache:7000"),
        ("unix:///run/redis.sock", "/run/redis.sock"),
        ("redis+cluster://a:1", "a:1"),
        ("rediss+cluster://user:p%40ss@a:1,b:2,[::1]:3", "a:1,b:2,::1:3"),
        (" redis://cache:1\n", "cache:1"),
    ] {
        assert_eq!(RedisClient::open(&url(text)).unwrap().server(), server, "{text}");
    }
}

#[test]
fn a_url_that_makes_no_sense_is_refused_without_being_quoted() {
    for text in [
        "hunter2",
        "http://:hunter2@cache",
        "redis://:hunter2@cache:port",
        "redis://:hunter2@cache/db",
        "redis://:hunter2@cache/?protocol=hunter2",
        "rediss://:hunter2@cache/#insecure",
        "redis+cluster://:hunter2@a:1/3",
        "redis+cluster://:hunter2@",
        "unix+cluster:///hunter2",
    ] {
        let error = RedisClient::open(&url(text)).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(shown.contains("the Redis URL") || shown.contains("Url("), "{shown}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn what_is_shown_of_a_client_has_no_secret() {
    let url = url("redis://admin:hunter2@cache:7000");
    let client = RedisClient::open(&url).unwrap();
    let shown = format!("{url:?} {client:?} {:?} {:?}", client.connection(), client.clone());
    assert!(shown.contains("cache:7000"));
    assert!(!shown.contains("hunter2") && !shown.contains("admin"), "{shown}");
}

#[tokio::test]
async fn a_password_is_used_and_a_wrong_one_is_not_told() {
    let server = RedisServer::start_with(Options { requirepass: Some("hunter2".into()), ..Options::default() });
    client(&server).ping().await.unwrap();
    let wrong = RedisClient::open(&url(&format!("redis://:hunter3@{}", server.address()))).unwrap();
    let error = wrong.ping().await.unwrap_err();
    assert!(matches!(error, RedisError::Unreachable { .. }), "{error:?}");
    let shown = format!("{error} {error:?}");
    assert!(shown.contains(&server.address().to_string()) && !shown.contains("hunter"), "{shown}");
}

#[tokio::test]
async fn a_connection_survives_the_servers_restart() {
    let server = RedisServer::start_with(Options::aof());
    let client = client(&server);
    server.command::<()>(&["SET", "colour", "green"]);
    assert_eq!(get(&client, "colour").await.unwrap().as_deref(), Some("green"));
    server.kill();
    assert!(get(&client, "colour").await.is_err());
    server.restart();
    let deadline = Instant::now() + Duration::from_secs(10);
    while get(&client, "colour").await.ok().flatten().as_deref() != Some("green") {
        assert!(Instant::now() < deadline, "the connection does not come back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_server_that_does_not_answer_costs_a_bounded_time_and_is_asked_again() {
    let server = RedisServer::start();
    let client = client(&server);
    client.ping().await.unwrap();
    server.pause();
    let started = Instant::now();
    assert!(client.ping().await.is_err());
    assert!(started.elapsed() < 2 * (CONNECT_TIMEOUT + RESPONSE_TIMEOUT), "{:?}", started.elapsed());
    server.resume();
    let deadline = Instant::now() + Duration::from_secs(10);
    while client.ping().await.is_err() {
        assert!(Instant::now() < deadline, "the connection does not come back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn many_share_one_connection() {
    let server = RedisServer::start();
    let client = client(&server);
    let users = (0..500).map(|_| {
        let mut connection = client.connection();
        async move { redis::cmd("INCR").arg("n").query_async::<u64>(&mut connection).await }
    });
    let mut seen: Vec<u64> = futures_util::future::try_join_all(users).await.unwrap();
    seen.sort_unstable();
    assert_eq!(seen, (1..=500).collect::<Vec<_>>());
    let clients: String = server.command(&["CLIENT", "LIST", "TYPE", "normal"]);
    assert_eq!(clients.lines().filter(|line| line.contains("cmd=incr")).count(), 1, "{clients}");
}

#[tokio::test]
async fn a_cluster_is_spoken_to_as_one() {
    let server = RedisServer::start_with(Options::cluster());
    let client = RedisClient::open(&url(&format!("redis+cluster://{}", server.address()))).unwrap();
    client.ping().await.unwrap();
    for key in ["a", "b", "c"] {
        redis::cmd("SET").arg(key).arg(key).exec_async(&mut client.connection()).await.unwrap();
        assert_eq!(get(&client, key).await.unwrap().as_deref(), Some(key));
    }
    let mut subscription = client.subscribe(vec!["{x}:news".into()]);
    assert_eq!(subscription.next().await, Notice::Gap);
    server.command::<()>(&["PUBLISH", "{x}:news", "hello"]);
    assert_eq!(subscription.next().await, message("{x}:news", "hello"));
    server.restart();
    let deadline = Instant::now() + Duration::from_secs(10);
    while client.ping().await.is_err() {
        assert!(Instant::now() < deadline, "the connection does not come back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn message(channel: &str, payload: &str) -> Notice {
    Notice::Message { channel: channel.into(), payload: payload.into() }
}

#[tokio::test]
async fn listeners_hear_messages_in_order_and_learn_of_gaps() {
    let server = RedisServer::start();
    let client = client(&server);
    let mut subscription = client.subscribe(vec!["a".into(), "b".into()]);
    assert_eq!(subscription.next().await, Notice::Gap);
    for number in 0..1000 {
        let channel = if number % 2 == 0 { "a" } else { "b" };
        redis::cmd("PUBLISH").arg(channel).arg(number).exec_async(&mut client.connection()).await.unwrap();
        assert_eq!(subscription.next().await, message(channel, &number.to_string()));
    }
    server.restart();
    assert_eq!(subscription.next().await, Notice::Gap, "nobody knows what was said meanwhile");
    server.command::<()>(&["PUBLISH", "b", "again"]);
    assert_eq!(subscription.next().await, message("b", "again"));
}

#[tokio::test]
async fn a_silent_connection_to_a_server_that_stands_still_is_given_up() {
    let server = RedisServer::start();
    let mut subscription = client(&server).subscribe(vec!["a".into()]);
    assert_eq!(subscription.next().await, Notice::Gap);
    server.pause();
    tokio::time::sleep(2 * super::RESPONSE_TIMEOUT + Duration::from_millis(500)).await;
    server.resume();
    assert_eq!(subscription.next().await, Notice::Gap);
}

#[tokio::test]
async fn a_dropped_subscription_leaves() {
    let server = RedisServer::start();
    let mut subscription = client(&server).subscribe(vec!["a".into()]);
    assert_eq!(subscription.next().await, Notice::Gap);
    assert_eq!(server.command::<Vec<(String, u64)>>(&["PUBSUB", "NUMSUB", "a"]), [("a".to_owned(), 1)]);
    drop(subscription);
    let deadline = Instant::now() + Duration::from_secs(10);
    while server.command::<Vec<(String, u64)>>(&["PUBSUB", "NUMSUB", "a"]) != [("a".to_owned(), 0)] {
        assert!(Instant::now() < deadline, "it still listens");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

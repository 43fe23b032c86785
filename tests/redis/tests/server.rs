//! The helper itself, on a real server.

use std::fs;
use std::sync::Arc;
use std::thread;

use ditto_test_redis::{Options, RedisServer, redis};

#[test]
fn two_servers_have_nothing_in_common() {
    let (first, second) = (RedisServer::start(), RedisServer::start());
    assert_ne!(first.address(), second.address());
    first.command::<()>(&["SET", "a", "1"]);
    assert_eq!(first.command::<i64>(&["GET", "a"]), 1);
    assert_eq!(second.command::<Option<i64>>(&["GET", "a"]), None);
}

#[test]
fn a_killed_server_forgets_without_a_file() {
    let server = RedisServer::start();
    server.command::<()>(&["SET", "a", "1"]);
    let before = server.pid().unwrap();
    server.kill();
    assert_eq!(server.pid(), None);
    assert!(server.try_command::<String>(&["PING"]).is_err());
    server.restart();
    assert_ne!(server.pid().unwrap(), before);
    assert_eq!(server.command::<Option<i64>>(&["GET", "a"]), None);
}

#[test]
fn a_killed_server_with_a_file_knows_what_it_answered() {
    let server = RedisServer::start_with(Options::aof());
    for number in 1..=50 {
        assert_eq!(server.command::<i64>(&["INCR", "n"]), number);
    }
    server.restart();
    assert_eq!(server.command::<i64>(&["GET", "n"]), 50);
}

#[test]
fn a_password_is_in_the_url_and_needed() {
    let server = RedisServer::start_with(Options { requirepass: Some("open-sesame".to_owned()), ..Options::default() });
    assert_eq!(server.command::<String>(&["PING"]), "PONG");
    let without = redis::Client::open(format!("redis://{}", server.address())).unwrap();
    let refused = without.get_connection().and_then(|mut c| redis::cmd("PING").query::<String>(&mut c)).unwrap_err();
    assert!(refused.to_string().contains("NOAUTH"), "{refused}");
}

#[test]
fn a_cluster_of_one_serves_all_slots_and_refuses_to_cross_them() {
    let server = RedisServer::start_with(Options::cluster());
    server.command::<()>(&["MSET", "{tag}a", "1", "{tag}b", "2"]);
    let crossed = server.try_command::<()>(&["MSET", "a", "1", "b", "2"]).unwrap_err();
    assert!(crossed.to_string().contains("CrossSlot") || crossed.code() == Some("CROSSSLOT"), "{crossed}");

    let client = redis::cluster::ClusterClient::new(vec![server.url()]).unwrap();
    let mut connection = client.get_connection().unwrap();
    let sum: i64 = redis::cmd("INCRBY").arg("elsewhere").arg(5).query(&mut connection).unwrap();
    assert_eq!(sum, 5);
    server.restart();
    assert_eq!(server.command::<Option<i64>>(&["GET", "elsewhere"]), None);
}

#[test]
fn scripts_can_be_lost() {
    let server = RedisServer::start();
    let hash: String = server.command(&["SCRIPT", "LOAD", "return 7"]);
    assert_eq!(server.command::<i64>(&["EVALSHA", &hash, "0"]), 7);
    server.flush_scripts();
    assert_eq!(server.try_command::<i64>(&["EVALSHA", &hash, "0"]).unwrap_err().code(), Some("NOSCRIPT"));
}

#[test]
fn a_paused_server_answers_when_it_goes_on() {
    let server = Arc::new(RedisServer::start());
    server.pause();
    let asking = thread::spawn({
        let server = Arc::clone(&server);
        move || server.command::<String>(&["PING"])
    });
    // Standing still, it cannot have answered, however late this is looked at.
    assert!(!asking.is_finished());
    server.resume();
    assert_eq!(asking.join().unwrap(), "PONG");
}

#[test]
fn nothing_is_left_when_it_is_dropped() {
    let server = RedisServer::start();
    let (pid, address) = (server.pid().unwrap(), server.address());
    drop(server);
    assert!(!fs::exists(format!("/proc/{pid}")).unwrap());
    assert!(std::net::TcpListener::bind(address).is_ok());
}

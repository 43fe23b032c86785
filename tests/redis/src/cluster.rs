//! A cluster of one node: enough to refuse what no cluster can do, such as a step over keys of different slots.

use std::thread;
use std::time::Instant;

use super::{POLL, READY_DEADLINE, RedisServer};

const SLOTS: u16 = 16_384;

/// Gives the node all slots and waits until the cluster serves.
pub(super) fn form(server: &RedisServer) {
    // A range in one command came with 7.0; this is understood before that too.
    let slots: Vec<String> = (0..SLOTS).map(|slot| slot.to_string()).collect();
    let words: Vec<&str> = ["CLUSTER", "ADDSLOTS"].into_iter().chain(slots.iter().map(String::as_str)).collect();
    server.command::<()>(&words);
    wait_until_ok(server);
}

/// Waits until the cluster serves: a node takes two seconds to be sure that it may.
pub(super) fn wait_until_ok(server: &RedisServer) {
    let started = Instant::now();
    while !server.command::<String>(&["CLUSTER", "INFO"]).contains("cluster_state:ok") {
        assert!(started.elapsed() < READY_DEADLINE, "the cluster does not serve:\n{}", server.log());
        thread::sleep(POLL);
    }
}

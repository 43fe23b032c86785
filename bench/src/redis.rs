//! The Redis server of a run: a real one that keeps nothing on disk, beside the control planes on the upstream's core.

use std::thread;

use anyhow::{Context, Result};
use ditto_test_redis::RedisServer;

use crate::affinity;

/// A running server. Dropped, it ends.
#[derive(Debug)]
pub(crate) struct Redis {
    server: RedisServer,
}

impl Redis {
    /// Starts it on the given core: `REDIS_BIN`, or the one that the tests use.
    pub(crate) fn start(core: usize) -> Result<Self> {
        // A child inherits the core of the thread that starts it; a thread of its own leaves the caller's as it is.
        let started = thread::spawn(move || {
            affinity::pin(core)?;
            anyhow::Ok(RedisServer::start())
        });
        let server = started.join().ok().context("there is no Redis server: run tools/setup-redis.sh")??;
        Ok(Self { server })
    }

    /// For `--redis`.
    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    pub(crate) fn pid(&self) -> Option<u32> {
        self.server.pid()
    }

    /// `Redis 7.0.15`.
    pub(crate) fn version(&self) -> String {
        version(&self.server.command::<String>(&["INFO", "server"]))
    }
}

/// Reads it off what the server says of itself. Valkey names itself, and a version of Redis for old clients.
fn version(info: &str) -> String {
    let of = |name: &str, field: &str| {
        let line = info.lines().find_map(|line| line.strip_prefix(field));
        line.map(|version| format!("{name} {}", version.trim()))
    };
    of("Valkey", "valkey_version:").or_else(|| of("Redis", "redis_version:")).unwrap_or_else(|| "Redis".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_tells_its_version() {
        assert_eq!(version("# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\n"), "Redis 7.0.15");
        assert_eq!(version("redis_version:7.2.4\r\nvalkey_version:8.0.1\r\n"), "Valkey 8.0.1");
        assert_eq!(version(""), "Redis");
    }

    #[test]
    fn it_runs_and_ends_with_its_owner() {
        let redis = Redis::start(affinity::Cores::detect().unwrap().upstream).unwrap();
        assert!(redis.url().starts_with("redis://127.0.0.1:"));
        assert!(redis.version().contains(' '), "{}", redis.version());
        let pid = redis.pid().unwrap();
        drop(redis);
        assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
    }
}

//! Which program is the server.

use std::env;
use std::path::{Path, PathBuf};

/// The server's program: `REDIS_BIN`, the one among the project's tools, or `redis-server` or `valkey-server` on the
/// `PATH`.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn find() -> PathBuf {
    if let Some(named) = env::var_os("REDIS_BIN").filter(|value| !value.is_empty()) {
        let path = PathBuf::from(named);
        assert!(path.is_file(), "REDIS_BIN is {}, which is not a file", path.display());
        return path;
    }
    let fetched = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/redis/redis-server");
    let found = [fetched].into_iter().chain(on_path("redis-server")).chain(on_path("valkey-server"));
    let mut found = found.filter(|path| path.is_file());
    found.next().expect("a Redis server is missing: run tools/setup-redis.sh (or set REDIS_BIN)")
}

fn on_path(name: &'static str) -> impl Iterator<Item = PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).map(|directory| directory.join(name)).collect::<Vec<_>>().into_iter()
}

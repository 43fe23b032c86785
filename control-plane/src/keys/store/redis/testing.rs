//! Redis stores for tests that are not on a runtime, as the directory's blocking threads are not.

use ditto_policy::secret::Secret;
use ditto_test_redis::{Options, RedisServer};
use tokio::runtime::Runtime;

use super::RedisStore;
use crate::redis::{RedisClient, RedisUrl};

/// A server of its own, and a runtime for the stores on it.
pub(crate) struct Place {
    // Before the runtime: connections end with it.
    pub(crate) server: RedisServer,
    pub(crate) runtime: Runtime,
    url: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self::with(Options::default())
    }

    pub(crate) fn with(options: Options) -> Self {
        let cluster = options.cluster;
        let server = RedisServer::start_with(options);
        let url = if cluster { server.url().replace("redis://", "redis+cluster://") } else { server.url() };
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        Self { server, runtime, url }
    }

    /// A client of its own, as another gateway has.
    pub(crate) fn client(&self) -> RedisClient {
        RedisClient::open(&RedisUrl::new(Secret::new(&*self.url))).unwrap()
    }

    /// The store that another gateway with this prefix has.
    pub(crate) fn open(&self, prefix: &str) -> RedisStore {
        self.runtime.block_on(RedisStore::open(self.client(), prefix)).unwrap()
    }
}

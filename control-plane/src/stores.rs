//! Opening the stores that the flags name.

use std::sync::Arc;

use anyhow::Context as _;

use crate::config::ConfigManager;
use crate::config::follow::follow as follow_config;
use crate::config::versions::{MemoryVersions, RedisVersions, SqliteVersions, Versions};
use crate::environment;
use crate::keys::directory::KeyDirectory;
use crate::keys::follow::follow;
use crate::keys::store::{KeyStore, MemoryStore, RedisStore, SqliteStore};
use crate::redis::{RedisClient, RedisUrl};
use crate::settings::Run;

/// The Redis that gateways share.
#[derive(Debug, Clone)]
pub struct SharedRedis {
    /// The way there.
    pub client: RedisClient,
    /// What the names of everything of ours begin with, in braces.
    pub prefix: String,
}

/// The Redis of the flags, if they name one.
///
/// # Errors
/// It does not answer, or the flags make no sense.
pub async fn redis(run: &Run) -> anyhow::Result<Option<SharedRedis>> {
    let (flag, url) = match (&run.redis.redis, &run.redis.redis_env) {
        (Some(url), _) => ("--redis", url.clone()),
        (None, Some(name)) => ("--redis-env", environment::secret("--redis-env", name, run.dotenv.as_deref())?),
        (None, None) => return Ok(None),
    };
    let client = RedisClient::open(&RedisUrl::new(url)).context(flag)?;
    client.ping().await.context(flag)?;
    Ok(Some(SharedRedis { client, prefix: run.redis.redis_prefix.clone() }))
}

/// The store of keys. Without one in the flags, it is memory.
///
/// # Errors
/// It cannot be opened.
pub async fn keys(run: &Run, redis: Option<&SharedRedis>) -> anyhow::Result<Arc<dyn KeyStore>> {
    if let Some(SharedRedis { client, prefix }) = redis {
        return Ok(Arc::new(RedisStore::open(client.clone(), prefix).await?));
    }
    Ok(match &run.sqlite {
        Some(path) => Arc::new(SqliteStore::open(path).with_context(|| format!("--sqlite {}", path.display()))?),
        None => Arc::new(MemoryStore::default()),
    })
}

/// The store of the configuration's versions, beside that of the keys.
///
/// # Errors
/// It cannot be opened.
pub fn versions(run: &Run, redis: Option<&SharedRedis>) -> anyhow::Result<Versions> {
    if let Some(SharedRedis { client, prefix }) = redis {
        return Ok(Versions::new(Arc::new(RedisVersions::new(client.clone(), prefix))));
    }
    Ok(match &run.sqlite {
        Some(path) => {
            let store = SqliteVersions::open(path).with_context(|| format!("--sqlite {}", path.display()))?;
            Versions::new(Arc::new(store))
        }
        None => Versions::new(Arc::new(MemoryVersions::default())),
    })
}

impl SharedRedis {
    /// Puts in force what other gateways install, for good.
    pub async fn follow_config(self, manager: Arc<ConfigManager>) {
        let notices = self.client.subscribe(vec![RedisVersions::channel(&self.prefix)]);
        follow_config(manager, notices).await;
    }

    /// Brings what other gateways do to the keys into `directory`, for good.
    pub async fn follow_keys(self, directory: Arc<KeyDirectory>) {
        let notices = self.client.subscribe(vec![RedisStore::channel(&self.prefix)]);
        follow(directory, notices).await;
    }
}

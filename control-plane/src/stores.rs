//! Opening the stores that the flags name.

use std::sync::Arc;

use anyhow::{Context as _, anyhow};

use crate::config::ConfigManager;
use crate::config::follow::follow as follow_config;
use crate::config::versions::{MemoryVersions, RedisVersions, SqliteVersions, Versions};
use crate::environment;
use crate::keys::directory::KeyDirectory;
use crate::keys::follow::follow;
use crate::keys::store::{KeyStore, MemoryStore, RedisStore, SqliteStore};
use crate::providers::ProviderBook;
use crate::providers::seal::Sealer;
use crate::providers::store::{MemoryProviders, ProviderStore, RedisProviders, SqliteProviders};
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

/// The store of providers, beside that of the keys, and what seals their keys in it.
///
/// # Errors
/// It cannot be opened, or the key that seals is none.
pub fn providers(run: &Run, redis: Option<&SharedRedis>) -> anyhow::Result<ProviderBook> {
    let sealer = match &run.secrets_key_env {
        Some(name) => {
            let keys = environment::secret("--secrets-key-env", name, run.dotenv.as_deref())?;
            Some(Sealer::parse(&keys).map_err(|error| anyhow!("--secrets-key-env: the variable {name}: {error}"))?)
        }
        // What nobody else can read needs no key that somebody knows.
        None if redis.is_none() && run.sqlite.is_none() => {
            Some(Sealer::of_this_process().map_err(|error| anyhow!(error))?)
        }
        None => None,
    };
    let store: Arc<dyn ProviderStore> = match (redis, &run.sqlite) {
        (Some(SharedRedis { client, prefix }), _) => Arc::new(RedisProviders::new(client.clone(), prefix)),
        (None, Some(path)) => {
            Arc::new(SqliteProviders::open(path).with_context(|| format!("--sqlite {}", path.display()))?)
        }
        (None, None) => Arc::new(MemoryProviders::default()),
    };
    Ok(ProviderBook::new(store, sealer))
}

impl SharedRedis {
    /// Puts in force what other gateways install and make of providers, for good.
    pub async fn follow_config(self, manager: Arc<ConfigManager>) {
        let channels = vec![RedisVersions::channel(&self.prefix), RedisProviders::channel(&self.prefix)];
        let notices = self.client.subscribe(channels);
        follow_config(manager, notices).await;
    }

    /// Brings what other gateways do to the keys into `directory`, for good.
    pub async fn follow_keys(self, directory: Arc<KeyDirectory>) {
        let notices = self.client.subscribe(vec![RedisStore::channel(&self.prefix)]);
        follow(directory, notices).await;
    }
}

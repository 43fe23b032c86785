//! The connection to a Redis or Valkey server that several gateways share.
//!
//! [`RedisUrl`] says where it is, a [`RedisClient`] holds one connection that all its users share, and a
//! [`Subscription`] listens to channels on a connection of its own. Whatever breaks is opened again by whoever needs it
//! next; nobody waits longer than [`CONNECT_TIMEOUT`] and [`RESPONSE_TIMEOUT`] together. Errors and `Debug` name the
//! server, never the user or the password.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

mod connection;
mod subscription;
#[cfg(test)]
mod tests;
mod url;

pub use connection::RedisConnection;
pub use subscription::{Notice, Subscription};
pub use url::RedisUrl;

/// A connection that is not there by then has failed, greeting and password included.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// A command that is not answered by then has failed. Whether the server has done it is not known.
pub const RESPONSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Why Redis did not do what it was asked to. The texts are for logs.
#[derive(Debug, thiserror::Error)]
pub enum RedisError {
    /// The URL makes no sense. The text does not quote it.
    #[error("the Redis URL {0}")]
    Url(String),
    /// There is no connection.
    #[error("cannot reach Redis at {server}: {source}")]
    Unreachable {
        /// Its host and port.
        server: String,
        /// What went wrong.
        source: redis::RedisError,
    },
    /// The server answered, but not as it must.
    #[error("Redis at {server}: {reason}")]
    Unusable {
        /// Its host and port.
        server: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// A way to one Redis. Clones share the connection.
#[derive(Clone)]
pub struct RedisClient {
    connection: RedisConnection,
}

impl RedisClient {
    /// A client of the server at `url`. Nothing is connected yet: see [`RedisClient::ping`].
    ///
    /// # Errors
    /// The URL makes no sense.
    pub fn open(url: &RedisUrl) -> Result<Self, RedisError> {
        let target = connection::Target::new(url)?;
        Ok(Self { connection: RedisConnection::new(Arc::new(target)) })
    }

    /// The connection that all users of this client share; commands of several users are under way at the same time.
    /// It needs no look after: one that broke is opened again by the next command, which fails if that fails.
    pub fn connection(&self) -> RedisConnection {
        self.connection.clone()
    }

    /// Hosts and ports, for messages.
    pub fn server(&self) -> &str {
        self.connection.target().server()
    }

    /// Whether the server answers.
    ///
    /// # Errors
    /// It cannot be reached, does not know the user or the password, or answers something else.
    pub async fn ping(&self) -> Result<(), RedisError> {
        let mut connection = self.connection();
        let reply: String = redis::cmd("PING").query_async(&mut connection).await.map_err(|source| {
            let server = self.server().to_owned();
            RedisError::Unreachable { server, source }
        })?;
        match reply.as_str() {
            "PONG" => Ok(()),
            _ => {
                let reason = "something else than Redis answers there".to_owned();
                Err(RedisError::Unusable { server: self.server().to_owned(), reason })
            }
        }
    }

    /// Listens to `channels` from now on, through every loss of the connection, until the subscription is dropped.
    /// Must be called on a Tokio runtime.
    pub fn subscribe(&self, channels: Vec<String>) -> Subscription {
        Subscription::start(Arc::clone(self.connection.target()), channels)
    }
}

impl fmt::Debug for RedisClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisClient").field("server", &self.server()).finish()
    }
}

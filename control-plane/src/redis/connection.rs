//! One connection that many share and that comes back after a failure.
//!
//! The library's own manager of connections keeps one whose replies do not come, and lets commands wait through its
//! attempts to reconnect, for longer than a caller here may wait. So this wrapper around the library's multiplexed
//! connection has three rules: one caller at a time connects, while the others wait for its outcome; for a moment after
//! a failed attempt every command fails at once; and a connection on which a command failed for want of a reply is not
//! used again.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, ErrorKind, Pipeline, RedisFuture, RedisResult, Value};
use tokio::sync::Mutex;

use super::url::RedisUrl;
use super::{CONNECT_TIMEOUT, RESPONSE_TIMEOUT, RedisError};

/// How long after a failed attempt to connect nobody tries again.
const PAUSE: Duration = Duration::from_millis(100);

/// Commands that may be under way at once; more wait for their turn.
const PIPELINE_MAX: usize = 1024;

/// How often the cluster's client asks other nodes for one command.
const CLUSTER_RETRIES: u32 = 3;

/// What there is to connect to.
pub(super) struct Target {
    server: String,
    /// Each node that is known beforehand, alone.
    nodes: Vec<Client>,
    /// All of them together.
    cluster: Option<ClusterClient>,
}

impl Target {
    pub(super) fn new(url: &RedisUrl) -> Result<Self, RedisError> {
        // Without effect if the process has already chosen one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let parsed = url.parse()?;
        let server: Vec<String> = parsed.nodes.iter().map(|node| node.addr().to_string()).collect();
        let mistake = |_| RedisError::Url("cannot be used: its parts do not fit each other".into());
        let cluster = match parsed.cluster {
            true => Some(cluster(&parsed.nodes).map_err(mistake)?),
            false => None,
        };
        let nodes = parsed.nodes.into_iter().map(Client::open).collect::<RedisResult<_>>().map_err(mistake)?;
        Ok(Self { server: server.join(","), nodes, cluster })
    }

    pub(super) fn server(&self) -> &str {
        &self.server
    }

    /// The nodes that are known beforehand, one by one.
    pub(super) fn nodes(&self) -> &[Client] {
        &self.nodes
    }

    async fn connect(&self) -> RedisResult<Wire> {
        let connecting = async {
            if let Some(cluster) = &self.cluster {
                return cluster.get_async_connection().await.map(Wire::Cluster);
            }
            let config = AsyncConnectionConfig::new()
                .set_connection_timeout(Some(CONNECT_TIMEOUT))
                .set_response_timeout(Some(RESPONSE_TIMEOUT))
                .set_pipeline_buffer_size(PIPELINE_MAX);
            match self.nodes.first() {
                Some(node) => node.get_multiplexed_async_connection_with_config(&config).await.map(Wire::Single),
                None => Err((ErrorKind::InvalidClientConfig, "no address").into()),
            }
        };
        let connected = tokio::time::timeout(CONNECT_TIMEOUT, connecting).await;
        connected.unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()))
    }
}

fn cluster(nodes: &[redis::ConnectionInfo]) -> RedisResult<ClusterClient> {
    ClusterClient::builder(nodes.iter().cloned())
        .connection_timeout(CONNECT_TIMEOUT)
        .response_timeout(RESPONSE_TIMEOUT)
        .retries(CLUSTER_RETRIES)
        .build()
}

#[derive(Clone)]
enum Wire {
    Single(MultiplexedConnection),
    Cluster(ClusterConnection),
}

/// The shared connection. Clones are cheap and share it; dropped commands are not taken back.
#[derive(Clone)]
pub struct RedisConnection {
    target: Arc<Target>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    wire: Option<Wire>,
    /// Counts the connections there have been, so that a late failure does not close a newer one.
    number: u64,
    /// The latest attempt that failed.
    failure: Option<(Instant, redis::RedisError)>,
}

impl RedisConnection {
    pub(super) fn new(target: Arc<Target>) -> Self {
        Self { target, state: Arc::default() }
    }

    pub(super) fn target(&self) -> &Arc<Target> {
        &self.target
    }

    /// The connection in use, or a new one.
    async fn wire(&self) -> RedisResult<(u64, Wire)> {
        let mut state = self.state.lock().await;
        if let Some(wire) = &state.wire {
            return Ok((state.number, wire.clone()));
        }
        if let Some((at, error)) = &state.failure
            && at.elapsed() < PAUSE
        {
            return Err(error.clone());
        }
        match self.target.connect().await {
            Ok(wire) => {
                state.wire = Some(wire.clone());
                state.number = state.number.wrapping_add(1);
                state.failure = None;
                Ok((state.number, wire))
            }
            Err(error) => {
                state.failure = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    /// Takes the connection out of use if what went wrong is its fault.
    async fn judge<T>(&self, number: u64, result: RedisResult<T>) -> RedisResult<T> {
        if let Err(error) = &result
            && (error.is_io_error() || error.is_unrecoverable_error())
        {
            let mut state = self.state.lock().await;
            if state.number == number {
                state.wire = None;
            }
        }
        result
    }
}

impl ConnectionLike for RedisConnection {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(async move {
            let (number, wire) = self.wire().await?;
            let result = match wire {
                Wire::Single(mut wire) => wire.req_packed_command(cmd).await,
                Wire::Cluster(mut wire) => wire.req_packed_command(cmd).await,
            };
            self.judge(number, result).await
        })
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        Box::pin(async move {
            let (number, wire) = self.wire().await?;
            let result = match wire {
                Wire::Single(mut wire) => wire.req_packed_commands(pipeline, offset, count).await,
                Wire::Cluster(mut wire) => wire.req_packed_commands(pipeline, offset, count).await,
            };
            self.judge(number, result).await
        })
    }

    /// Scripts and commands are the same in every database; nobody asks.
    fn get_db(&self) -> i64 {
        0
    }
}

impl fmt::Debug for RedisConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisConnection").field("server", &self.target.server).finish_non_exhaustive()
    }
}

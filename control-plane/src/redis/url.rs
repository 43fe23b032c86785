//! Where Redis is, as operators write it.

use ditto_policy::secret::Secret;
use redis::io::tcp::TcpSettings;
use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _};

use super::{CONNECT_TIMEOUT, RESPONSE_TIMEOUT, RedisError};

/// `redis://[user][:password@]host[:port][/database]`, with `rediss` for TLS, or `unix:///path`.
///
/// A Redis Cluster has a scheme of its own, and may have several nodes to begin with:
/// `redis+cluster://[user][:password@]host:port[,host:port]…`, with `rediss+cluster` for TLS. `valkey` can be written
/// for `redis`. Special characters of a password are percent-encoded.
#[derive(Debug, Clone)]
pub struct RedisUrl(Secret);

/// Addresses and how to greet there.
pub(super) struct Parsed {
    /// At least one; more than one only for a cluster.
    pub(super) nodes: Vec<ConnectionInfo>,
    pub(super) cluster: bool,
}

impl RedisUrl {
    /// Takes a URL with all its secrets; it is looked at when a client is opened.
    pub fn new(url: Secret) -> Self {
        Self(url)
    }

    pub(super) fn parse(&self) -> Result<Parsed, RedisError> {
        let url = self.0.expose().trim();
        let Some((scheme, rest)) = url.split_once("://") else {
            return Err(RedisError::Url("has no scheme: it must begin with redis:// or the like".into()));
        };
        let Some(plain) = scheme.strip_suffix("+cluster") else {
            return Ok(Parsed { nodes: vec![node(url)?], cluster: false });
        };
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (user, hosts) = authority.split_at(authority.rfind('@').map_or(0, |at| at + 1));
        let nodes = hosts.split(',').map(|host| node(&format!("{plain}://{user}{host}{path}")));
        let nodes = nodes.collect::<Result<Vec<_>, _>>()?;
        if nodes.iter().any(|node| node.redis_settings().db() != 0) {
            return Err(RedisError::Url("names a database, and a cluster has none but the first".into()));
        }
        Ok(Parsed { nodes, cluster: true })
    }
}

fn node(url: &str) -> Result<ConnectionInfo, RedisError> {
    // The library's own words may quote parts of the URL, so only the kind of mistake is passed on.
    let mistake = |_| RedisError::Url("cannot be read: it is scheme://[user][:password@]host[:port][/database]".into());
    let node = url.into_connection_info().map_err(mistake)?;
    if matches!(node.addr(), ConnectionAddr::TcpTls { insecure: true, .. }) {
        return Err(RedisError::Url("ends in #insecure, and the server's certificate is always checked".into()));
    }
    // A peer that vanished without a word is noticed by the kernel after the time that a command may take in all.
    let tcp = TcpSettings::default().set_nodelay(true);
    #[cfg(target_os = "linux")]
    let tcp = tcp.set_user_timeout(CONNECT_TIMEOUT + RESPONSE_TIMEOUT);
    Ok(node.set_tcp_settings(tcp))
}

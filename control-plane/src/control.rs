//! The control address: one socket for xDS, the key stream, the admin API and the probes.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use axum::Router;
use tokio::net::{TcpListener, UnixListener};

/// Where the control plane listens, or Envoy's admin endpoint does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ControlAddress {
    /// TCP. What is served here has no transport security of its own: keep it on loopback or in a trusted network.
    Tcp(SocketAddr),
    /// A Unix domain socket.
    Unix(PathBuf),
}

impl FromStr for ControlAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix("unix:") {
            Some("") => Err("unix: needs a path after it".into()),
            Some(path) => Ok(Self::Unix(path.into())),
            None if text.starts_with('/') => Ok(Self::Unix(text.into())),
            None => text.parse().map(Self::Tcp).map_err(|_| "neither HOST:PORT (with an address) nor unix:PATH".into()),
        }
    }
}

impl fmt::Display for ControlAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl ControlAddress {
    /// The address as Envoy's bootstrap writes it.
    pub fn to_envoy(&self) -> serde_json::Value {
        match self {
            Self::Tcp(address) => serde_json::json!({
                "socket_address": {"address": address.ip().to_string(), "port_value": address.port()},
            }),
            Self::Unix(path) => serde_json::json!({"pipe": {"path": path, "mode": 0o600}}),
        }
    }

    /// Whether others than this machine can reach it.
    pub fn is_exposed(&self) -> bool {
        matches!(self, Self::Tcp(address) if !address.ip().is_loopback())
    }
}

/// The bound control socket.
#[derive(Debug)]
pub enum ControlSocket {
    /// See [`ControlAddress::Tcp`].
    Tcp(TcpListener),
    /// See [`ControlAddress::Unix`].
    Unix(UnixListener),
}

impl ControlSocket {
    /// Binds the address. A socket file that nobody serves any more is replaced.
    pub async fn bind(address: &ControlAddress) -> io::Result<Self> {
        match address {
            ControlAddress::Tcp(address) => TcpListener::bind(address).await.map(Self::Tcp),
            ControlAddress::Unix(path) => {
                if tokio::net::UnixStream::connect(path).await.is_ok() {
                    return Err(io::Error::new(io::ErrorKind::AddrInUse, "another process serves this socket"));
                }
                let _ = std::fs::remove_file(path);
                let listener = UnixListener::bind(path)?;
                std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
                Ok(Self::Unix(listener))
            }
        }
    }

    /// The port that was chosen for port 0.
    pub fn local_port(&self) -> Option<u16> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok().map(|address| address.port()),
            Self::Unix(_) => None,
        }
    }

    /// Serves until `stop` resolves, then finishes what is under way. HTTP/1.1 and HTTP/2 are told apart by their
    /// first bytes.
    pub async fn serve(self, router: Router, stop: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
        match self {
            Self::Tcp(listener) => axum::serve(listener, router).with_graceful_shutdown(stop).await,
            Self::Unix(listener) => axum::serve(listener, router).with_graceful_shutdown(stop).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_written() {
        for text in ["127.0.0.1:9901", "[::1]:1", "unix:/run/ditto.sock"] {
            assert_eq!(text.parse::<ControlAddress>().unwrap().to_string(), text);
        }
        assert_eq!("/run/x".parse(), Ok(ControlAddress::Unix("/run/x".into())));
        assert!("unix:".parse::<ControlAddress>().is_err());
        assert!("localhost".parse::<ControlAddress>().is_err());
        assert!("0.0.0.0:1".parse::<ControlAddress>().unwrap().is_exposed());
    }
}

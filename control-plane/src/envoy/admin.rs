//! Envoy's admin endpoint.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, UnixStream};

use crate::control::ControlAddress;

/// Longer answers are not read.
const ANSWER_BYTES_MAX: usize = 64 << 20;
/// An Envoy that does not answer in this time is in trouble.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A client of one Envoy's admin endpoint; each call is a connection of its own.
#[derive(Debug, Clone)]
pub struct EnvoyAdmin {
    address: ControlAddress,
}

impl EnvoyAdmin {
    /// A client of the endpoint at `address`.
    pub fn new(address: ControlAddress) -> Self {
        Self { address }
    }

    /// Asks for a path; the body of a 200.
    pub async fn get(&self, path: &str) -> Result<Bytes, String> {
        self.call(Method::GET, path).await
    }

    /// Changes something; the body of a 200.
    pub async fn post(&self, path: &str) -> Result<Bytes, String> {
        self.call(Method::POST, path).await
    }

    /// Client requests under way.
    pub async fn active_requests(&self) -> Result<u64, String> {
        let stats = self.get("/stats?filter=^http.gateway.downstream_rq_active$").await?;
        let text = String::from_utf8_lossy(&stats);
        let value = text.trim().rsplit(' ').next().unwrap_or_default();
        value.parse().map_err(|_| "no statistics of the listener".to_owned())
    }

    async fn call(&self, method: Method, path: &str) -> Result<Bytes, String> {
        let call = async {
            match &self.address {
                ControlAddress::Tcp(address) => {
                    exchange(TcpStream::connect(address).await.map_err(|error| error.to_string())?, method, path).await
                }
                ControlAddress::Unix(socket) => {
                    exchange(UnixStream::connect(socket).await.map_err(|error| error.to_string())?, method, path).await
                }
            }
        };
        tokio::time::timeout(TIMEOUT, call).await.map_err(|_| "no answer in time".to_owned())?
    }
}

/// Sends a request without a body on a connection of its own; the body of a 200.
pub(crate) async fn exchange(
    stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    method: Method,
    path: &str,
) -> Result<Bytes, String> {
    let text = |error: hyper::Error| error.to_string();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(text)?;
    let connection = tokio::spawn(connection);
    let request = Request::builder().method(method).uri(path).header("host", "envoy").body(Empty::<Bytes>::new());
    let response = sender.send_request(request.map_err(|error| error.to_string())?).await.map_err(text)?;
    let status = response.status();
    let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
    connection.abort();
    let body = body.map_err(|error| error.to_string())?.to_bytes();
    if status.is_success() { Ok(body) } else { Err(format!("Envoy's admin endpoint answered {status}")) }
}

//! A client for tests: it sends what it is told, however odd, and says when each byte came back.
//!
//! [`Client`] opens a connection for every request, so that no request is affected by the one before;
//! [`Client::connect`] gives a connection that is kept. [`raw::RawConnection`] is below HTTP: for half-sent requests.

pub mod form;
pub mod raw;
mod response;
pub mod websocket;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bytes::Bytes;
use futures_util::stream;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::body::Frame;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::AbortHandle;

pub use response::{Chunk, Response, TimedEvent};

/// Longer than anything a test waits for on purpose; a request that takes longer has failed.
const TIMEOUT: Duration = Duration::from_secs(60);

type WireBody = UnsyncBoxBody<Bytes, Infallible>;

/// Where to send, and what to send with everything.
#[derive(Debug, Clone)]
pub struct Client {
    address: SocketAddr,
    headers: HeaderMap,
}

/// A request being written.
#[derive(Debug)]
pub struct Outgoing {
    client: Client,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Payload,
}

#[derive(Debug)]
enum Payload {
    None,
    Whole(Bytes),
    /// Sent chunked; each piece after its pause.
    Pieces(Vec<(Duration, Bytes)>),
}

/// A connection that takes one request after the other.
#[derive(Debug)]
pub struct Connection {
    sender: SendRequest<WireBody>,
    task: AbortHandle,
}

impl Client {
    /// A client of `http://<address>`.
    ///
    /// # Panics
    /// When the URL is not of that form with an IP address and a port.
    #[must_use]
    pub fn new(url: &str) -> Self {
        let host = url.strip_prefix("http://").unwrap_or(url).split('/').next().unwrap_or_default();
        let address = host.parse().unwrap_or_else(|error| panic!("{url} has no address and port: {error}"));
        Self { address, headers: HeaderMap::new() }
    }

    /// Sends a header with every request.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        insert(&mut self.headers, name, value, true);
        self
    }

    /// Sends a bearer token with every request.
    #[must_use]
    pub fn with_bearer(self, token: &str) -> Self {
        self.with_header(AUTHORIZATION.as_str(), &format!("Bearer {token}"))
    }

    /// Where it sends to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A GET of `path` (with query).
    #[must_use]
    pub fn get(&self, path: &str) -> Outgoing {
        self.request(Method::GET, path)
    }

    /// A DELETE of `path`.
    #[must_use]
    pub fn delete(&self, path: &str) -> Outgoing {
        self.request(Method::DELETE, path)
    }

    /// A POST of JSON.
    #[must_use]
    pub fn post(&self, path: &str, body: &serde_json::Value) -> Outgoing {
        self.request(Method::POST, path).json(body)
    }

    /// A PUT of JSON.
    #[must_use]
    pub fn put(&self, path: &str, body: &serde_json::Value) -> Outgoing {
        self.request(Method::PUT, path).json(body)
    }

    /// Any request.
    #[must_use]
    pub fn request(&self, method: Method, path: &str) -> Outgoing {
        let headers = self.headers.clone();
        Outgoing { client: self.clone(), method, path: path.to_owned(), headers, body: Payload::None }
    }

    /// Opens a connection to send several requests on.
    ///
    /// # Errors
    /// When nobody listens.
    pub async fn connect(&self) -> Result<Connection> {
        let stream = TcpStream::connect(self.address).await.with_context(|| format!("connect to {}", self.address))?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let task = tokio::spawn(async move {
            // Its error is the request's error too, and is reported there.
            let _ = connection.await;
        });
        Ok(Connection { sender, task: task.abort_handle() })
    }
}

impl Outgoing {
    /// Sets a header, in place of one of the same name.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        insert(&mut self.headers, name, value, true);
        self
    }

    /// Adds a header beside others of the same name.
    #[must_use]
    pub fn also_header(mut self, name: &str, value: &str) -> Self {
        insert(&mut self.headers, name, value, false);
        self
    }

    /// Leaves out a header that the client sends with every request.
    #[must_use]
    pub fn without_header(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    /// Sets the bearer token.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header(AUTHORIZATION.as_str(), &format!("Bearer {token}"))
    }

    /// Sets the body, and its type if none is set.
    #[must_use]
    pub fn json(mut self, body: &serde_json::Value) -> Self {
        self.headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
        self.body(body.to_string())
    }

    /// Sets the body as it is.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = Payload::Whole(body.into());
        self
    }

    /// Sets a body that is sent chunked, each piece after its pause.
    #[must_use]
    pub fn pieces(mut self, pieces: Vec<(Duration, Bytes)>) -> Self {
        self.body = Payload::Pieces(pieces);
        self
    }

    /// Sends it on a connection of its own and waits for the reply's head.
    ///
    /// # Panics
    /// When there is no reply; see [`Outgoing::try_send`].
    pub async fn send(self) -> Response {
        let what = format!("{} {}", self.method, self.path);
        self.try_send().await.unwrap_or_else(|error| panic!("{what}: {error:#}"))
    }

    /// Sends it on a connection of its own and waits for the reply's head.
    ///
    /// # Errors
    /// When nobody listens, the connection breaks, or nothing comes within a minute.
    pub async fn try_send(self) -> Result<Response> {
        let mut connection = self.client.connect().await?;
        let mut response = connection.try_send(self).await?;
        response.own(connection);
        Ok(response)
    }

    fn into_request(self) -> Result<Request<WireBody>> {
        let body = match self.body {
            Payload::None => Empty::new().boxed_unsync(),
            Payload::Whole(bytes) => Full::new(bytes).boxed_unsync(),
            Payload::Pieces(pieces) => {
                let frames = stream::unfold(pieces.into_iter(), |mut pieces| async {
                    let (pause, piece) = pieces.next()?;
                    tokio::time::sleep(pause).await;
                    Some((Ok(Frame::data(piece)), pieces))
                });
                StreamBody::new(frames).boxed_unsync()
            }
        };
        let mut request = Request::builder().method(self.method).uri(self.path).body(body)?;
        *request.headers_mut() = self.headers;
        let host = HeaderValue::from_str(&self.client.address.to_string())?;
        request.headers_mut().entry(HOST).or_insert(host);
        Ok(request)
    }
}

impl Connection {
    /// Sends a request and waits for the reply's head. Read the reply to its end before sending the next.
    ///
    /// # Errors
    /// When the connection breaks, or nothing comes within a minute.
    pub async fn try_send(&mut self, outgoing: Outgoing) -> Result<Response> {
        let request = outgoing.into_request()?;
        let started = Instant::now();
        let sending = async {
            self.sender.ready().await?;
            self.sender.send_request(request).await
        };
        let response = tokio::time::timeout(TIMEOUT, sending).await.context("no reply within a minute")??;
        Ok(Response::new(response, started))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // Closes the socket at once, which is how a client hangs up in the middle of a reply.
        self.task.abort();
    }
}

fn insert(headers: &mut HeaderMap, name: &str, value: &str, replace: bool) {
    let name = HeaderName::try_from(name).unwrap_or_else(|error| panic!("header name {name:?}: {error}"));
    let value = HeaderValue::from_bytes(value.as_bytes()).unwrap_or_else(|error| panic!("header value: {error}"));
    if replace {
        headers.insert(name, value);
    } else {
        headers.append(name, value);
    }
}

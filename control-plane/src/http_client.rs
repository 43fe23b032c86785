//! The control plane's own requests: to token endpoints and for lists of models. Each is bounded in time and size, and
//! no redirect is followed.

use std::error::Error as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ditto_policy::document::BackendTls;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};

use crate::locate;

/// A connection must be there within this time.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Idle connections that are kept to one host, and for how long.
const IDLE_MAX: usize = 4;
/// See [`IDLE_MAX`].
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// A client for HTTP/1.1, with TLS for `https`.
#[derive(Debug, Clone)]
pub struct HttpClient {
    inner: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    roots: Arc<RootCertStore>,
}

/// A reply that came in time and whole.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

/// Why there is no reply. Nothing of the request is repeated: its URL and headers may hold credentials.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// Nobody answered, or what answered broke off.
    #[error("{0}")]
    Failed(String),
    /// It took too long.
    #[error("no answer within {} s", .0.as_secs())]
    TimedOut(Duration),
    /// The answer was too long.
    #[error("an answer of more than {0} bytes")]
    TooLarge(usize),
}

impl HttpClient {
    /// A client that trusts the certificates of `bundle`, or where it cannot be read, the system's.
    ///
    /// # Errors
    /// The cryptography has no version of TLS that is considered safe.
    pub fn new(bundle: Option<&Path>) -> Result<Self, rustls::Error> {
        let mut roots = RootCertStore::empty();
        let systems = || locate::ca_certificates(None, false).ok().flatten();
        if bundle.is_none_or(|bundle| add(&mut roots, bundle) == 0)
            && let Some(bundle) = systems()
        {
            add(&mut roots, &bundle);
        }
        let roots = Arc::new(roots);
        Self::over(Arc::clone(&roots), &roots, &BackendTls::default())
    }

    /// A client that speaks TLS as one backend wants it; the same client where it wants nothing.
    ///
    /// # Errors
    /// What it wants cannot be read.
    pub fn of_backend(&self, tls: Option<&BackendTls>) -> Result<Self, HttpError> {
        let Some(tls) = tls else { return Ok(self.clone()) };
        let mut roots = Arc::clone(&self.roots);
        if let Some(ca) = &tls.ca {
            let mut own = RootCertStore::empty();
            own.add_parsable_certificates(CertificateDer::pem_slice_iter(ca.as_bytes()).filter_map(Result::ok));
            roots = Arc::new(own);
        }
        let client = Self::over(Arc::clone(&self.roots), &roots, tls);
        client.map_err(|error| HttpError::Failed(format!("its TLS cannot be set up: {error}")))
    }

    /// `roots` is for what it makes of backends, `trusted` for itself.
    fn over(roots: Arc<RootCertStore>, trusted: &Arc<RootCertStore>, own: &BackendTls) -> Result<Self, rustls::Error> {
        let provider = rustls::crypto::ring::default_provider();
        let tls = ClientConfig::builder_with_provider(provider.into()).with_safe_default_protocol_versions()?;
        let tls = tls.with_root_certificates(Arc::clone(trusted));
        let unreadable = |error: rustls::pki_types::pem::Error| rustls::Error::General(error.to_string());
        let tls = match &own.client {
            None => tls.with_no_client_auth(),
            Some(client) => {
                let chain = CertificateDer::pem_slice_iter(client.chain.expose().as_bytes());
                let chain = chain.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
                let key = PrivateKeyDer::from_pem_slice(client.key.expose().as_bytes()).map_err(unreadable)?;
                tls.with_client_auth_cert(chain, key)?
            }
        };
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        connector.set_nodelay(true);
        connector.enforce_http(false);
        let mut https = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
        if let Some(name) = &own.server_name {
            let name = ServerName::try_from(name.clone());
            let name = name.map_err(|_| rustls::Error::General("its server name is none".to_owned()))?;
            https = https.with_server_name_resolver(FixedServerNameResolver::new(name));
        }
        let connector = https.enable_http1().wrap_connector(connector);
        let mut builder = Client::builder(TokioExecutor::new());
        builder.pool_idle_timeout(IDLE_TIMEOUT).pool_max_idle_per_host(IDLE_MAX).pool_timer(TokioTimer::new());
        Ok(Self { inner: builder.build(connector), roots })
    }

    /// Sends a request, and reads no more of its reply than the status.
    ///
    /// # Errors
    /// There is none within `timeout`.
    pub async fn status(&self, request: Request<Full<Bytes>>, timeout: Duration) -> Result<StatusCode, HttpError> {
        let answered = tokio::time::timeout(timeout, self.inner.request(request)).await;
        let answered = answered.map_err(|_| HttpError::TimedOut(timeout))?;
        answered.map(|response| response.status()).map_err(|error| HttpError::Failed(chain(&error)))
    }

    /// Sends a request and reads all of its reply, of at most `bytes_max` bytes.
    ///
    /// # Errors
    /// There is no reply within `timeout`, or it is larger.
    pub async fn send(
        &self,
        request: Request<Full<Bytes>>,
        timeout: Duration,
        bytes_max: usize,
    ) -> Result<Reply, HttpError> {
        let exchange = async {
            let response = self.inner.request(request).await.map_err(|error| HttpError::Failed(chain(&error)))?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, bytes_max).collect().await;
            let body = body.map_err(|error| match error.downcast_ref::<http_body_util::LengthLimitError>() {
                Some(_) => HttpError::TooLarge(bytes_max),
                None => HttpError::Failed("the answer broke off".to_owned()),
            })?;
            Ok(Reply { status: head.status, headers: head.headers, body: body.to_bytes() })
        };
        tokio::time::timeout(timeout, exchange).await.unwrap_or(Err(HttpError::TimedOut(timeout)))
    }
}

/// Adds the certificates of a PEM file, and says how many there were.
fn add(roots: &mut RootCertStore, bundle: &Path) -> usize {
    let Ok(certificates) = CertificateDer::pem_file_iter(bundle) else { return 0 };
    let (added, _) = roots.add_parsable_certificates(certificates.filter_map(Result::ok));
    added
}

/// An error with its causes, in one line.
fn chain(error: &hyper_util::client::legacy::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

//! Asking the listener whether it serves, the way a client does.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::control::ControlAddress;
use crate::envoy::admin::{EnvoyAdmin, exchange};
use crate::listener_tls::ListenerTls;

/// A listener that does not answer in this time is asked again.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Asks the gateway's own listener.
pub(super) struct Probe {
    listen: SocketAddr,
    address: SocketAddr,
    tls: Option<(TlsConnector, ListenerTls)>,
}

impl Probe {
    /// A probe of what listens at `listen`.
    ///
    /// # Errors
    /// The cryptography has no version of TLS that is considered safe.
    pub(super) fn new(listen: SocketAddr, tls: Option<&ListenerTls>) -> Result<Self, Error> {
        let address = match listen.ip() {
            ip if !ip.is_unspecified() => listen,
            IpAddr::V4(_) => SocketAddr::new(Ipv4Addr::LOCALHOST.into(), listen.port()),
            IpAddr::V6(_) => SocketAddr::new(Ipv6Addr::LOCALHOST.into(), listen.port()),
        };
        let tls = tls.map(|tls| Ok::<_, Error>((connector()?, tls.clone()))).transpose()?;
        Ok(Self { listen, address, tls })
    }

    /// Where the gateway listens.
    pub(super) fn listen(&self) -> SocketAddr {
        self.listen
    }

    /// What clients' URLs begin with.
    pub(super) fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// Whether it answers.
    ///
    /// # Errors
    /// Why not.
    pub(super) async fn serves(&self) -> Result<(), String> {
        let Some((connector, tls)) = &self.tls else {
            return EnvoyAdmin::new(ControlAddress::Tcp(self.address)).get("/health").await.map(drop);
        };
        let ask = async {
            let stream = TcpStream::connect(self.address).await.map_err(|error| error.to_string())?;
            let name = ServerName::from(self.address.ip());
            let stream = connector.connect(name, stream).await.map_err(|error| error.to_string())?;
            // The gateway has no certificate of a client. That there is TLS at all must do: Envoy listens only once
            // the listener has its routes, its filter and its certificate.
            if tls.current().client_ca.is_some() {
                return Ok(());
            }
            exchange(stream, http::Method::GET, "/health").await.map(drop)
        };
        tokio::time::timeout(TIMEOUT, ask).await.map_err(|_| "no answer in time".to_owned())?
    }
}

fn connector() -> Result<TlsConnector, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let config = config.dangerous().with_custom_certificate_verifier(Arc::new(Anybody)).with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// Takes every certificate: the names in the listener's own are no addresses of this machine, and nothing secret is
/// said.
#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls::crypto::ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

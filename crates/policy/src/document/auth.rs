//! How the gateway proves to a backend who it is.

use std::collections::BTreeMap;

use crate::secret::Secret;

mod read;
mod service_account;
#[cfg(test)]
mod tests;

pub(super) use read::{Auth, Context, auth};

/// What AWS Signature Version 4 signs with
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html>, seen 2026-11).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigV4 {
    /// Names the key.
    pub access_key_id: Secret,
    /// The key.
    pub secret_access_key: Secret,
    /// Comes with keys that expire.
    pub session_token: Option<Secret>,
    /// Where the service is.
    pub region: String,
    /// The service's name in signatures.
    pub service: String,
}

/// A credential that the control plane obtains, and obtains again before it expires. Until it has, the backend's
/// header or parameter is blank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refreshed {
    /// Where it comes from.
    pub source: TokenSource,
    /// Where it goes.
    pub place: Place,
    /// Stands before it, as `Bearer ` does.
    pub prefix: String,
}

/// Where a credential stands in a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A header, in lower case.
    Header(String),
    /// A query parameter.
    Query(String),
}

/// Where a token comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenSource {
    /// The output of a command: the program and its arguments.
    Command(Vec<Secret>),
    /// OAuth 2.0's client credentials grant (RFC 6749, 4.4).
    ClientCredentials(ClientCredentials),
    /// A service account of Google Cloud.
    ServiceAccount(ServiceAccount),
    /// The metadata server of the machine in Google Cloud.
    Metadata {
        /// Its root, such as `http://metadata.google.internal`.
        base_url: String,
    },
}

/// What a client proves itself with to an authorisation server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCredentials {
    /// The server's token endpoint.
    pub token_url: String,
    /// The client.
    pub client_id: Secret,
    /// Its password.
    pub client_secret: Secret,
    /// What the token is for; blank: the server's default.
    pub scope: String,
    /// Further parameters of the request.
    pub parameters: BTreeMap<String, Secret>,
}

/// A key file of a service account (<https://google.aip.dev/auth/4112>, seen 2026-11).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceAccount {
    /// `client_email`.
    pub email: String,
    /// `private_key`: an RSA key in PEM.
    pub private_key: Secret,
    /// `private_key_id`.
    pub key_id: Option<String>,
    /// `token_uri`.
    pub token_url: String,
    /// `project_id`.
    pub project: Option<String>,
}

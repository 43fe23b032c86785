//! Where access tokens come from: Google's token endpoint and its metadata server, and OAuth's client credentials.
//!
//! | Request | Does |
//! |---|---|
//! | `POST /token`, `POST /{tenant}/oauth2/v2.0/token` | gives a token for an assertion, or for a client's secret |
//! | `GET /computeMetadata/v1/instance/service-accounts/default/token` | gives one to whoever is on the machine |
//!
//! <https://developers.google.com/identity/protocols/oauth2/service-account>,
//! <https://cloud.google.com/compute/docs/metadata/predefined-metadata-keys> and RFC 6749 (seen 2026-11). What is
//! issued here is what the paths of Vertex take, for as long as it lives.

mod assertion;
mod store;

use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::call::Call;
use super::reply::Reply;

pub(super) use store::{Standing, TokenStore};

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const METADATA: &str = "/computeMetadata/v1";

/// Who gets tokens, and for how long.
#[derive(Debug, Clone)]
pub struct OAuthConfig {
    /// The service account whose assertions are taken; `None` takes none.
    pub service_account: Option<ServiceAccount>,
    /// The client whose secret is taken, as id and secret; `None` takes none.
    pub client: Option<(String, String)>,
    /// How long a token lives.
    pub lifetime: Duration,
}

/// A service account, by what the token endpoint knows of it.
#[derive(Debug, Clone)]
pub struct ServiceAccount {
    /// Its name, which assertions are issued by.
    pub email: String,
    /// Its public RSA key in PEM, as `PUBLIC KEY` or `RSA PUBLIC KEY`.
    pub public_key: String,
}

impl Default for OAuthConfig {
    fn default() -> Self {
        Self { service_account: None, client: None, lifetime: Duration::from_secs(3599) }
    }
}

/// A refusal, as RFC 6749 has it.
#[derive(Debug)]
struct OAuthError {
    status: StatusCode,
    error: &'static str,
    description: String,
}

impl OAuthError {
    fn new(error: &'static str, description: impl Into<String>) -> Self {
        let status = if error == "invalid_client" { StatusCode::UNAUTHORIZED } else { StatusCode::BAD_REQUEST };
        Self { status, error, description: description.into() }
    }
}

/// Whether a request is for a token.
pub(super) fn owns(path: &str) -> bool {
    path == "/token" || path.ends_with("/oauth2/v2.0/token") || path.starts_with(METADATA)
}

pub(super) fn answer(call: &Call<'_>) -> Reply {
    let path = call.parts.uri.path();
    if let Some(key) = path.strip_prefix(METADATA) {
        return metadata(call, key);
    }
    match token(call) {
        Ok(token) => Reply::ok(&token),
        Err(OAuthError { status, error, description }) => {
            Reply::json(status, &json!({"error": error, "error_description": description}))
        }
    }
}

fn token(call: &Call<'_>) -> Result<Value, OAuthError> {
    if call.parts.method != Method::POST {
        return Err(OAuthError::new("invalid_request", "Use POST."));
    }
    if call.header("content-type").is_none_or(|kind| !kind.starts_with("application/x-www-form-urlencoded")) {
        return Err(OAuthError::new("invalid_request", "The body must be a form."));
    }
    let config = call.state.config.oauth.clone().unwrap_or_default();
    match field(call, "grant_type").as_deref() {
        Some(JWT_BEARER) => {
            let text = field(call, "assertion").unwrap_or_default();
            assertion::check(&text, config.service_account.as_ref(), SystemTime::now())?;
        }
        Some("client_credentials") => client(call, &config)?,
        Some(other) => {
            return Err(OAuthError::new("unsupported_grant_type", format!("Invalid grant_type: {other}")));
        }
        None => return Err(OAuthError::new("invalid_request", "Missing required parameter: grant_type")),
    }
    Ok(issue(call, &config))
}

/// A client names itself in the form or in the `Authorization` header.
fn client(call: &Call<'_>, config: &OAuthConfig) -> Result<(), OAuthError> {
    let basic = call.header("authorization").and_then(|value| value.strip_prefix("Basic "));
    let basic = basic.and_then(|text| STANDARD.decode(text).ok()).and_then(|bytes| String::from_utf8(bytes).ok());
    let named = match basic.as_deref().and_then(|pair| pair.split_once(':')) {
        Some((id, secret)) => Some((decoded(id), decoded(secret))),
        None => field(call, "client_id").zip(field(call, "client_secret")),
    };
    match named {
        Some(named) if config.client.as_ref() == Some(&named) => Ok(()),
        Some(_) => Err(OAuthError::new("invalid_client", "The OAuth client was not found.")),
        None => Err(OAuthError::new("invalid_client", "The request names no client.")),
    }
}

fn issue(call: &Call<'_>, config: &OAuthConfig) -> Value {
    let token = call.state.tokens.issue(call.order, config.lifetime);
    json!({"access_token": token, "expires_in": config.lifetime.as_secs(), "token_type": "Bearer"})
}

/// The metadata server tells only who shows that it means to ask it.
fn metadata(call: &Call<'_>, key: &str) -> Reply {
    let text = |status, text: &str| Reply::bytes(status, "application/text", text.to_owned().into());
    if call.header("metadata-flavor") != Some("Google") {
        return text(StatusCode::FORBIDDEN, "Missing Metadata-Flavor:Google header.\n");
    }
    let config = call.state.config.oauth.clone().unwrap_or_default();
    let account = config.service_account.as_ref().map_or("default@simulator.test", |account| account.email.as_str());
    let mut reply = match key {
        "/instance/service-accounts/default/token" => {
            Reply::bytes(StatusCode::OK, "application/json", issue(call, &config).to_string().into())
        }
        "/instance/service-accounts/default/email" => text(StatusCode::OK, account),
        "/project/project-id" => text(StatusCode::OK, "simulator"),
        "" | "/" => text(StatusCode::OK, "instance/\nproject/\n"),
        _ => text(StatusCode::NOT_FOUND, "Not Found\n"),
    };
    reply.set_header(HeaderName::from_static("metadata-flavor"), HeaderValue::from_static("Google"));
    reply
}

fn field(call: &Call<'_>, name: &str) -> Option<String> {
    let body = String::from_utf8_lossy(&call.body);
    let mut pairs = body.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| decoded(key) == name).map(|(_, value)| decoded(value))
}

fn decoded(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

/// What the endpoint says with a bare status.
pub(super) fn failure(status: StatusCode, message: String) -> Reply {
    let error = if status.is_server_error() { "internal_failure" } else { "invalid_request" };
    Reply::json(status, &json!({"error": error, "error_description": message}))
}

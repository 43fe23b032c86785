//! Access tokens of Google Cloud.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use ditto_policy::document::ServiceAccount;
use http::Request;
use http_body_util::Full;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::json;

use super::oauth::{exchange, post};
use super::{NoToken, Token};
use crate::http_client::HttpClient;

/// What the tokens are for (<https://developers.google.com/identity/protocols/oauth2/scopes>, seen 2026-11).
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
/// The longest life of an assertion.
const ASSERTION_SECONDS: u64 = 3_600;

/// A token for a service account, by an assertion that its key signs
/// (<https://developers.google.com/identity/protocols/oauth2/service-account#authorizingrequests>, seen 2026-11).
pub(super) async fn service_account(http: &HttpClient, account: &ServiceAccount) -> Result<Token, NoToken> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let assertion = assertion(account, now)?;
    let form = [("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", assertion.as_str())];
    post(http, &account.token_url, &form).await
}

/// The token of the machine's own service account
/// (<https://cloud.google.com/compute/docs/access/authenticate-workloads#applications>, seen 2026-11).
pub(super) async fn metadata(http: &HttpClient, base_url: &str) -> Result<Token, NoToken> {
    let url = format!("{base_url}/computeMetadata/v1/instance/service-accounts/default/token");
    let request = Request::get(url).header("metadata-flavor", "Google").body(Full::new(Bytes::new()));
    let request = request.map_err(|_| NoToken("the metadata server's address is none".to_owned()))?;
    let answer = exchange(http, request).await;
    answer.map_err(|error| NoToken(format!("{error}; is this a machine in Google Cloud with a service account?")))
}

/// A JSON Web Token (RFC 7519) signed with RS256.
fn assertion(account: &ServiceAccount, now: u64) -> Result<String, NoToken> {
    let mut header = json!({"alg": "RS256", "typ": "JWT"});
    if let Some(id) = &account.key_id {
        header["kid"] = json!(id);
    }
    let claims = json!({
        "iss": account.email,
        "scope": SCOPE,
        "aud": account.token_url,
        "iat": now,
        "exp": now + ASSERTION_SECONDS,
    });
    let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    let key = rsa_key(account)?;
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
        .map_err(|_| NoToken("the service account's key cannot sign".to_owned()))?;
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

fn rsa_key(account: &ServiceAccount) -> Result<RsaKeyPair, NoToken> {
    let unusable = |why: String| NoToken(format!("the service account's private key cannot be used: {why}"));
    let key = PrivateKeyDer::from_pem_slice(account.private_key.expose().as_bytes());
    let key = match key.map_err(|_| unusable("it is not in PEM".to_owned()))? {
        PrivateKeyDer::Pkcs8(key) => RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()),
        PrivateKeyDer::Pkcs1(key) => RsaKeyPair::from_der(key.secret_pkcs1_der()),
        _ => return Err(unusable("it is no RSA key".to_owned())),
    };
    key.map_err(|error| unusable(error.to_string()))
}

//! Tokens of OAuth 2.0.

use std::time::Duration;

use bytes::Bytes;
use ditto_policy::base_url::encode_query;
use ditto_policy::document::ClientCredentials;
use http::{Request, header};
use http_body_util::Full;
use serde_json::Value;

use super::{ANSWER_BYTES_MAX, ANSWER_TIMEOUT, NoToken, Token};
use crate::http_client::HttpClient;

/// The client credentials grant (<https://datatracker.ietf.org/doc/html/rfc6749#section-4.4>). The client proves
/// itself in the body (section 2.3.1), as the token endpoints of cloud providers take it.
pub(super) async fn client_credentials(http: &HttpClient, client: &ClientCredentials) -> Result<Token, NoToken> {
    let mut form = vec![
        ("grant_type", "client_credentials"),
        ("client_id", client.client_id.expose()),
        ("client_secret", client.client_secret.expose()),
    ];
    if !client.scope.is_empty() {
        form.push(("scope", &client.scope));
    }
    form.extend(client.parameters.iter().map(|(name, value)| (name.as_str(), value.expose())));
    post(http, &client.token_url, &form).await
}

/// Posts a form to a token endpoint.
pub(super) async fn post(http: &HttpClient, url: &str, form: &[(&str, &str)]) -> Result<Token, NoToken> {
    let body = encode_query(form.iter().copied());
    let request = Request::post(url)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::ACCEPT, "application/json")
        .body(Full::new(Bytes::from(body)));
    let request = request.map_err(|_| NoToken("the token endpoint's URL is none".to_owned()))?;
    exchange(http, request).await
}

/// Sends a request whose answer is a token (RFC 6749, 5.1).
pub(super) async fn exchange(http: &HttpClient, request: Request<Full<Bytes>>) -> Result<Token, NoToken> {
    let host = request.uri().host().unwrap_or_default().to_owned();
    let reply = http.send(request, ANSWER_TIMEOUT, ANSWER_BYTES_MAX).await;
    let reply = reply.map_err(|error| NoToken(format!("{host} cannot be asked for a token: {error}")))?;
    let answer: Option<Value> = serde_json::from_slice(&reply.body).ok();
    if !reply.status.is_success() {
        let code = answer.as_ref().and_then(|answer| answer.get("error")?.as_str()).filter(|code| is_code(code));
        let code = code.map(|code| format!(" ({code})")).unwrap_or_default();
        let status = reply.status.as_u16();
        return Err(NoToken(format!("{host} refuses a token with status {status}{code}: check what identifies us")));
    }
    let token = answer.as_ref().and_then(|answer| answer.get("access_token")?.as_str());
    let token = token.ok_or_else(|| NoToken(format!("{host} answers without an `access_token`")))?;
    Token::new(token, answer.as_ref().and_then(life))
}

/// `expires_in`: seconds, which some servers write as a string.
pub(super) fn life(answer: &Value) -> Option<Duration> {
    let seconds = answer.get("expires_in")?;
    let seconds = seconds.as_u64().or_else(|| seconds.as_str()?.parse().ok());
    seconds.map(Duration::from_secs)
}

/// Whether a text is one of the codes of errors, and nothing that could hold a secret.
fn is_code(text: &str) -> bool {
    text.len() <= 40 && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}

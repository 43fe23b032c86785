//! Asking one backend for its models.

use std::time::Duration;

use axum::http::HeaderMap;
use bytes::Bytes;
use ditto_policy::secret::Secret;
use http::Request;
use http_body_util::Full;
use sha2::{Digest as _, Sha256};

use super::catalogue::{Question, Source};
use super::model::{self, Model};
use crate::http_client::HttpClient;

/// A backend has this long for its list.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// A list is at most this long.
const ANSWER_BYTES_MAX: usize = 4 << 20;
/// Models that are taken from one list.
const MODELS_MAX: usize = 10_000;

/// The headers that a client of an open relay brings its own credentials in.
const CARRIERS: [&str; 3] = ["authorization", "x-api-key", "x-goog-api-key"];

/// A client's own credentials; none where the gateway has keys.
#[derive(Debug, Clone, Default)]
pub(super) struct ClientCredentials(Vec<(&'static str, Secret)>);

impl ClientCredentials {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let value = |name| Some((name, Secret::new(headers.get(name)?.to_str().ok()?)));
        Self(CARRIERS.into_iter().filter_map(value).collect())
    }

    /// Those that a backend gets: its operator's headers stand in place of the client's.
    fn for_question<'c>(&'c self, question: &'c Question) -> impl Iterator<Item = &'c (&'static str, Secret)> {
        self.0.iter().filter(|(name, _)| !question.headers.iter().any(|(known, _)| known == name))
    }

    /// Tells those that a backend gets from another client's; `None` if it gets none.
    pub(super) fn digest(&self, question: &Question) -> Option<[u8; 32]> {
        let mut hash = Sha256::new();
        let mut any = false;
        for (name, value) in self.for_question(question) {
            any = true;
            for part in [name.as_bytes(), value.expose().as_bytes()] {
                hash.update((part.len() as u64).to_be_bytes());
                hash.update(part);
            }
        }
        any.then(|| hash.finalize().into())
    }
}

/// Asks a backend; `None`, with a line in the log, if it has no answer.
pub(super) async fn ask(
    http: &HttpClient,
    source: &Source,
    question: &Question,
    client: &ClientCredentials,
) -> Option<Vec<Model>> {
    let failed = |why: &str| {
        tracing::warn!(backend = source.name, "its models cannot be listed: {why}");
        None
    };
    let mut request = Request::get(question.url.expose()).header("accept", "application/json");
    let own = question.headers.iter().map(|(name, value)| (name.as_str(), value));
    for (name, value) in own.chain(client.for_question(question).map(|(name, value)| (*name, value))) {
        request = request.header(name, value.expose());
    }
    let Ok(request) = request.body(Full::new(Bytes::new())) else {
        return failed("its address or headers cannot be sent");
    };
    let http = match http.of_backend(question.tls.as_ref()) {
        Ok(http) => http,
        Err(error) => return failed(&error.to_string()),
    };
    match http.send(request, ANSWER_TIMEOUT, ANSWER_BYTES_MAX).await {
        Ok(reply) if reply.status.is_success() => match model::read(&reply.body, question.form, &source.name) {
            Some(mut models) => {
                models.truncate(MODELS_MAX);
                Some(models)
            }
            None => failed("the answer is no list of models"),
        },
        Ok(reply) => failed(&format!("it answers with status {}", reply.status.as_u16())),
        Err(error) => failed(&error.to_string()),
    }
}

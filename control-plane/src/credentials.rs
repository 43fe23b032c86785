//! Credentials that have to be obtained, and obtained again before they expire: the output of commands, OAuth tokens,
//! and those of Google Cloud.
//!
//! A document is put in force with all of its tokens or not at all. From then on one task for each source obtains the
//! next one in time; whoever follows [`Tokens::subscribe`] hears of it and puts it in force. A source that fails is
//! asked again, less and less often, and the former token stays.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ditto_policy::compile::Compiled;
use ditto_policy::document::{Place, Problem, Refreshed, TokenSource};
use ditto_policy::secret::Secret;
use futures_util::{StreamExt as _, stream};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::http_client::HttpClient;

mod command;
mod google;
mod oauth;
mod pace;
#[cfg(test)]
mod tests;

/// Sources that are asked at the same time.
const ASKED_AT_ONCE: usize = 16;
/// A request for a token is answered within this time.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// An answer with a token is at most this long.
const ANSWER_BYTES_MAX: usize = 64 << 10;
/// A token is at most this long: it has to fit among the headers of a request.
const TOKEN_BYTES_MAX: usize = 16 << 10;

/// What a source gave.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Token {
    value: Secret,
    /// How long it is good for, if its source says so.
    good_for: Option<Duration>,
}

/// Why a source gave nothing, and what to do about it. Never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
struct NoToken(String);

impl Token {
    fn new(value: &str, good_for: Option<Duration>) -> Result<Self, NoToken> {
        let value = value.trim();
        let flaw = if value.is_empty() {
            "it is blank"
        } else if value.len() > TOKEN_BYTES_MAX {
            "it is too long"
        } else if value.chars().any(char::is_control) {
            "it has line breaks or other control characters"
        } else {
            return Ok(Self { value: Secret::new(value), good_for });
        };
        Err(NoToken(format!("the answer holds no token that can be sent: {flaw}")))
    }
}

/// The tokens in force.
#[derive(Debug)]
pub struct Tokens {
    http: HttpClient,
    held: Mutex<Vec<Held>>,
    bell: watch::Sender<u64>,
}

#[derive(Debug)]
struct Held {
    source: TokenSource,
    value: Secret,
    task: AbortHandle,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Tokens of a document that is not in force yet.
#[derive(Debug, Default)]
pub struct Obtained(Vec<(TokenSource, Token)>);

impl Tokens {
    /// None yet.
    pub fn new(http: HttpClient) -> Arc<Self> {
        Arc::new(Self { http, held: Mutex::default(), bell: watch::Sender::new(0) })
    }

    /// Rings whenever a token was replaced.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.bell.subscribe()
    }

    /// Obtains what a document needs and is not there yet.
    ///
    /// # Errors
    /// Each source that gave nothing, by its backend.
    pub async fn obtain(&self, compiled: &Compiled) -> Result<Obtained, Vec<Problem>> {
        let mut wanted: Vec<(String, TokenSource)> = Vec::new();
        for plan in &compiled.clusters {
            let Some(Refreshed { source, .. }) = &plan.refreshed else { continue };
            if self.value(source).is_none() && !wanted.iter().any(|(_, known)| known == source) {
                wanted.push((plan.backend.clone(), source.clone()));
            }
        }
        let asked = wanted.into_iter().map(|(backend, source)| {
            let http = self.http.clone();
            async move {
                let answer = ask(&http, &source).await;
                (backend, source, answer)
            }
        });
        let answers: Vec<_> = stream::iter(asked).buffered(ASKED_AT_ONCE).collect().await;
        let (mut obtained, mut problems) = (Vec::new(), Vec::new());
        for (backend, source, answer) in answers {
            match answer {
                Ok(token) => obtained.push((source, token)),
                Err(error) => {
                    let path = format!("backend '{backend}': provider_config.auth");
                    problems.push(Problem::new(path, format!("no credential could be obtained: {error}")));
                }
            }
        }
        if problems.is_empty() { Ok(Obtained(obtained)) } else { Err(problems) }
    }

    /// Makes the document's sources the only ones. `obtained` are those that it added.
    pub fn adopt(self: &Arc<Self>, compiled: &Compiled, obtained: Obtained) {
        let needed = |source: &TokenSource| {
            let sources = compiled.clusters.iter().filter_map(|plan| plan.refreshed.as_ref());
            sources.into_iter().any(|refreshed| refreshed.source == *source)
        };
        let mut held = self.held();
        held.retain(|held| needed(&held.source));
        for (source, token) in obtained.0 {
            let task = tokio::spawn(keep(Arc::clone(self), source.clone(), token.good_for)).abort_handle();
            held.push(Held { source, value: token.value, task });
        }
    }

    /// Writes the tokens where they belong.
    pub fn fill(&self, compiled: &mut Compiled) {
        for plan in &mut compiled.clusters {
            let Some(refreshed) = &plan.refreshed else { continue };
            let Some(token) = self.value(&refreshed.source) else { continue };
            let value = Secret::new(format!("{}{}", refreshed.prefix, token.expose()));
            match &refreshed.place {
                Place::Header(name) => plan.headers.insert(name.clone(), value),
                Place::Query(name) => plan.query_params.insert(name.clone(), value),
            };
        }
    }

    fn value(&self, source: &TokenSource) -> Option<Secret> {
        self.held().iter().find(|held| held.source == *source).map(|held| held.value.clone())
    }

    fn replace(&self, source: &TokenSource, value: Secret) {
        if let Some(held) = self.held().iter_mut().find(|held| held.source == *source) {
            if held.value == value {
                return;
            }
            held.value = value;
        }
        self.bell.send_modify(|rung| *rung = rung.wrapping_add(1));
    }

    fn held(&self) -> MutexGuard<'_, Vec<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Replaces one source's token before it expires, for ever.
async fn keep(tokens: Arc<Tokens>, source: TokenSource, mut good_for: Option<Duration>) {
    let mut failures = 0;
    loop {
        let pause = if failures == 0 { pace::refresh_after(good_for) } else { pace::retry_after(failures) };
        tokio::time::sleep(pause).await;
        match ask(&tokens.http, &source).await {
            Ok(token) => {
                (failures, good_for) = (0, token.good_for);
                tokens.replace(&source, token.value);
            }
            Err(error) => {
                failures += 1;
                tracing::error!(source = name(&source), failures, %error, "a credential could not be refreshed; the former one stays");
            }
        }
    }
}

async fn ask(http: &HttpClient, source: &TokenSource) -> Result<Token, NoToken> {
    match source {
        TokenSource::Command(words) => command::run(words).await,
        TokenSource::ClientCredentials(client) => oauth::client_credentials(http, client).await,
        TokenSource::ServiceAccount(account) => google::service_account(http, account).await,
        TokenSource::Metadata { base_url } => google::metadata(http, base_url).await,
    }
}

/// What a source is called in the log.
fn name(source: &TokenSource) -> &'static str {
    match source {
        TokenSource::Command(_) => "command",
        TokenSource::ClientCredentials(_) => "oauth_client_credentials",
        TokenSource::ServiceAccount(_) => "service_account",
        TokenSource::Metadata { .. } => "metadata",
    }
}

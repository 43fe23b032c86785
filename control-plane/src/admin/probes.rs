//! Liveness and readiness, for orchestrators: no authentication, no details, and cheap to ask often.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, join_all};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::AdminState;

/// A check that takes longer has failed.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// How long an answer is given again without asking. The probes are open to everybody.
const ANSWER_LIFE: Duration = Duration::from_millis(500);

type Run = dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync;

/// One condition of readiness.
#[derive(Clone)]
pub struct ReadyCheck {
    name: String,
    run: Arc<Run>,
}

impl ReadyCheck {
    /// A check by the name that `/ready` shows. The text of a failure goes to the log only.
    pub fn new<F>(name: impl Into<String>, run: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        Self { name: name.into(), run: Arc::new(move || run().boxed()) }
    }

    async fn passes(&self) -> bool {
        let outcome = tokio::time::timeout(CHECK_TIMEOUT, (self.run)()).await;
        let failure = match outcome {
            Ok(Ok(())) => return true,
            Ok(Err(failure)) => failure,
            Err(_) => format!("no answer within {} s", CHECK_TIMEOUT.as_secs()),
        };
        tracing::warn!(check = self.name, failure, "not ready");
        false
    }
}

impl fmt::Debug for ReadyCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReadyCheck").field(&self.name).finish()
    }
}

/// The checks and their latest answer.
struct Readiness {
    checks: Vec<ReadyCheck>,
    answer: Mutex<Option<(Instant, StatusCode, Value)>>,
}

pub(super) fn router(state: &AdminState) -> Router {
    let directory = state.directory.clone();
    let store = ReadyCheck::new(directory.store_name(), move || {
        let directory = directory.clone();
        async move { directory.check_store().await.map_err(|error| error.to_string()) }
    });
    let checks = std::iter::once(store).chain(state.checks.iter().cloned()).collect();
    let readiness = Arc::new(Readiness { checks, answer: Mutex::new(None) });
    Router::new()
        // Claude Code asks `HEAD /` whether there is anybody.
        .route("/", get(|| async { Json(json!({"service": "ditto-gateway", "status": "ok"})) }))
        .route("/health", get(|| async { Json(json!({"status": "ok"})) }))
        .route("/ready", get(ready))
        .with_state(readiness)
}

/// One run of the checks at a time; whoever comes meanwhile gets its answer.
async fn ready(State(readiness): State<Arc<Readiness>>) -> (StatusCode, Json<Value>) {
    let mut latest = readiness.answer.lock().await;
    if let Some((at, status, body)) = &*latest
        && at.elapsed() < ANSWER_LIFE
    {
        return (*status, Json(body.clone()));
    }
    let passed = join_all(readiness.checks.iter().map(ReadyCheck::passes)).await;
    let (status, word) = match passed.iter().all(|passed| *passed) {
        true => (StatusCode::OK, "ready"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "not_ready"),
    };
    let checks: Vec<Value> = readiness
        .checks
        .iter()
        .zip(passed)
        .map(|(check, passed)| json!({"name": check.name, "status": if passed { "ok" } else { "error" }}))
        .collect();
    let body = json!({"status": word, "checks": checks});
    *latest = Some((Instant::now(), status, body.clone()));
    (status, Json(body))
}

//! Active health checks: each backend is asked again and again, with its own credentials, whether it answers.
//!
//! The control plane asks, and not Envoy, because what Envoy sends with its checks stands in the clear in its
//! `/config_dump`. A backend that does not answer with success is marked in what Envoys are told: they prefer the
//! others, and go on using it where there is no other. The first answer after that takes the mark away.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use ditto_policy::compile::Compiled;
use http::Request;
use http_body_util::Full;
use tokio::sync::{Semaphore, watch};
use tokio::task::AbortHandle;

use crate::http_client::HttpClient;
use crate::models::Question;
use crate::resources::Marks;

/// Checks under way at the same time.
const CHECKS_AT_ONCE: usize = 32;

/// How backends are checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthChecks {
    /// Below the backend's base URL; `None`: where its dialect lists models.
    pub path: Option<String>,
    /// Between two checks of one backend.
    pub interval: Duration,
    /// For one answer.
    pub timeout: Duration,
}

/// What the latest check of a backend said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Why it is not healthy; `None`: it is. Never holds a secret.
    pub error: Option<String>,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
}

/// The checks of a gateway, and what an operator has reset.
#[derive(Debug)]
pub struct Health {
    checks: Option<HealthChecks>,
    http: HttpClient,
    slots: Semaphore,
    state: Mutex<State>,
    bell: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    subjects: BTreeMap<String, Subject>,
    resets: BTreeMap<String, u64>,
}

/// A backend that is checked.
#[derive(Debug)]
struct Subject {
    question: Question,
    checked: Option<Checked>,
    task: AbortHandle,
}

impl Drop for Subject {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Health {
    /// Nothing is known yet. Without `checks` none are made.
    pub fn new(checks: Option<HealthChecks>, http: HttpClient) -> Arc<Self> {
        let slots = Semaphore::new(CHECKS_AT_ONCE);
        Arc::new(Self { checks, http, slots, state: Mutex::default(), bell: watch::Sender::new(0) })
    }

    /// Rings whenever the marks have changed.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.bell.subscribe()
    }

    /// Checks the backends of this document, with its credentials. One that stays what it was keeps what is known of it.
    pub fn replace(self: &Arc<Self>, compiled: &Compiled) {
        let names: BTreeSet<&str> = compiled.clusters.iter().map(|plan| plan.backend.as_str()).collect();
        let mut state = self.state();
        state.resets.retain(|name, _| names.contains(name.as_str()));
        let mut former = std::mem::take(&mut state.subjects);
        let Some(checks) = &self.checks else { return };
        for (config, plan) in compiled.filter.backends.iter().zip(&compiled.clusters) {
            let Some(question) = Question::new(config.provider.as_ref(), plan, checks.path.as_deref()) else {
                continue;
            };
            let subject = match former.remove(&plan.backend) {
                Some(mut subject) if subject.question.cluster == question.cluster => {
                    subject.question = question;
                    subject
                }
                _ => {
                    let task = check_for_ever(Arc::clone(self), plan.backend.clone(), checks.clone());
                    Subject { question, checked: None, task: tokio::spawn(task).abort_handle() }
                }
            };
            state.subjects.insert(plan.backend.clone(), subject);
        }
    }

    /// What Envoys are told beyond the document.
    pub fn marks(&self) -> Marks {
        let state = self.state();
        let failing = |subject: &Subject| subject.checked.as_ref().is_some_and(|checked| checked.error.is_some());
        let degraded = state.subjects.iter().filter(|(_, subject)| failing(subject)).map(|(name, _)| name.clone());
        Marks { degraded: degraded.collect(), resets: state.resets.clone() }
    }

    /// What the latest check of a backend said; `None`: there was none.
    pub fn of(&self, backend: &str) -> Option<Checked> {
        self.state().subjects.get(backend)?.checked.clone()
    }

    /// Forgets what is held against a backend, here and in the Envoys.
    pub fn reset(&self, backend: &str) {
        let mut state = self.state();
        if let Some(subject) = state.subjects.get_mut(backend) {
            subject.checked = None;
        }
        let resets = state.resets.entry(backend.to_owned()).or_default();
        *resets = resets.wrapping_add(1);
        drop(state);
        self.ring();
    }

    async fn check(&self, backend: &str, checks: &HealthChecks) {
        let Some(question) = self.state().subjects.get(backend).map(|subject| subject.question.clone()) else { return };
        let Ok(_slot) = self.slots.acquire().await else { return };
        let error = ask(&self.http, &question, checks.timeout).await.err();
        let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let at_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        let mut state = self.state();
        let Some(subject) = state.subjects.get_mut(backend) else { return };
        let failed = subject.checked.as_ref().is_some_and(|checked| checked.error.is_some());
        let fails = error.is_some();
        match &error {
            Some(why) if !failed => tracing::warn!(backend, why, "a backend fails its health check: others go first"),
            None if failed => tracing::info!(backend, "a backend passes its health check again"),
            _ => {}
        }
        subject.checked = Some(Checked { error, at_ms });
        drop(state);
        if fails != failed {
            self.ring();
        }
    }

    fn ring(&self) {
        self.bell.send_modify(|rung| *rung = rung.wrapping_add(1));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn check_for_ever(health: Arc<Health>, backend: String, checks: HealthChecks) {
    // One that comes late is not made up for: a burst of questions would be no better answered.
    let mut ticks = tokio::time::interval(checks.interval);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        health.check(&backend, &checks).await;
    }
}

/// Asks once. The error says what is wrong.
async fn ask(http: &HttpClient, question: &Question, timeout: Duration) -> Result<(), String> {
    let mut request = Request::get(question.url.expose()).header("accept", "application/json");
    for (name, value) in &question.headers {
        request = request.header(name, value.expose());
    }
    let request = request.body(Full::new(Bytes::new()));
    let request = request.map_err(|_| "its address or headers cannot be sent".to_owned())?;
    let http = http.of_backend(question.tls.as_ref()).map_err(|error| error.to_string())?;
    match http.status(request, timeout).await {
        Ok(status) if status.is_success() => Ok(()),
        Ok(status) => Err(format!("it answers with status {}", status.as_u16())),
        Err(error) => Err(error.to_string()),
    }
}

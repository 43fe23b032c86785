//! What a simulator received: the test's view of the upstream side.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::HeaderMap;
use http::request::Parts;
use serde_json::Value;

/// Requests kept; beyond it the oldest are forgotten.
const REQUESTS_MAX: usize = 10_000;
/// Body bytes kept over all requests; beyond it the oldest requests are forgotten.
const BODY_BYTES_MAX: usize = 256 << 20;

/// How the exchange ended, seen from the simulator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Still being received or answered.
    InProgress,
    /// The whole reply was handed to the connection.
    Answered,
    /// The simulator broke it off, as a fault told it to.
    Broken,
    /// The other side went away first.
    Abandoned,
}

/// One request as it arrived.
#[derive(Debug, Clone)]
pub struct RecordedRequest {
    /// Position in order of arrival, from 1, over all connections of the simulator.
    pub order: u64,
    /// The connection it came on, from 1 in order of acceptance.
    pub connection: u64,
    /// When its head had arrived, since the simulator's start.
    pub at: Duration,
    /// The method, in capitals.
    pub method: String,
    /// Path and query, as sent.
    pub target: String,
    /// Names in lower case, in order of arrival; the values of a repeated name stand together.
    pub headers: Vec<(String, String)>,
    /// The body; empty until it has arrived.
    pub body: Bytes,
    /// Body bytes that have arrived so far.
    pub received: usize,
    /// Whether the body arrived to its end.
    pub complete: bool,
    /// How the exchange ended.
    pub outcome: Outcome,
}

impl RecordedRequest {
    /// The path without its query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The query, without the question mark.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.target.split_once('?').map(|(_, query)| query)
    }

    /// The first value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// All values of a header.
    pub fn header_values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is not JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("request {} has no JSON body: {error}: {:?}", self.order, self.body))
    }

    /// Whether `needle` occurs anywhere in what was received: target, headers or body.
    #[must_use]
    pub fn mentions(&self, needle: &str) -> bool {
        let in_body = self.body.windows(needle.len().max(1)).any(|window| window == needle.as_bytes());
        in_body
            || self.target.contains(needle)
            || self.headers.iter().any(|(name, value)| name.contains(needle) || value.contains(needle))
    }
}

/// The bounded memory of a simulator.
#[derive(Debug)]
pub(super) struct Recorder {
    started: Instant,
    log: Arc<Mutex<Log>>,
}

#[derive(Debug, Default)]
struct Log {
    next: u64,
    body_bytes: usize,
    requests: VecDeque<RecordedRequest>,
}

impl Default for Recorder {
    fn default() -> Self {
        Self { started: Instant::now(), log: Arc::default() }
    }
}

impl Recorder {
    /// Notes the head of a request; the returned track completes the entry as the exchange goes on.
    pub(super) fn begin(&self, connection: u64, parts: &Parts) -> Track {
        let mut log = lock(&self.log);
        log.next += 1;
        let order = log.next;
        log.requests.push_back(RecordedRequest {
            order,
            connection,
            at: self.started.elapsed(),
            method: parts.method.to_string(),
            target: parts.uri.path_and_query().map_or_else(|| parts.uri.to_string(), ToString::to_string),
            headers: header_pairs(&parts.headers),
            body: Bytes::new(),
            received: 0,
            complete: false,
            outcome: Outcome::InProgress,
        });
        log.forget_oldest();
        Track { log: Arc::clone(&self.log), order, settled: false }
    }

    pub(super) fn requests(&self) -> Vec<RecordedRequest> {
        lock(&self.log).requests.iter().cloned().collect()
    }

    pub(super) fn clear(&self) {
        let mut log = lock(&self.log);
        log.requests.clear();
        log.body_bytes = 0;
    }
}

impl Log {
    fn forget_oldest(&mut self) {
        while self.requests.len() > REQUESTS_MAX || (self.body_bytes > BODY_BYTES_MAX && self.requests.len() > 1) {
            let Some(oldest) = self.requests.pop_front() else { return };
            self.body_bytes -= oldest.body.len();
        }
    }
}

/// Follows one exchange. Dropped without a verdict, the exchange was abandoned by the other side.
#[derive(Debug)]
pub(super) struct Track {
    log: Arc<Mutex<Log>>,
    order: u64,
    settled: bool,
}

impl Track {
    pub(super) fn order(&self) -> u64 {
        self.order
    }

    /// `count` more bytes of the body arrived.
    pub(super) fn received(&self, count: usize) {
        self.update(|request| request.received += count);
    }

    /// The body ended, or broke off.
    pub(super) fn body(&self, body: Bytes, complete: bool) {
        let length = body.len();
        let kept = self.update(|request| {
            request.body = body;
            request.complete = complete;
        });
        if kept {
            let mut log = lock(&self.log);
            log.body_bytes += length;
            log.forget_oldest();
        }
    }

    pub(super) fn settle(&mut self, outcome: Outcome) {
        if !self.settled {
            self.settled = true;
            self.update(|request| request.outcome = outcome);
        }
    }

    /// Whether the entry is still remembered.
    fn update(&self, change: impl FnOnce(&mut RecordedRequest)) -> bool {
        let mut log = lock(&self.log);
        // Entries are sorted by order, and a running exchange is nearly always among the last.
        match log.requests.iter_mut().rev().find(|request| request.order == self.order) {
            Some(request) => {
                change(request);
                true
            }
            None => false,
        }
    }
}

impl Drop for Track {
    fn drop(&mut self) {
        self.settle(Outcome::Abandoned);
    }
}

fn lock(log: &Mutex<Log>) -> MutexGuard<'_, Log> {
    // A panic while holding it leaves a log that is still worth reading.
    log.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn header_pairs(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect()
}

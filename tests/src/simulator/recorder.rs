//! The bounded memory of a simulator.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use bytes::Bytes;
use http::HeaderMap;
use http::request::Parts;

use super::book::{Book, Delivery, Totals};
use super::record::{Outcome, RecordedRequest};
use super::reply::{Bill, Meter};

/// Requests kept; beyond it the oldest are forgotten.
const REQUESTS_MAX: usize = 10_000;
/// Body bytes kept over all requests; beyond it the oldest requests are forgotten.
const BODY_BYTES_MAX: usize = 256 << 20;
/// The request header that says whose request it is; see [`Delivery::tag`].
const TAG_HEADER: &str = "x-simulator-tag";

/// Requests as they came, what was delivered for them, and what should not have come.
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
    book: Book,
    /// Texts that no request should have in it.
    forbidden: Vec<String>,
    /// Requests that had one. Unlike the requests themselves, they are never forgotten.
    leaks: u64,
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
        let header = |name| parts.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        log.book.open(order, parts.uri.path(), header("x-request-id"), header(TAG_HEADER));
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

    pub(super) fn deliveries(&self) -> Vec<Delivery> {
        lock(&self.log).book.deliveries()
    }

    pub(super) fn totals(&self) -> Totals {
        lock(&self.log).book.totals()
    }

    pub(super) fn totals_by_tag(&self) -> BTreeMap<String, Totals> {
        lock(&self.log).book.totals_by_tag()
    }

    pub(super) fn clear_deliveries(&self) {
        lock(&self.log).book.clear();
    }

    pub(super) fn forbid(&self, text: &str) {
        lock(&self.log).forbidden.push(text.to_owned());
    }

    pub(super) fn leaks(&self) -> u64 {
        lock(&self.log).leaks
    }
}

impl Log {
    fn look_for_leaks(&mut self, order: u64) {
        let Some(request) = self.requests.iter().rev().find(|request| request.order == order) else { return };
        if self.forbidden.iter().any(|text| request.mentions(text)) {
            self.leaks += 1;
        }
    }

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
            log.look_for_leaks(self.order);
            log.forget_oldest();
        }
    }

    /// The reply's head is about to be sent.
    pub(super) fn begin_reply(&self, status: u16, bill: Option<Bill>) {
        lock(&self.log).book.begin(self.order, status, bill);
    }

    /// A part of the reply's body is handed over.
    pub(super) fn deliver(&self, meter: Meter) {
        if meter != Meter::default() {
            lock(&self.log).book.add(self.order, meter);
        }
    }

    pub(super) fn settle(&mut self, outcome: Outcome) {
        if !self.settled {
            self.settled = true;
            self.update(|request| request.outcome = outcome);
            lock(&self.log).book.close(self.order, outcome);
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

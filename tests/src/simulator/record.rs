//! What a simulator received: the test's view of the upstream side.

use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

/// How the exchange ended, seen from the simulator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
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

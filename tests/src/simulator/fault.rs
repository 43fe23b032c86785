//! How a reply can be spoiled.

mod grammar;

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;

use super::manner::Manner;

pub use grammar::FaultSyntaxError;

/// The request header that carries a fault.
pub(super) const FAULT_HEADER: &str = "x-simulator-fault";

/// Where the connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The request is read and no byte of a reply is sent.
    BeforeHeaders,
    /// The reply's head is sent and no byte of its body.
    AfterHeaders,
    /// So many bytes of the reply's body are sent (as encoded, without chunk framing).
    AfterBytes(usize),
    /// So many events of the reply's stream are sent; a plain reply is one.
    AfterEvents(usize),
}

/// A failure in the middle of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamError {
    /// Events that are sent before it.
    pub events: usize,
    /// The status whose error is told: the head has another one by then.
    pub status: u16,
}

/// Everything that goes wrong with one reply; parts combine. [`Fault::none`] and [`Default`] spoil nothing.
///
/// The header `x-simulator-fault` writes the same thing as text: directives separated by `;`, each a name or
/// `name=value`.
///
/// | Directive | Meaning |
/// |---|---|
/// | `delay=250ms` | wait before the reply's head (`ms` or `s`) |
/// | `chunk-delay=20ms` | wait between pieces of the body |
/// | `status=503` | answer with this status and an error in the dialect's shape |
/// | `header=retry-after:1` | add a response header (repeatable) |
/// | `body=text` | answer with this body, percent-encoded (`%3B` for a semicolon); status 200 unless given |
/// | `close=before-headers`, `close=after-headers`, `close=after-100` | break the connection there |
/// | `close=after-3-events` | break the connection after so many events |
/// | `error=3-529` | send so many events of a stream, then the dialect's error for this status, and end |
/// | `stall=3` | send so many events, then nothing, and never end |
/// | `bytewise` | send the body one byte at a time |
/// | `chunks=1,5,200` | send the body in pieces of these sizes, in a cycle |
/// | `gzip` | compress the body |
/// | `hang` | read the request and never answer |
/// | `ignore-body` | never read the request's body; hangs unless a status or body is given |
/// | `tokens=200` | say so many tokens, if the request's limit allows |
/// | `reasoning=50` | think so many tokens before, unseen but counted |
/// | `cached=100` | say that so many tokens of the prompt were cached |
/// | `cache-creation=100` | say that so many tokens of the prompt were written to the cache |
/// | `ignore-cap` | heed no limit of the request |
/// | `no-usage` | say nothing of usage |
/// | `running-usage` | say usage in each event of a stream that was asked for it |
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fault {
    /// Wait before the reply's head.
    pub delay: Duration,
    /// Wait between pieces of the reply's body.
    pub chunk_delay: Duration,
    /// Answer with this status instead of serving the request.
    pub status: Option<u16>,
    /// Response headers to add or replace.
    pub headers: Vec<(String, String)>,
    /// Send these pieces as the body, as they are; status 200 unless given.
    pub body: Option<Vec<Bytes>>,
    /// Close the connection.
    pub cut: Option<Cut>,
    /// Sizes of the pieces the body is sent in, in a cycle; empty leaves it as served.
    pub chunk_sizes: Vec<usize>,
    /// Compress the body.
    pub gzip: bool,
    /// Never answer.
    pub hang: bool,
    /// Never read the request's body.
    pub ignore_body: bool,
    /// Send so many events of the reply's stream, then nothing, and never end; a plain reply is one event.
    pub stall: Option<usize>,
    /// End the reply's stream with an error in the dialect's shape; a plain reply stays whole.
    pub stream_error: Option<StreamError>,
    /// How much is said, and what of usage.
    pub manner: Manner,
}

impl Fault {
    /// Nothing goes wrong.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Fails with a status and an error body in the dialect's shape.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self { status: Some(status), ..Self::default() }
    }

    /// Waits before the reply's head.
    #[must_use]
    pub fn delay(delay: Duration) -> Self {
        Self { delay, ..Self::default() }
    }

    /// Waits between pieces of the reply's body; a stream's events are its pieces.
    #[must_use]
    pub fn chunk_delay(chunk_delay: Duration) -> Self {
        Self { chunk_delay, ..Self::default() }
    }

    /// Closes the connection.
    #[must_use]
    pub fn cut(cut: Cut) -> Self {
        Self { cut: Some(cut), ..Self::default() }
    }

    /// Sends the body one byte at a time.
    #[must_use]
    pub fn bytewise() -> Self {
        Self::chunk_sizes(&[1])
    }

    /// Sends the body in pieces of these sizes, in a cycle.
    #[must_use]
    pub fn chunk_sizes(sizes: &[usize]) -> Self {
        Self { chunk_sizes: sizes.to_vec(), ..Self::default() }
    }

    /// Compresses the body.
    #[must_use]
    pub fn gzip() -> Self {
        Self { gzip: true, ..Self::default() }
    }

    /// Reads the request and never answers.
    #[must_use]
    pub fn hang() -> Self {
        Self { hang: true, ..Self::default() }
    }

    /// Never reads the request's body; hangs unless a status or a body is set too.
    #[must_use]
    pub fn ignore_body() -> Self {
        Self { ignore_body: true, ..Self::default() }
    }

    /// Sends so many events, then nothing, and never ends.
    #[must_use]
    pub fn stall(events: usize) -> Self {
        Self { stall: Some(events), ..Self::default() }
    }

    /// Sends so many events of a stream, then the dialect's error for a status.
    #[must_use]
    pub fn stream_error(events: usize, status: u16) -> Self {
        Self { stream_error: Some(StreamError { events, status }), ..Self::default() }
    }

    /// Says so many tokens, if the request's limit allows.
    #[must_use]
    pub fn tokens(tokens: u64) -> Self {
        Manner::tokens(tokens).into()
    }

    /// Answers 200 with exactly these pieces, as one whole body if there is one piece and as a stream otherwise.
    #[must_use]
    pub fn scripted(content_type: &str, pieces: impl IntoIterator<Item = impl Into<Bytes>>) -> Self {
        let body = pieces.into_iter().map(Into::into).collect();
        Self { body: Some(body), ..Self::default() }.with_header("content-type", content_type)
    }

    /// Adds or replaces a response header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets the status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// Sets the whole body.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = Some(vec![body.into()]);
        self
    }

    /// Sets the wait between pieces.
    #[must_use]
    pub fn with_chunk_delay(mut self, chunk_delay: Duration) -> Self {
        self.chunk_delay = chunk_delay;
        self
    }

    /// Sets how much is said, and what of usage.
    #[must_use]
    pub fn with_manner(mut self, manner: Manner) -> Self {
        self.manner = manner;
        self
    }

    /// Sets where the connection is closed.
    #[must_use]
    pub fn with_cut(mut self, cut: Cut) -> Self {
        self.cut = Some(cut);
        self
    }

    /// Whether the reply is given here, without asking the dialect.
    pub(super) fn replaces_reply(&self) -> bool {
        self.status.is_some() || self.body.is_some()
    }

    /// The fault a request asks for, if it asks for one.
    pub(super) fn requested(headers: &HeaderMap) -> Option<Result<Self, FaultSyntaxError>> {
        let text = headers.get(FAULT_HEADER)?;
        Some(String::from_utf8_lossy(text.as_bytes()).parse())
    }
}

impl From<Manner> for Fault {
    fn from(manner: Manner) -> Self {
        Self { manner, ..Self::default() }
    }
}

//! What the dialect wants to say, before a fault spoils it.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::Value;

/// A reply, complete in memory.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) body: Body,
    /// What it costs, where the endpoint counts tokens.
    pub(super) bill: Option<Bill>,
}

/// Whether the length is told beforehand.
#[derive(Debug, Clone)]
pub(super) enum Body {
    /// Sent with `content-length`.
    Whole(Piece),
    /// Sent chunked, each piece flushed by itself.
    Pieces(Vec<Piece>),
}

/// What a reply costs before a word of it is said.
#[derive(Debug, Clone, Default)]
pub(super) struct Bill {
    pub(super) model: String,
    pub(super) service_tier: Option<String>,
    pub(super) stream: bool,
    pub(super) prompt_tokens: u64,
    pub(super) cached_tokens: u64,
}

/// What a piece of a reply has in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Meter {
    /// Output tokens that had to be made for it, hidden ones too.
    pub(super) generated: u64,
    /// Output tokens that can be read once it arrived.
    pub(super) delivered: u64,
    /// The output tokens that a usage in it tells of.
    pub(super) usage: Option<u64>,
}

impl Meter {
    /// Tokens that are shown.
    pub(super) fn shown(tokens: u64) -> Self {
        Self { generated: tokens, delivered: tokens, usage: None }
    }

    /// Tokens that are not.
    pub(super) fn hidden(tokens: u64) -> Self {
        Self { generated: tokens, ..Self::default() }
    }

    /// A usage.
    pub(super) fn usage(tokens: u64) -> Self {
        Self { usage: Some(tokens), ..Self::default() }
    }
}

/// Bytes that belong together.
#[derive(Debug, Clone, Default)]
pub(super) struct Piece {
    pub(super) bytes: Bytes,
    pub(super) meter: Meter,
}

impl From<Bytes> for Piece {
    fn from(bytes: Bytes) -> Self {
        Self { bytes, meter: Meter::default() }
    }
}

/// The data of a server-sent event.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) data: Value,
    pub(super) meter: Meter,
}

impl From<Value> for Event {
    fn from(data: Value) -> Self {
        Self { data, meter: Meter::default() }
    }
}

impl Reply {
    pub(super) fn json(status: StatusCode, value: &Value) -> Self {
        // The provider's own bodies are indented.
        let text = format!("{value:#}\n");
        Self::bytes(status, "application/json", Bytes::from(text))
    }

    pub(super) fn ok(value: &Value) -> Self {
        Self::json(StatusCode::OK, value)
    }

    /// JSON on one line, as most providers send it.
    pub(super) fn compact(status: StatusCode, value: &Value) -> Self {
        Self::bytes(status, "application/json", Bytes::from(value.to_string()))
    }

    pub(super) fn compact_ok(value: &Value) -> Self {
        Self::compact(StatusCode::OK, value)
    }

    pub(super) fn bytes(status: StatusCode, content_type: &'static str, body: Bytes) -> Self {
        Self::new(status, content_type, Body::Whole(body.into()))
    }

    pub(super) fn pieces(content_type: &'static str, pieces: Vec<Bytes>) -> Self {
        let pieces = pieces.into_iter().map(Piece::from).collect();
        Self::new(StatusCode::OK, content_type, Body::Pieces(pieces))
    }

    /// A stream of server-sent events that carry `data` only.
    pub(super) fn data_events(events: impl IntoIterator<Item = Event>) -> Self {
        let piece = |Event { data, meter }| Piece { bytes: Bytes::from(format!("data: {data}\n\n")), meter };
        let mut pieces: Vec<Piece> = events.into_iter().map(piece).collect();
        pieces.push(Bytes::from_static(b"data: [DONE]\n\n").into());
        Self::event_stream(pieces)
    }

    /// A stream of server-sent events, each named after its `type`.
    pub(super) fn typed_events(events: impl IntoIterator<Item = Event>) -> Self {
        let pieces = events
            .into_iter()
            .map(|Event { data, meter }| {
                let kind = data["type"].as_str().unwrap_or_default();
                Piece { bytes: Bytes::from(format!("event: {kind}\ndata: {data}\n\n")), meter }
            })
            .collect();
        Self::event_stream(pieces)
    }

    fn event_stream(pieces: Vec<Piece>) -> Self {
        Self::new(StatusCode::OK, "text/event-stream; charset=utf-8", Body::Pieces(pieces))
    }

    /// A stream of pieces that say each what is in them.
    pub(super) fn stream(content_type: &'static str, pieces: Vec<Piece>) -> Self {
        Self::new(StatusCode::OK, content_type, Body::Pieces(pieces))
    }

    fn new(status: StatusCode, content_type: &'static str, body: Body) -> Self {
        let headers = vec![(http::header::CONTENT_TYPE, HeaderValue::from_static(content_type))];
        Self { status, headers, body, bill: None }
    }

    /// Says what it costs.
    pub(super) fn billed(mut self, bill: Bill) -> Self {
        self.bill = Some(bill);
        self
    }

    /// Says what the whole body has in it; without effect on a stream, whose events say it each.
    pub(super) fn metered(mut self, meter: Meter) -> Self {
        if let Body::Whole(piece) = &mut self.body {
            piece.meter = meter;
        }
        self
    }

    /// Adds a header, in place of one of the same name.
    pub(super) fn set_header(&mut self, name: HeaderName, value: HeaderValue) {
        self.headers.retain(|(present, _)| *present != name);
        self.headers.push((name, value));
    }
}

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
}

/// Whether the length is told beforehand.
#[derive(Debug, Clone)]
pub(super) enum Body {
    /// Sent with `content-length`.
    Whole(Bytes),
    /// Sent chunked, each piece flushed by itself.
    Pieces(Vec<Bytes>),
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

    pub(super) fn bytes(status: StatusCode, content_type: &'static str, body: Bytes) -> Self {
        let headers = vec![(http::header::CONTENT_TYPE, HeaderValue::from_static(content_type))];
        Self { status, headers, body: Body::Whole(body) }
    }

    pub(super) fn pieces(content_type: &'static str, pieces: Vec<Bytes>) -> Self {
        let headers = vec![(http::header::CONTENT_TYPE, HeaderValue::from_static(content_type))];
        Self { status: StatusCode::OK, headers, body: Body::Pieces(pieces) }
    }

    /// A stream of server-sent events that carry `data` only.
    pub(super) fn data_events(events: impl IntoIterator<Item = Value>) -> Self {
        let mut pieces: Vec<Bytes> =
            events.into_iter().map(|event| Bytes::from(format!("data: {event}\n\n"))).collect();
        pieces.push(Bytes::from_static(b"data: [DONE]\n\n"));
        Self::pieces("text/event-stream; charset=utf-8", pieces)
    }

    /// A stream of server-sent events, each named after its `type`.
    pub(super) fn typed_events(events: impl IntoIterator<Item = Value>) -> Self {
        let pieces = events
            .into_iter()
            .map(|event| {
                let kind = event["type"].as_str().unwrap_or_default();
                Bytes::from(format!("event: {kind}\ndata: {event}\n\n"))
            })
            .collect();
        Self::pieces("text/event-stream; charset=utf-8", pieces)
    }

    /// Adds a header, in place of one of the same name.
    pub(super) fn set_header(&mut self, name: HeaderName, value: HeaderValue) {
        self.headers.retain(|(present, _)| *present != name);
        self.headers.push((name, value));
    }
}

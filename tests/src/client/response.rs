//! A reply, read as it comes.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bytes::Bytes;
use http::HeaderMap;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::Value;

use super::{Connection, TIMEOUT};
use crate::sse::{Decoder, Event};

/// A reply whose head has arrived. Dropping it hangs up.
#[derive(Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The head.
    pub headers: HeaderMap,
    /// From the sending of the request to the arrival of the head.
    pub head_after: Duration,
    started: Instant,
    body: Incoming,
    connection: Option<Connection>,
}

/// A piece of a body as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Since the sending of the request.
    pub at: Duration,
    /// What arrived.
    pub bytes: Bytes,
}

/// An event and when its last byte arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimedEvent {
    /// Since the sending of the request.
    pub at: Duration,
    /// The event.
    pub event: Event,
}

impl Response {
    pub(super) fn new(response: http::Response<Incoming>, started: Instant) -> Self {
        let (parts, body) = response.into_parts();
        let head_after = started.elapsed();
        Self { status: parts.status.as_u16(), headers: parts.headers, head_after, started, body, connection: None }
    }

    /// Closes the connection together with the reply.
    pub(super) fn own(&mut self, connection: Connection) {
        self.connection = Some(connection);
    }

    /// The first value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The next piece of the body; `None` at its proper end.
    ///
    /// # Errors
    /// When the body breaks off, or nothing comes within a minute.
    pub async fn try_chunk(&mut self) -> Result<Option<Chunk>> {
        loop {
            let frame =
                tokio::time::timeout(TIMEOUT, self.body.frame()).await.context("no more body within a minute")?;
            let Some(frame) = frame else { return Ok(None) };
            // Trailers are not looked at.
            if let Ok(bytes) = frame?.into_data() {
                return Ok(Some(Chunk { at: self.started.elapsed(), bytes }));
            }
        }
    }

    /// The next piece of the body; `None` at its proper end.
    ///
    /// # Panics
    /// When the body breaks off.
    pub async fn chunk(&mut self) -> Option<Chunk> {
        self.try_chunk().await.unwrap_or_else(|error| panic!("the body breaks off: {error:#}"))
    }

    /// All pieces, and the error if the body breaks off.
    pub async fn chunks(&mut self) -> (Vec<Chunk>, Option<anyhow::Error>) {
        let mut chunks = Vec::new();
        loop {
            match self.try_chunk().await {
                Ok(Some(chunk)) => chunks.push(chunk),
                Ok(None) => return (chunks, None),
                Err(error) => return (chunks, Some(error)),
            }
        }
    }

    /// The rest of the body.
    ///
    /// # Errors
    /// When it breaks off.
    pub async fn try_bytes(&mut self) -> Result<Bytes> {
        let (chunks, error) = self.chunks().await;
        match error {
            Some(error) => Err(error),
            None => Ok(chunks.iter().flat_map(|chunk| chunk.bytes.iter().copied()).collect()),
        }
    }

    /// The rest of the body.
    ///
    /// # Panics
    /// When it breaks off.
    pub async fn bytes(&mut self) -> Bytes {
        self.try_bytes().await.unwrap_or_else(|error| panic!("the body breaks off: {error:#}"))
    }

    /// The rest of the body as text.
    ///
    /// # Panics
    /// When it breaks off.
    pub async fn text(&mut self) -> String {
        String::from_utf8_lossy(&self.bytes().await).into_owned()
    }

    /// The rest of the body as JSON.
    ///
    /// # Panics
    /// When it breaks off or is not JSON.
    pub async fn json(&mut self) -> Value {
        let text = self.text().await;
        let status = self.status;
        serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("the body of a {status} is not JSON: {error}: {text}"))
    }

    /// All server-sent events, each with its time of arrival.
    ///
    /// # Panics
    /// When the body breaks off, or ends inside an event.
    pub async fn events(&mut self) -> Vec<TimedEvent> {
        let mut decoder = Decoder::default();
        let mut events = Vec::new();
        while let Some(chunk) = self.chunk().await {
            events.extend(decoder.push(&chunk.bytes).into_iter().map(|event| TimedEvent { at: chunk.at, event }));
        }
        let rest = String::from_utf8_lossy(decoder.rest());
        assert!(rest.is_empty(), "the stream ends inside an event: {rest:?}");
        events
    }

    /// Asserts the status, showing the body if it is another.
    ///
    /// # Panics
    /// When it is another.
    pub async fn expect_status(mut self, status: u16) -> Self {
        if self.status != status {
            let (chunks, _) = self.chunks().await;
            let body: Vec<u8> = chunks.iter().flat_map(|chunk| chunk.bytes.iter().copied()).collect();
            panic!("status {} instead of {status}: {}", self.status, String::from_utf8_lossy(&body));
        }
        self
    }
}

//! A request whose head passed the checks, while its body is read.

use std::rc::Rc;

use ditto_llm::dialect::Dialect;
use ditto_llm::endpoint::{Endpoint, path_with_model};
use ditto_llm::scan::Scanner;
use ditto_policy::upstream_path;

use super::{PIECE_BYTES, Stop, scan_fault};
use crate::host::{Host, HostError};
use crate::knowledge::KnownKey;

/// A request whose head passed the checks.
#[derive(Debug)]
pub(crate) struct Admitted {
    /// The normalised path and query.
    pub(super) path: String,
    /// Whether that is not what the client sent.
    pub(super) aliased: bool,
    pub(crate) dialect: Dialect,
    pub(super) endpoint: Endpoint,
    pub(super) request_id: String,
    /// The header `anthropic-beta`.
    pub(super) beta: Option<String>,
    /// The client says which version of Anthropic's API it speaks.
    pub(super) names_version: bool,
    /// In an open relay, the header `authorization`.
    pub(super) authorization: Option<String>,
    /// In an open relay, a key that the client sent in another dialect's header: OpenAI's dialect has it as a bearer.
    pub(crate) open_key: Option<String>,
    /// Absent: no key was needed, and the client's own credentials go upstream.
    pub(super) key: Option<Rc<KnownKey>>,
    pub(super) is_post: bool,
    pub(crate) content_length: Option<u64>,
    /// A websocket: it may last, whatever the route's timeout.
    pub(super) upgrade: bool,
    /// The client brought its own request id.
    pub(super) id_is_clients: bool,
    pub(super) scanner: Scanner,
    /// Bytes of the body that the scanner has seen.
    pub(super) scanned: usize,
}

impl Admitted {
    /// Whether it is an open relay's request.
    pub(crate) fn open(&self) -> bool {
        self.key.is_none()
    }

    /// Has the path name `model` where it names `written`. The body is the preparing stage's to change.
    pub(super) fn rename(&mut self, written: &str, model: &str) {
        let named = if self.endpoint.is_gemini() { path_with_model(&self.path, model) } else { None };
        let renamed = match named {
            Some(path) => path,
            None => upstream_path::with_model(&self.path, written, model).into_owned(),
        };
        self.aliased |= renamed != self.path;
        self.path = renamed;
    }

    /// Scans what has arrived since the last call. Returns the piece if it is the whole body.
    pub(super) fn scan(&mut self, host: &impl Host, size: usize) -> Result<Vec<u8>, Stop> {
        let first = self.scanned == 0;
        let mut piece = Vec::new();
        while self.scanned < size {
            let wanted = PIECE_BYTES.min(size.saturating_sub(self.scanned));
            piece = host.request_body(self.scanned, wanted)?;
            if piece.is_empty() {
                return Err(Stop::Host(HostError { call: "get_buffer_bytes", status: 0 }));
            }
            self.scanner.feed(&piece).map_err(scan_fault)?;
            self.scanned = self.scanned.saturating_add(piece.len());
        }
        Ok(if first && piece.len() == size { piece } else { Vec::new() })
    }
}

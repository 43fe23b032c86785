//! Finds what the gateway needs to know of a JSON request, without parsing it into values.
//!
//! A request body may be megabytes of prompt; the gateway needs a handful of top-level members, the places of some of
//! them so that their values can be replaced where they stand, and an estimate of the text. The scanner therefore
//! reads the body once, in pieces of any size, keeps nothing but its place in the grammar, and still checks the whole
//! of it against RFC 8259: what it accepts, a JSON parser accepts (save invalid UTF-8 inside strings other than
//! `model`, which is left to the backend).
//!
//! A second member of a name that counts (`model`, `max_tokens`, …) is refused: parsers differ in which of the two
//! they take, and a request that one side reads as allowed and the other as forbidden must not pass. Names are compared
//! after unescaping for the same reason.

mod error;
mod facts;
mod field;
mod node;
mod request;
mod source;
mod words;

pub use error::{ScanError, ScanErrorKind};
pub use facts::{GenerationConfig, ModelField, OutputCap, OutputCaps, Scanned, StreamOptions};
pub use field::Field;
use node::Node;
use request::Request;

use crate::endpoint::Endpoint;
use crate::json::Json;

/// How deep arrays and objects may nest.
pub const DEPTH_MAX: u32 = crate::json::DEPTH_MAX;
/// How long the value of `model` may be, in bytes as written.
pub const MODEL_BYTES_MAX: usize = 1024;

/// Reads a body piece by piece. See the module's documentation. The default reads bodies as OpenAI has them.
#[derive(Debug, Default)]
pub struct Scanner {
    json: Json<Node>,
    request: Request,
}

impl Scanner {
    /// A scanner for the requests of this endpoint, in their own dialect.
    pub fn for_endpoint(endpoint: Endpoint) -> Self {
        Self { json: Json::rooted(Node::root(endpoint)), request: Request::for_endpoint(endpoint) }
    }

    /// The same scanner, but it does not gather text: [`Scanned::text`] stays empty. For requests whose tokens nobody
    /// counts; gathering is half of the work.
    pub fn skipping_text(mut self) -> Self {
        self.request.skip_text();
        self
    }

    /// A scanner of OpenAI's bodies that does not gather text.
    pub fn without_text() -> Self {
        Self::default().skipping_text()
    }

    /// Reads the next piece of the body. After an error nothing more may be fed.
    ///
    /// # Errors
    /// The body is not JSON, or one of the members that count is not acceptable.
    pub fn feed(&mut self, piece: &[u8]) -> Result<(), ScanError> {
        self.json.feed(piece, &mut self.request).map_err(|(kind, offset)| self.error(kind, offset))
    }

    /// Says what was found, once the body is complete.
    ///
    /// # Errors
    /// The body is not complete.
    pub fn finish(mut self) -> Result<Scanned, ScanError> {
        self.json.finish(&mut self.request).map_err(|(kind, offset)| self.error(kind, offset))?;
        Ok(self.request.finish(self.json.consumed()))
    }

    /// The place of an error: that of the byte in question, or for a bad value the place where it begins, so that it
    /// does not depend on how the body was cut.
    fn error(&self, kind: ScanErrorKind, offset: usize) -> ScanError {
        let offset = if kind.is_about_a_value() { self.request.value_start() } else { offset };
        ScanError { offset, kind }
    }
}

#[cfg(test)]
#[path = "scan/tests.rs"]
mod tests;

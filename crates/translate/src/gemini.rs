//! Gemini's `generateContent` and `streamGenerateContent`, as AI Studio and Vertex AI serve them: a dialect of clients
//! and of backends.
//!
//! Sources: <https://ai.google.dev/api/generate-content>,
//! <https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference>,
//! <https://github.com/googleapis/python-genai/blob/main/google/genai/types.py> (all seen 2026-11).

mod base64;
mod blob;
mod candidate;
mod config;
mod count;
mod envelope;
pub mod fields;
mod generation;
mod model;
mod part_of;
mod path;
mod proof;
mod read_failure;
mod read_reply;
mod read_request;
mod read_stream;
pub mod reply_fields;
mod results;
mod rewrap;
mod schema;
mod turns;
mod wire_config;
mod wire_reply;
mod wire_request;
mod write_failure;
mod write_reply;
mod write_request;
mod write_stream;

#[cfg(test)]
mod tests;

pub use count::{count_tokens_request, read_count, read_count_request, write_count};
pub use envelope::{Envelope, unwrap_envelope};
pub use path::of as path;
pub use read_failure::read_failure;
pub use read_reply::read_reply;
pub use read_request::read_request;
pub use read_stream::Reader;
pub use rewrap::Rewrap;
pub use write_failure::write_failure;
pub use write_reply::write_reply;
pub use write_request::write_request;
pub use write_stream::Writer;

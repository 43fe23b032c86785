//! OpenAI's legacy completions, spoken by clients only: a prompt becomes a user's turn.
//!
//! The authority is <https://platform.openai.com/docs/api-reference/completions> (seen 2026-11). Errors are those of
//! chat completions.

pub mod fields;
mod read_request;
mod write_reply;
mod write_stream;

pub use read_request::read_request;
pub use write_reply::write_reply;
pub use write_stream::Writer;

pub use crate::chat::write_failure;

#[cfg(test)]
mod tests;

//! Cohere's chat, second version, as backends speak it: <https://docs.cohere.com/reference/chat> (seen 2026-11).
//!
//! It looks like chat completions, with other words; what a model says before it calls tools is a plan beside the
//! content, and text for all others.

mod read_failure;
mod read_reply;
mod read_stream;
pub mod reply_fields;
mod wire_reply;
mod wire_request;
mod write_messages;
mod write_options;
mod write_request;

pub use read_failure::read_failure;
pub use read_reply::{failure_of_reply, read_reply};
pub use read_stream::Reader;
pub use write_request::write_request;

#[cfg(test)]
mod tests;

//! OpenAI's Responses: clients that speak it, and backends.
//!
//! The API is stateful where a client wants it (`previous_response_id`, `conversation`, `store`); what is translated
//! here is not, so that those are refused, and requests to backends ask for nothing to be kept.
//!
//! <https://platform.openai.com/docs/api-reference/responses> (seen 2026-11).

mod echo;
mod failure_code;
pub mod fields;
mod output;
mod output_json;
mod read_failure;
mod read_input;
mod read_items;
mod read_parts;
mod read_reply;
mod read_request;
mod read_stream;
mod read_tools;
pub mod reply_fields;
mod wire_reply;
mod wire_request;
mod write_events;
mod write_failure;
mod write_input;
mod write_parts;
mod write_reply;
mod write_request;
mod write_stream;
mod write_tools;

pub use echo::echo;
pub use read_failure::read_failure;
pub use read_reply::read_reply;
pub use read_request::read_request;
pub use read_stream::Reader;
pub use write_failure::write_failure;
pub use write_reply::write_reply;
pub use write_request::write_request;
pub use write_stream::Writer;

/// Stands in front of the `encrypted_content` of thoughts that are nothing but that, so that they return as such.
/// Neither base64 nor our tags have a colon.
const REDACTED: &str = "redacted:";

#[cfg(test)]
mod tests;

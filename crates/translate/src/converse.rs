//! Amazon Bedrock's Converse, as backends speak it:
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html> (seen 2026-11).
//!
//! Everything of a message is an object with one member, which says what it is. The id of a reply and its model are not
//! told there.

mod models;
mod read_failure;
mod read_reply;
mod read_stream;
pub mod reply_fields;
mod wire_reply;
mod wire_request;
mod write_content;
mod write_media;
mod write_options;
mod write_request;
mod write_tools;

pub use read_failure::read_failure;
pub use read_reply::{failure_of_reply, read_reply};
pub use read_stream::Reader;
pub use write_request::write_request;

#[cfg(test)]
mod tests;

//! Anthropic Messages, as clients speak it and as backends do:
//! <https://platform.claude.com/docs/en/api/messages> (seen 2026-11). The exact types of the wire are those of
//! Anthropic's own SDK: <https://github.com/anthropics/anthropic-sdk-python/tree/main/src/anthropic/types/beta>.

mod count;
pub mod fields;
mod members;
mod models;
mod read_failure;
mod read_reply;
mod read_request;
mod read_stream;
mod rehost;
pub mod reply_fields;
mod scrub;
mod unframe;
mod usage;
mod wire_reply;
mod wire_request;
mod write_content;
mod write_failure;
mod write_reply;
mod write_request;
mod write_stream;

pub use count::{cannot_count, count_tokens_request, read_count, rehost_count_request, write_count};
pub use read_failure::read_failure;
pub use read_reply::read_reply;
pub use read_request::read_request;
pub use read_stream::Reader;
pub use rehost::rehost_request;
pub use scrub::{scrub_thoughts, with_model};
pub use unframe::Unframe;
pub use write_failure::write_failure;
pub use write_reply::write_reply;
pub use write_request::{path, write_request};
pub use write_stream::Writer;

#[cfg(test)]
mod tests;

//! OpenAI chat completions, spoken by clients and by most backends.
//!
//! The authority is <https://platform.openai.com/docs/api-reference/chat> (seen 2026-11). Thoughts, which it has no
//! place for, are carried as others agreed on: the text in `reasoning_content`, as DeepSeek has it
//! (<https://api-docs.deepseek.com/guides/thinking_mode>), and what is signed in `thinking_blocks`, as LiteLLM has it
//! (<https://docs.litellm.ai/docs/reasoning_content>). Backends are read with tolerance: the dialect has more servers
//! than references.

mod fault;
pub mod fields;
pub(crate) mod finish;
mod ids;
mod read_content;
mod read_failure;
mod read_messages;
mod read_reply;
mod read_request;
mod read_stream;
mod read_tools;
pub mod reply_fields;
mod server;
mod slots;
mod speech;
pub(crate) mod stream_end;
pub(crate) mod usage;
mod wire_reply;
mod wire_request;
pub(crate) mod write_failure;
mod write_media;
mod write_messages;
pub(crate) mod write_reply;
mod write_request;
mod write_sampling;
mod write_stream;
mod write_tools;

pub use read_failure::read_failure;
pub use read_reply::read_reply;
pub use read_request::read_request;
pub(crate) use read_request::{stop, unknown};
pub use read_stream::Reader;
pub use write_failure::write_failure;
pub use write_reply::write_reply;
pub use write_request::write_request;
pub use write_stream::Writer;

#[cfg(test)]
mod tests;

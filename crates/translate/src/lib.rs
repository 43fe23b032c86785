//! Translation between the dialects that clients speak and those that backends speak.
//!
//! Bytes in, bytes out: there is no I/O, no clock, no configuration and no key in this crate; it builds for the host
//! and for `wasm32-wasip1`, and no input makes it panic.
//!
//! Every dialect reads into, and writes from, one canonical form ([`request`], [`reply`], [`stream`], [`failure`]), so
//! that each needs the same verbs once instead of once for each partner. A dialect's module has one file for each
//! direction: `read_request` and `write_reply`, `write_stream`, `write_failure` where clients speak it;
//! `write_request` and `read_reply`, `read_stream`, `read_failure` where backends do. What the canonical form cannot
//! carry, or the target cannot express, is told to [`loss::Losses`]: nothing is lost silently.
//!
//! Where client and backend speak the same dialect nothing is translated; [`prepare`] says so.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

pub mod chat;
pub mod client;
pub mod cohere;
pub mod completions;
pub mod content;
pub mod converse;
pub mod embeddings;
pub mod failure;
pub mod fields;
pub mod fold;
pub mod frame;
pub mod gemini;
pub mod json;
pub mod loss;
pub mod messages;
mod place;
pub mod plan;
pub mod prepare;
pub mod rate_limits;
pub mod reasoning;
pub mod reply;
pub mod request;
pub mod rerank;
pub mod responses;
mod schema;
pub mod sequence;
pub mod signature;
pub mod sigv4;
pub mod stream;
pub mod tally;
pub mod target;
pub mod text;
pub mod translator;
pub mod url;
mod vertex;

//! Provider dialects: what a client or a backend speaks on the wire.
//!
//! Bytes in, bytes out. There is no I/O, no clock, no configuration, no tenant and no key in this crate; it builds
//! for the host and for `wasm32-wasip1`, and no input makes it panic.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

pub mod dialect;
pub mod edit;
pub mod endpoint;
pub mod estimate;
pub mod fault;
mod json;
pub mod meter;
pub mod scan;
pub mod sse;
pub mod stream_edit;
pub mod time;
pub mod usage;

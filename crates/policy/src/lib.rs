//! Who may call what, and where it goes: the configuration document and its compiled form, virtual keys, routing
//! and the HTTP surface.
//!
//! Everything here is a pure decision: no I/O, no clock, no randomness, and it builds for the host and for
//! `wasm32-wasip1`. The control plane uses it to refuse a bad document; the filter uses it on each request.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

pub mod base_url;
pub mod carriers;
pub mod compile;
pub mod document;
pub mod filter_config;
pub mod key;
pub mod permitted;
pub mod routing;
pub mod secret;
pub mod surface;
pub mod terms;
pub mod upstream_path;

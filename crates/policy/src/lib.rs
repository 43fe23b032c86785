//! Who may call what, and where it goes: the configuration document and its compiled form, virtual keys, routing
//! and the HTTP surface.
//!
//! Everything here is a pure decision: no I/O, no clock, no randomness, and it builds for the host and for
//! `wasm32-wasip1`. The control plane uses it to refuse a bad document; the filter uses it on each request.

pub mod document;
pub mod key;
pub mod secret;

//! The filter: what happens to each request inside Envoy.
//!
//! One module, two stages (`gateway_stage`, `backend_stage`), one VM per worker for both. Decisions are made in
//! `ditto-policy`, `ditto-llm`, `ditto-translate`, `ditto-ledger` and `ditto-pricing`; this crate carries them out
//! through [`host::Host`], the seam behind which Envoy stands (or, in tests, a fake). `entry` binds it all to proxy-wasm
//! and exists only in the wasm build.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]
// Natively, without proxy-wasm, parts are used by tests alone.
#![cfg_attr(not(target_arch = "wasm32"), allow(dead_code, unused_imports))]

pub mod backend_stage;
mod charge;
pub mod gateway_stage;
pub mod head;
pub mod host;
mod in_flight;
mod key_ring;
pub mod knowledge;
mod metering;
mod outcomes;
mod purses;
mod recent_tokens;
mod reply;
pub mod request_id;
mod signing;
mod translation;
pub mod worker;

#[cfg(target_arch = "wasm32")]
mod abi;
#[cfg(target_arch = "wasm32")]
mod entry;

#[cfg(test)]
mod fake_host;

//! What whole-system tests and the quick start stand on: a provider simulator, a harness that runs the real
//! gateway with its Envoy, and a client that can misbehave.

pub mod backends;
pub mod books;
pub mod client;
pub mod event_stream;
pub mod eventually;
pub mod harness;
pub mod quickstart;
pub mod simulator;
pub mod sse;
pub mod support;

pub use ditto_test_process as process;
pub use ditto_test_redis as redis;

//! What whole-system tests and the quick start stand on: a provider simulator and a client that can misbehave.

pub mod client;
pub mod eventually;
pub mod simulator;
pub mod sse;

//! The gateway stage, played against a host without Envoy.

use super::*;
use crate::fake_host::FakeHost;
use crate::fake_host::play::Outcome;

mod admission;
mod bodies;
mod routing;
mod trouble;

/// Chunks of a request that has none.
const NO_BODY: [&[u8]; 0] = [];

/// The outcome of a request that went on as it came.
fn forwarded(body: &[u8]) -> Outcome {
    Outcome::Forwarded(body.to_vec())
}

/// The status and code of the reply; there must be one.
fn refusal(host: &FakeHost) -> (u16, String) {
    let reply = host.reply_sent().unwrap();
    (reply.status, reply.code())
}

//! Both sides of the dialect against each other, on rich bodies.

mod failures;
mod fields;
mod hosts;
mod random;
mod replies;
mod requests;
mod streams;
mod targets;

use serde_json::Value;

use crate::client::Client;
use crate::loss::Losses;
use crate::target::{Host, Target};

const OWN: Target<'static> = Target { model: "claude-sonnet-4-5", host: Host::Own, default_max_output: 4_096 };

fn strict() -> Losses {
    Losses::new(Client::Messages, false)
}

fn value(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap()
}

fn lost(losses: &Losses) -> Vec<&str> {
    losses.dropped().iter().map(|loss| loss.field.as_ref()).collect()
}

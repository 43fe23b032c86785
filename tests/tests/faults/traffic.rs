//! Clients that call, hang up and try again, whatever the gateways answer.
//!
//! Those of one tenant are rough: they hang up, and their backends break off. Strict keys are charged all that was
//! reserved for such calls, which is more than what was delivered and could hide that something else was not charged at
//! all. Those of the other tenant are calm: nothing but a crash keeps their calls from being charged exactly.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ditto_tests::client::{Client, Outgoing};
use ditto_tests::eventually::eventually;
use ditto_tests::support::SOON;
use serde_json::{Value, json};

use super::budgets::{KEYS, MODEL, token};
use super::chaos::Tally;
use super::dice::Dice;

/// The tenant whose calls are only disturbed by crashes.
const CALM: &str = "globex";
/// No call takes longer unless something was killed or stands still; then a rough client hangs up.
const PATIENCE: Duration = Duration::from_millis(1_500);
/// Longer than anything stands still.
const CALM_PATIENCE: Duration = Duration::from_secs(30);
/// The most that a call asks for.
const CAP_MAX: u64 = 60;
/// How many tokens backends would like to say; the cap cuts them.
const TOKENS_MAX: u64 = 80;

/// What became of a call, as its client saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The whole reply came.
    Served,
    /// The budget does not allow it.
    RefusedByBudget,
    /// Another status.
    Status(u16),
    /// The reply broke off.
    BrokenOff,
    /// The client left.
    HungUp,
    /// There was nobody, or they left before they answered.
    NoReply,
}

/// When the client leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leaves {
    /// After so many pieces of the reply.
    After(u64),
    /// After so long, whatever has come.
    In(Duration),
}

/// One call.
#[derive(Debug)]
struct Call {
    key: &'static str,
    body: Value,
    /// How the backend is to serve it.
    manner: String,
    leaves: Leaves,
}

impl Call {
    fn random(dice: &mut Dice) -> Self {
        let (key, tenant) = dice.pick(&KEYS);
        let is_calm = tenant == CALM;
        let stream = dice.percent(60);
        let words = "word ".repeat(usize::try_from(dice.between(0, 20)).expect("a small number"));
        let mut body = body(&format!("Talk. {words}"), stream);
        if stream && dice.percent(30) {
            body["stream_options"] = json!({"include_usage": true});
        }
        if dice.percent(70) {
            let field = if dice.percent(50) { "max_tokens" } else { "max_completion_tokens" };
            body[field] = json!(dice.between(1, CAP_MAX));
        }
        if dice.percent(10) {
            body["n"] = json!(2);
        }
        let leaves = match dice.between(0, 9) {
            _ if is_calm => Leaves::In(CALM_PATIENCE),
            0 if stream => Leaves::After(dice.between(1, 12)),
            1 => Leaves::In(dice.ms(1, 300)),
            _ => Leaves::In(PATIENCE),
        };
        let mut manner = manner(stream, dice);
        if !is_calm {
            manner.extend(spoiled(stream, dice));
        }
        Self { key, body, manner: manner.join(";"), leaves }
    }

    fn outgoing(&self, client: &Client) -> Outgoing {
        let outgoing = client.post("/v1/chat/completions", &self.body).bearer(&token(self.key));
        outgoing.header("x-simulator-tag", self.key).header("x-simulator-fault", &self.manner)
    }

    async fn make(&self, client: &Client) -> Outcome {
        match self.leaves {
            Leaves::In(time) => tokio::time::timeout(time, self.listen(client)).await.unwrap_or(Outcome::HungUp),
            Leaves::After(_) => self.listen(client).await,
        }
    }

    async fn listen(&self, client: &Client) -> Outcome {
        let Ok(mut reply) = self.outgoing(client).try_send().await else { return Outcome::NoReply };
        match reply.status {
            200 => {}
            402 => return Outcome::RefusedByBudget,
            other => return Outcome::Status(other),
        }
        let mut pieces = 0;
        loop {
            if self.leaves == Leaves::After(pieces) {
                return Outcome::HungUp;
            }
            match reply.try_chunk().await {
                Ok(Some(_)) => pieces += 1,
                Ok(None) => return Outcome::Served,
                Err(_) => return Outcome::BrokenOff,
            }
        }
    }
}

/// A plain call of a key, which must be served soon: its budgets have room again.
pub(super) async fn is_served(client: &Client, key: &'static str) {
    let call = Call { key, body: body("Talk.", false), manner: "tokens=5".into(), leaves: Leaves::In(PATIENCE) };
    eventually(SOON, &format!("{key} is served at {}", client.address()), async || {
        call.make(client).await == Outcome::Served
    })
    .await;
}

fn body(prompt: &str, stream: bool) -> Value {
    let mut body = json!({"model": MODEL, "messages": [{"role": "user", "content": prompt}]});
    if stream {
        body["stream"] = json!(true);
    }
    body
}

/// How much the backend says, and how fast.
fn manner(stream: bool, dice: &mut Dice) -> Vec<String> {
    let mut parts = vec![format!("tokens={}", dice.between(1, TOKENS_MAX))];
    if dice.percent(70) {
        let (name, most) = if stream { ("chunk-delay", 12) } else { ("delay", 400) };
        parts.push(format!("{name}={}ms", dice.between(1, most)));
    }
    if dice.percent(20) {
        parts.push(format!("reasoning={}", dice.between(1, 20)));
    }
    if dice.percent(10) {
        parts.push("running-usage".into());
    }
    parts
}

/// What goes wrong with the backend, if anything.
fn spoiled(stream: bool, dice: &mut Dice) -> Option<String> {
    match dice.between(0, 13) {
        0 | 1 if stream => Some(format!("close=after-{}-events", dice.between(1, 20))),
        0..=2 => Some("close=after-headers".into()),
        3 => Some("close=before-headers".into()),
        4 => Some("status=500".into()),
        5 => Some("no-usage".into()),
        _ => None,
    }
}

/// Calls one gateway or the other until `stop`.
pub(super) async fn call(clients: [Client; 2], mut dice: Dice, tally: Tally, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        let client = &clients[usize::from(dice.percent(50))];
        let outcome = Call::random(&mut dice).make(client).await;
        tally.add(&outcome);
        // Who was turned away does not come back at once.
        let rest = match outcome {
            Outcome::Served | Outcome::BrokenOff | Outcome::HungUp => dice.ms(0, 20),
            _ => dice.ms(20, 100),
        };
        tokio::time::sleep(rest).await;
    }
}

//! What happens where a budget ends: keys whose tokens are used up while they are measured, at 1 and at 16 connections.
//!
//! Each run takes a fresh key, sends until enough requests were refused, and compares the answers around the first
//! refusal with those of the same key when its limit was far. Then the books are held against what was delivered.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::budgets::{Booked, Budgets, Store};
use crate::load::Connection;
use crate::matrix::Variant;
use crate::measure::{Plan, measure};
use crate::payload::{CHARGED_TOKENS, Workload};
use crate::process::INTERRUPTED;
use crate::run::{Effort, WARM_UP};
use crate::shape::{Routing, Shape};
use crate::stand::{Lab, Stand};
use crate::stats::{Latencies, Spread};

/// Requests that a budget pays for: enough that a busy key holds hundreds ahead before they become few.
const REQUESTS: u64 = 4_000;

/// Answers on each side of the edge that are looked at. After so many refusals a run ends.
pub(crate) const WINDOW: usize = 250;

/// In how many connections a budget is used up.
const CONNECTIONS: [usize; 2] = [1, 16];

/// No budget takes as long to be used up unless something is stuck.
const STUCK: Duration = Duration::from_secs(60);

/// All runs with one number of connections.
#[derive(Debug, Serialize)]
pub(crate) struct EdgeResult {
    pub(crate) connections: usize,
    pub(crate) samples: Vec<EdgeSample>,
}

/// One budget that was used up.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct EdgeSample {
    /// Of the first half of all that were served, without the first tenth.
    pub(crate) far: Percentiles,
    /// Of the last answers before the first refusal.
    pub(crate) before: Percentiles,
    /// Of the first answers from that refusal on.
    pub(crate) after: Percentiles,
    pub(crate) limit_tokens: u64,
    /// Answers with status 200.
    pub(crate) served: u64,
    /// Those of them after the first refusal: a request that needed less, or came when others had given back.
    pub(crate) served_late: u64,
    /// What the upstream delivered, in tokens.
    pub(crate) charged_tokens: u64,
    /// What the gateway's books have in the end.
    pub(crate) booked_tokens: u64,
}

/// Of some latencies, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Percentiles {
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
}

/// One answer.
#[derive(Debug, Clone, Copy)]
struct Reply {
    /// When it was complete, from the beginning of the run.
    at: Duration,
    latency: Duration,
    refused: bool,
}

impl EdgeResult {
    /// One figure of all runs.
    pub(crate) fn spread(&self, figure: impl Fn(&EdgeSample) -> f64) -> Option<Spread> {
        Spread::of(self.samples.iter().map(figure))
    }
}

impl EdgeSample {
    /// Tokens that were delivered beyond the limit.
    pub(crate) fn overspent_tokens(&self) -> u64 {
        self.charged_tokens.saturating_sub(self.limit_tokens)
    }

    /// Tokens of the limit that nobody used.
    pub(crate) fn left_tokens(&self) -> u64 {
        self.limit_tokens.saturating_sub(self.charged_tokens)
    }

    /// By how much the books are wrong.
    pub(crate) fn misbooked_tokens(&self) -> u64 {
        self.charged_tokens.abs_diff(self.booked_tokens)
    }

    /// Sums up what was answered, in the order in which it was.
    fn of(mut replies: Vec<Reply>, limit_tokens: u64) -> Result<Self> {
        replies.sort_unstable_by_key(|reply| reply.at);
        let edge = replies.iter().position(|reply| reply.refused).context("nothing was refused")?;
        let (before, after) = replies.split_at(edge);
        ensure!(before.len() >= 2 * WINDOW, "after {edge} requests the budget was used up: far too early");
        let served_late = after.iter().filter(|reply| !reply.refused).count() as u64;
        let served = edge as u64 + served_late;
        Ok(Self {
            far: Percentiles::of(&before[edge / 10..edge / 2]),
            before: Percentiles::of(&before[edge - WINDOW..]),
            after: Percentiles::of(&after[..after.len().min(WINDOW)]),
            limit_tokens,
            served,
            served_late,
            charged_tokens: served * CHARGED_TOKENS,
            booked_tokens: 0,
        })
    }
}

impl Percentiles {
    fn of(replies: &[Reply]) -> Self {
        let mut latencies = Latencies::default();
        replies.iter().for_each(|reply| latencies.record(reply.latency.as_nanos()));
        let [p50_ms, p99_ms] = latencies.percentiles_ms([50.0, 99.0]);
        Self { p50_ms, p99_ms }
    }
}

/// Uses up one budget in each round and at each number of connections.
pub(crate) async fn measure_edge(lab: &Lab, effort: Effort) -> Result<Vec<EdgeResult>> {
    let limit = REQUESTS * CHARGED_TOKENS;
    let budgets = Budgets { tokens: Some(limit), ..Budgets::far(Store::Redis) };
    // The first key's limit is far, and the last one's is touched when the stand is checked.
    let keys = 2 + (effort.rounds * CONNECTIONS.len()) as u64;
    let shape = Shape { keys, routing: Routing::One, budgets: Some(budgets) };
    let stand = Stand::start(lab, "edge", &[], Some(shape), 1).await?;
    let warm_up = Plan { length: WARM_UP, ..effort.plan(Workload::Chat1k, 16) };
    let subject = stand.subject(Variant::OursBudgets(Store::Redis))?;
    measure(warm_up, lab.cores, &subject).await.map_err(|error| stand.explain(error))?;

    let mut results = CONNECTIONS.map(|connections| EdgeResult { connections, samples: Vec::new() });
    let mut fresh = 1..;
    for round in 0..effort.rounds {
        eprint!("\redge of a budget          round {} of {}  ", round + 1, effort.rounds);
        for (result, key) in results.iter_mut().zip(&mut fresh) {
            ensure!(!INTERRUPTED.load(Ordering::SeqCst), "interrupted");
            let sample = sample(&stand, key, result.connections, limit).await.map_err(|error| stand.explain(error));
            result.samples.push(sample.with_context(|| format!("using up the budget of key {key}"))?);
        }
    }
    eprintln!();
    Ok(results.into())
}

async fn sample(stand: &Stand, key: u64, connections: usize, limit: u64) -> Result<EdgeSample> {
    let spent = timeout(STUCK, spend(stand.gateway_address()?, key, connections)).await;
    let mut sample = EdgeSample::of(spent.context("the budget does not end")??, limit)?;
    // Both books are kept by the same reports, but money needs no look here.
    let least = Booked { tokens: sample.charged_tokens, usd_micros: 0 };
    sample.booked_tokens = Booked::at_least(stand.control_address()?, key, least).await?.tokens;
    Ok(sample)
}

/// Sends until enough requests were refused.
async fn spend(address: SocketAddr, key: u64, connections: usize) -> Result<Vec<Reply>> {
    let refused = Arc::new(AtomicUsize::new(0));
    let mut open = Vec::new();
    for _ in 0..connections {
        let mut connection = Connection::open(address, Workload::Chat1k).await?;
        connection.set_key(key);
        open.push(connection);
    }
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for connection in open {
        tasks.spawn(spend_on(connection, start, Arc::clone(&refused)));
    }
    let mut replies = Vec::new();
    while let Some(joined) = tasks.join_next().await {
        replies.append(&mut joined.context("a connection's task")??);
    }
    Ok(replies)
}

async fn spend_on(mut connection: Connection, start: Instant, refusals: Arc<AtomicUsize>) -> Result<Vec<Reply>> {
    let mut replies = Vec::new();
    while refusals.load(Ordering::Relaxed) < WINDOW {
        let answer = connection.exchange().await?;
        let refused = match answer.status {
            200 => false,
            402 | 429 => true,
            _ => bail!("neither served nor refused: {}", connection.last_words()),
        };
        if refused {
            refusals.fetch_add(1, Ordering::Relaxed);
        }
        replies.push(Reply { at: start.elapsed(), latency: answer.latency, refused });
    }
    Ok(replies)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A budget for `limit` requests of which `served` were served: 1 ms far from the limit, 2 ms just before it, and
    /// 5 ms for a refusal.
    pub(crate) fn sample(served: u64, limit: u64) -> EdgeSample {
        let reply =
            |n: u64, ms, refused| Reply { at: Duration::from_micros(n), latency: Duration::from_millis(ms), refused };
        let window = WINDOW as u64;
        let far = (0..served - window).map(|n| reply(n, 1, false));
        let before = (served - window..served).map(|n| reply(n, 2, false));
        let after = (served..served + window).map(|n| reply(n, 5, true));
        // The connections are told one after the other, not in the order of their answers.
        let replies: Vec<_> = after.chain(far).chain(before).collect();
        let sample = EdgeSample::of(replies, limit * CHARGED_TOKENS).unwrap();
        EdgeSample { booked_tokens: sample.charged_tokens, ..sample }
    }

    #[test]
    fn the_edge_is_where_the_first_request_is_refused() {
        let sample = sample(1_000, 1_001);
        let all = |ms| Percentiles { p50_ms: ms, p99_ms: ms };
        assert_eq!((sample.far, sample.before, sample.after), (all(1.0), all(2.0), all(5.0)));
        assert_eq!((sample.served, sample.served_late, sample.charged_tokens), (1_000, 0, 1_000 * CHARGED_TOKENS));
        assert_eq!((sample.overspent_tokens(), sample.left_tokens()), (0, CHARGED_TOKENS));
    }

    #[test]
    fn what_is_served_late_counts_and_may_be_too_much() {
        let mut replies: Vec<_> = (0..1_002)
            .map(|n| Reply { at: Duration::from_micros(n), latency: Duration::from_millis(1), refused: n == 1_000 })
            .collect();
        let sample = EdgeSample::of(replies.clone(), 1_000 * CHARGED_TOKENS).unwrap();
        assert_eq!((sample.served, sample.served_late), (1_001, 1));
        assert_eq!((sample.overspent_tokens(), sample.left_tokens()), (CHARGED_TOKENS, 0));
        assert_eq!(sample.misbooked_tokens(), 1_001 * CHARGED_TOKENS);
        replies[3].refused = true;
        assert!(EdgeSample::of(replies.clone(), 1).is_err(), "too early");
        replies.truncate(3);
        assert!(EdgeSample::of(replies, 1).is_err(), "never");
    }
}

//! One measurement: a warm-up and a timed run on one listener, with Envoy's CPU time before and after.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Serialize;
use tokio::time::{sleep, timeout};

use crate::affinity::Cores;
use crate::ledger::Counters;
use crate::load::{Load, Outcome, Until};
use crate::payload::{EVENTS, Workload};
use crate::proc::{Cpu, Neighbours};

/// Before each timed run: the connections to the upstream are there, and caches hold what they need.
const WARM_UP: Duration = Duration::from_millis(100);

/// Envoy finishes its bookkeeping before its CPU time is read.
const SETTLE: Duration = Duration::from_millis(5);

/// No run is meant to take as long: something is stuck.
const STUCK: Duration = Duration::from_secs(120);

/// What is sent, and how much of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) workload: Workload,
    pub(crate) connections: usize,
    /// Length of the timed run; streams are run whole, as many as come nearest.
    pub(crate) length: Duration,
    /// Time between two events of a stream.
    pub(crate) pace: Duration,
}

impl Plan {
    fn until(self) -> Until {
        if self.workload.is_stream() {
            let stream = self.pace.as_secs_f64() * EVENTS as f64;
            let whole = (self.length.as_secs_f64() / stream).round();
            Until::Count((whole as u64).max(1))
        } else {
            Until::Elapsed(self.length)
        }
    }

    fn stagger(self) -> Duration {
        if self.workload.is_stream() { self.pace } else { Duration::ZERO }
    }
}

/// Where requests go, and whom to watch meanwhile.
#[derive(Debug)]
pub(crate) struct Subject {
    pub(crate) address: SocketAddr,
    /// How many keys the requests go round in.
    pub(crate) keys: u64,
    /// Envoy's process.
    pub(crate) envoy: u32,
    /// The other processes that serve these requests.
    pub(crate) beside: Vec<u32>,
    /// Set if calls to the ledger are to be counted.
    pub(crate) ledger: Option<Ledger>,
}

/// Where calls to the ledger are counted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ledger {
    /// Envoy's admin endpoint.
    pub(crate) admin: SocketAddr,
    /// After this time without a call, the requests' calls are over.
    pub(crate) rest: Duration,
}

/// The figures of one timed run; a unit is a request, or an event of a stream.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Sample {
    pub(crate) units: u64,
    pub(crate) units_per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    /// CPU time of Envoy's workers for one unit, in microseconds.
    pub(crate) cpu_us: f64,
    /// CPU time of the whole Envoy process for one unit.
    pub(crate) cpu_process_us: f64,
    /// Share of the run in which the worker was ready but another process had its core.
    pub(crate) worker_waited: f64,
    /// Share of the run in which other processes had the generator's or the upstream's core.
    pub(crate) generator_disturbed: f64,
    /// What the filter asked of the ledger, the warm-up included.
    pub(crate) ledger: Option<Counters>,
}

impl Sample {
    /// The greater of the two disturbances.
    pub(crate) fn disturbed(&self) -> f64 {
        self.worker_waited.max(self.generator_disturbed)
    }
}

/// Measures one listener.
pub(crate) async fn measure(plan: Plan, cores: Cores, subject: &Subject) -> Result<Sample> {
    let counted = match subject.ledger {
        Some(ledger) => Some((ledger, Counters::of(ledger.admin).await?)),
        None => None,
    };
    let mut load = Load::connect(subject.address, plan.workload, plan.connections, subject.keys).await?;
    let mut requests = 0;
    if !plan.workload.is_stream() {
        requests += run(&mut load, Until::Elapsed(WARM_UP), Duration::ZERO).await?.requests;
    }
    sleep(SETTLE).await;
    let before = (Cpu::of(subject.envoy)?, Neighbours::of(cores, &subject.beside)?);
    let outcome = run(&mut load, plan.until(), plan.stagger()).await?;
    let others = Neighbours::of(cores, &subject.beside)?.others_since(before.1);
    sleep(SETTLE).await;
    let spent = Cpu::of(subject.envoy)? - before.0;
    requests += outcome.requests;
    let mut sample = sample(plan.workload, outcome, spent, others);
    if let Some((ledger, before)) = counted {
        sample.ledger = Some(before.since(ledger.admin, requests, ledger.rest).await?);
    }
    Ok(sample)
}

/// Requests a second of the generator and the upstream without anything between them.
pub(crate) async fn direct(plan: Plan, address: SocketAddr) -> Result<f64> {
    let mut load = Load::connect(address, plan.workload, plan.connections, 1).await?;
    run(&mut load, Until::Elapsed(WARM_UP), Duration::ZERO).await?;
    let outcome = run(&mut load, plan.until(), plan.stagger()).await?;
    Ok(outcome.requests as f64 / outcome.elapsed.as_secs_f64())
}

async fn run(load: &mut Load, until: Until, stagger: Duration) -> Result<Outcome> {
    timeout(STUCK, load.run(until, stagger)).await.context("the run is stuck")?
}

fn sample(workload: Workload, mut outcome: Outcome, spent: Cpu, others: u64) -> Sample {
    let units = if workload.is_stream() { outcome.events } else { outcome.requests };
    let [p50_ms, p99_ms] = outcome.latencies.percentiles_ms([50.0, 99.0]);
    let per_unit = |nanos: u64| nanos as f64 / 1e3 / units as f64;
    let seconds = outcome.elapsed.as_secs_f64();
    Sample {
        units,
        units_per_second: units as f64 / seconds,
        p50_ms,
        p99_ms,
        cpu_us: per_unit(spent.workers),
        cpu_process_us: per_unit(spent.process),
        worker_waited: spent.waited as f64 / 1e9 / seconds,
        generator_disturbed: others as f64 / 1e9 / seconds,
        ledger: None,
    }
}

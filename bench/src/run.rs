//! Carries the plan out: starts the stands, measures row by row, round by round, and weighs the workers.

use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::affinity::Cores;
use crate::bootstrap::Comparison;
use crate::matrix::{Row, Variant};
use crate::measure::{Plan, Sample, direct, measure};
use crate::payload::Workload;
use crate::proc::Memory;
use crate::process::INTERRUPTED;
use crate::report::{DirectRate, MemoryLine, RowResult};
use crate::stand::{Lab, Stand};

/// Load on a fresh listener, so that V8 has optimised the filter before anything counts.
pub(crate) const WARM_UP: Duration = Duration::from_millis(800);

/// A measurement in which other processes had more than this share of the cores is taken again …
const DISTURBED: f64 = 0.05;

/// … but no more than so many times.
const RETRIES: usize = 2;

/// How long and how often.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    pub(crate) rounds: usize,
    pub(crate) length: Duration,
    pub(crate) pace: Duration,
    /// Repetitions allowed in the whole run: on a machine that is never quiet it must still end.
    pub(crate) retries: usize,
}

impl Effort {
    pub(crate) fn plan(self, workload: Workload, connections: usize) -> Plan {
        // A paced stream keeps Envoy idle most of the time: it takes longer to see as much of its CPU time.
        let length = if workload.is_stream() { self.length * 2 } else { self.length };
        Plan { workload, connections, length, pace: self.pace }
    }
}

/// The stands that the rows need, all running at the same time so that their variants can be interleaved.
#[derive(Debug)]
struct Stands {
    /// With the static listeners.
    main: Stand,
    /// The gateway, an Envoy of its own for each configuration: one that shares its process with a listener which was
    /// measured a moment before would have that one's caches.
    others: Vec<(Variant, Stand)>,
    cores: Cores,
}

impl Stands {
    async fn start(lab: &Lab, rows: &[Row]) -> Result<Self> {
        let mut wanted: Vec<Variant> = Vec::new();
        for variant in rows.iter().flat_map(|row| &row.variants) {
            if !wanted.contains(variant) {
                wanted.push(*variant);
            }
        }
        let statics: Vec<Comparison> = wanted.iter().filter_map(|v| v.listener()).collect();
        let main = Stand::start(lab, "main", &statics, None, 1).await?;
        let mut others = Vec::new();
        for variant in wanted.into_iter().filter(|v| v.shape().is_some()) {
            eprintln!("starting {variant} …");
            others.push((variant, Stand::start(lab, &variant.to_string(), &[], variant.shape(), 1).await?));
        }
        Ok(Self { main, others, cores: lab.cores })
    }

    fn of(&self, variant: Variant) -> &Stand {
        self.others.iter().find(|(other, _)| *other == variant).map_or(&self.main, |(_, stand)| stand)
    }

    async fn measure(&self, plan: Plan, variant: Variant) -> Result<Sample> {
        ensure!(!INTERRUPTED.load(Ordering::SeqCst), "interrupted");
        let stand = self.of(variant);
        let measured = measure(plan, self.cores, &stand.subject(variant)?).await;
        measured.map_err(|error| stand.explain(error)).with_context(|| format!("measuring {variant}"))
    }

    /// Measures, and again if other work came in between; keeps the least disturbed. What is kept depends on the
    /// disturbance alone, never on the figure.
    async fn measure_quietly(&self, plan: Plan, variant: Variant, retries: &mut usize) -> Result<Sample> {
        let mut kept = self.measure(plan, variant).await?;
        for _ in 0..RETRIES {
            if kept.disturbed() <= DISTURBED || *retries == 0 {
                break;
            }
            *retries -= 1;
            let again = self.measure(plan, variant).await?;
            if again.disturbed() < kept.disturbed() {
                kept = again;
            }
        }
        Ok(kept)
    }
}

/// Measures all rows.
pub(crate) async fn measure_rows(lab: &Lab, rows: &[Row], effort: Effort) -> Result<Vec<RowResult>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let stands = Stands::start(lab, rows).await?;
    let mut retries = effort.retries;
    let mut warmed: Vec<Variant> = Vec::new();
    let mut results = Vec::new();
    for row in rows {
        for &variant in &row.variants {
            if !warmed.contains(&variant) {
                stands.measure(Plan { length: WARM_UP, ..effort.plan(Workload::Chat1k, 16) }, variant).await?;
                warmed.push(variant);
            }
        }
        let plan = effort.plan(row.workload, row.connections);
        let mut samples: Vec<Vec<Sample>> = vec![Vec::new(); row.variants.len()];
        for round in 0..effort.rounds {
            eprint!("\r{:<24} round {} of {}  ", row.name(), round + 1, effort.rounds);
            for i in row.order(round) {
                let sample = stands.measure_quietly(plan, row.variants[i], &mut retries).await;
                samples[i].push(sample.with_context(|| format!("in row {}", row.name()))?);
            }
        }
        results.push(RowResult::new(row, samples));
    }
    eprintln!();
    Ok(results)
}

/// How fast the generator and the upstream are without an Envoy between them.
pub(crate) async fn measure_direct(lab: &Lab, effort: Effort) -> Result<Vec<DirectRate>> {
    let mut rates = Vec::new();
    for workload in [Workload::Chat1k, Workload::Chat100k] {
        let mut best = 0.0_f64;
        for _ in 0..3 {
            best = best.max(direct(effort.plan(workload, 16), lab.upstream.address()).await?);
        }
        rates.push(DirectRate { workload: workload.to_string(), requests_per_second: best });
    }
    Ok(rates)
}

/// Weighs Envoy with one variant at a time, after some load, with one worker and with two.
pub(crate) async fn measure_memory(lab: &Lab, effort: Effort) -> Result<Vec<MemoryLine>> {
    let ours = [Variant::Ours(1), Variant::Ours(1_000), Variant::Ours(100_000)];
    let ours = ours.into_iter().filter(|_| lab.gateway.is_some());
    let mut lines = Vec::new();
    for variant in [Variant::Bare, Variant::Empty].into_iter().chain(ours) {
        eprint!("\rmemory of {variant:<24}");
        let one = weigh(lab, effort, variant, 1).await?;
        let two = weigh(lab, effort, variant, 2).await?;
        lines.push(MemoryLine::new(variant, one, two));
    }
    eprintln!();
    Ok(lines)
}

async fn weigh(lab: &Lab, effort: Effort, variant: Variant, workers: u32) -> Result<Memory> {
    ensure!(!INTERRUPTED.load(Ordering::SeqCst), "interrupted");
    let name = format!("memory-{variant}-{workers}");
    let statics: Vec<_> = variant.listener().into_iter().collect();
    let stand = Stand::start(lab, &name, &statics, variant.shape(), workers).await?;
    let subject = stand.subject(variant)?;
    for workload in [Workload::Chat1k, Workload::Chat100k] {
        let plan = Plan { length: WARM_UP, ..effort.plan(workload, 16) };
        measure(plan, lab.cores, &subject).await.map_err(|error| stand.explain(error))?;
    }
    Memory::of(stand.pid())
}

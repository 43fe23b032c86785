//! What a run came to: every sample, and the figures that follow from them.

use serde::Serialize;

use crate::edge::EdgeResult;
use crate::ledger::Counters;
use crate::matrix::{Row, Variant};
use crate::measure::Sample;
use crate::proc::Memory;
use crate::scale::ScaleResult;
use crate::stats::Spread;
use crate::targets::Target;

/// Everything that a run writes down.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) setting: Setting,
    pub(crate) direct: Vec<DirectRate>,
    pub(crate) rows: Vec<RowResult>,
    pub(crate) edge: Vec<EdgeResult>,
    pub(crate) scale: Vec<ScaleResult>,
    pub(crate) memory: Vec<MemoryLine>,
    pub(crate) targets: Vec<Target>,
}

/// Where and how it was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Setting {
    pub(crate) date: String,
    pub(crate) envoy: String,
    pub(crate) cpu: String,
    pub(crate) kernel: String,
    /// Name and version of the server, if one was needed.
    pub(crate) redis: Option<String>,
    pub(crate) envoy_core: usize,
    pub(crate) generator_core: usize,
    pub(crate) upstream_core: usize,
    pub(crate) rounds: usize,
    pub(crate) seconds: f64,
    pub(crate) pace_ms: u64,
}

/// The generator against the upstream, nothing between them: what the bench itself is capable of.
#[derive(Debug, Serialize)]
pub(crate) struct DirectRate {
    pub(crate) workload: String,
    pub(crate) requests_per_second: f64,
}

/// One row of the matrix.
#[derive(Debug, Serialize)]
pub(crate) struct RowResult {
    pub(crate) name: String,
    pub(crate) connections: usize,
    /// What rates and CPU time are counted in.
    pub(crate) unit: &'static str,
    pub(crate) variants: Vec<VariantResult>,
}

/// One variant of a row. Whatever compares does so round by round, and takes the median of that.
#[derive(Debug, Serialize)]
pub(crate) struct VariantResult {
    pub(crate) name: String,
    #[serde(flatten)]
    pub(crate) summary: Summary,
    pub(crate) samples: Vec<Sample>,
}

/// The figures of a variant over all rounds.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Summary {
    pub(crate) units_per_second: Spread,
    /// Rate over bare Envoy's.
    pub(crate) rate_ratio: Spread,
    pub(crate) p50_ms: Spread,
    pub(crate) p99_ms: Spread,
    /// Above bare Envoy's p50.
    pub(crate) p50_added_ms: Spread,
    pub(crate) cpu_us: Spread,
    pub(crate) cpu_process_us: Spread,
    /// CPU time over bare Envoy's.
    pub(crate) cpu_ratio: Spread,
    /// CPU time above bare Envoy's.
    pub(crate) cpu_added_us: Spread,
    /// Share of a measurement in which other processes had a core that was needed.
    pub(crate) disturbed: Spread,
    /// Calls to the ledger for a thousand requests, where they were counted.
    pub(crate) ledger_calls: Option<Spread>,
    /// Requests of a thousand that waited for the ledger.
    pub(crate) ledger_waits: Option<Spread>,
}

impl RowResult {
    /// Sums up; the samples stand in the order of the row's variants, bare Envoy first.
    pub(crate) fn new(row: &Row, samples: Vec<Vec<Sample>>) -> Self {
        let bare = samples.first().cloned().unwrap_or_default();
        let pairs = row.variants.iter().zip(samples);
        let variants = pairs.filter_map(|(variant, samples)| {
            let summary = Summary::of(&samples, &bare)?;
            Some(VariantResult { name: variant.to_string(), summary, samples })
        });
        Self { name: row.name(), connections: row.connections, unit: row.workload.unit(), variants: variants.collect() }
    }

    /// A variant of the row, if it was measured.
    pub(crate) fn variant(&self, name: &str) -> Option<&VariantResult> {
        self.variants.iter().find(|variant| variant.name == name)
    }
}

impl Summary {
    /// `None` without samples.
    fn of(samples: &[Sample], bare: &[Sample]) -> Option<Self> {
        let all = |field: fn(&Sample) -> f64| Spread::of(samples.iter().map(field));
        let against = |field: fn(&Sample) -> f64, combine: fn(f64, f64) -> f64| paired(samples, bare, field, combine);
        let counted = |figure: fn(Counters) -> f64| Spread::of(samples.iter().filter_map(|s| s.ledger).map(figure));
        Some(Self {
            units_per_second: all(|s| s.units_per_second)?,
            rate_ratio: against(|s| s.units_per_second, |a, b| a / b)?,
            p50_ms: all(|s| s.p50_ms)?,
            p99_ms: all(|s| s.p99_ms)?,
            p50_added_ms: against(|s| s.p50_ms, |a, b| a - b)?,
            cpu_us: all(|s| s.cpu_us)?,
            cpu_process_us: all(|s| s.cpu_process_us)?,
            cpu_ratio: against(|s| s.cpu_us, |a, b| a / b)?,
            cpu_added_us: against(|s| s.cpu_us, |a, b| a - b)?,
            disturbed: all(Sample::disturbed)?,
            ledger_calls: counted(Counters::calls_per_1000),
            ledger_waits: counted(Counters::waits_per_1000),
        })
    }
}

/// Combines one figure of two variants round by round.
pub(crate) fn paired(
    a: &[Sample],
    b: &[Sample],
    field: fn(&Sample) -> f64,
    combine: impl Fn(f64, f64) -> f64,
) -> Option<Spread> {
    let values = |samples: &[Sample]| samples.iter().map(field).collect::<Vec<_>>();
    Spread::paired(&values(a), &values(b), combine)
}

/// Memory of Envoy with one variant alone.
#[derive(Debug, Serialize)]
pub(crate) struct MemoryLine {
    pub(crate) variant: String,
    pub(crate) one_worker: Memory,
    pub(crate) two_workers: Memory,
    /// Anonymous memory that the second worker brought with it.
    pub(crate) per_worker_kb: i64,
}

impl MemoryLine {
    pub(crate) fn new(variant: Variant, one_worker: Memory, two_workers: Memory) -> Self {
        let per_worker_kb = two_workers.anonymous_kb.cast_signed() - one_worker.anonymous_kb.cast_signed();
        Self { variant: variant.to_string(), one_worker, two_workers, per_worker_kb }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::matrix::rows;

    pub(crate) fn sample(rate: f64, cpu_us: f64, p50_ms: f64) -> Sample {
        Sample {
            units: 1000,
            units_per_second: rate,
            p50_ms,
            p99_ms: 2.0 * p50_ms,
            cpu_us,
            cpu_process_us: cpu_us,
            worker_waited: 0.0,
            generator_disturbed: 0.0,
            ledger: None,
        }
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        let row = &rows(&["chat-100k/16".into()], true)[0];
        // The machine slows down to a half between the rounds: ratios must not notice.
        let of = |rate: f64, cpu: f64, p50: f64| vec![sample(rate, cpu, p50), sample(rate / 2.0, cpu * 2.0, p50 * 2.0)];
        let result = RowResult::new(row, vec![of(1000.0, 50.0, 1.0), of(800.0, 60.0, 1.25), of(700.0, 65.0, 1.5)]);
        let ours = result.variant("ours").unwrap().summary;
        assert_eq!(ours.rate_ratio, Spread { median: 0.7, min: 0.7, max: 0.7 });
        assert_eq!(ours.cpu_ratio, Spread { median: 1.3, min: 1.3, max: 1.3 });
        assert_eq!(ours.cpu_added_us, Spread { median: 22.5, min: 15.0, max: 30.0 });
        assert!(result.variant("bare").unwrap().summary.rate_ratio.median == 1.0);
        assert!(result.variant("ours-1000-keys").is_none());
        assert_eq!(ours.ledger_calls, None);
    }

    #[test]
    fn calls_are_told_for_a_thousand_requests() {
        let row = &rows(&["chat-100k/16".into()], true)[0];
        let of =
            |calls| Sample { ledger: Some(Counters { admitted: 2_000, calls, waits: 20 }), ..sample(1.0, 1.0, 1.0) };
        let samples = vec![vec![of(8), of(10), of(30)], Vec::new(), Vec::new()];
        let counted = RowResult::new(row, samples).variant("bare").unwrap().summary;
        assert_eq!(counted.ledger_calls, Some(Spread { median: 5.0, min: 4.0, max: 15.0 }));
        assert_eq!(counted.ledger_waits, Some(Spread { median: 10.0, min: 10.0, max: 10.0 }));
    }
}

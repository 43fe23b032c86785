//! The targets and whether a run met them. A missed one is shown, not hidden, and doesn't fail the command.

use serde::Serialize;

use crate::edge::{EdgeResult, EdgeSample};
use crate::measure::Sample;
use crate::report::{RowResult, VariantResult, paired};
use crate::stats::Spread;

/// One target.
#[derive(Debug, Serialize)]
pub(crate) struct Target {
    pub(crate) what: &'static str,
    pub(crate) wanted: String,
    /// Absent when the rows it needs were not measured.
    pub(crate) measured: Option<Spread>,
    /// Absent also where nothing is wanted.
    pub(crate) met: Option<bool>,
}

/// A bound on the median.
#[derive(Debug, Clone, Copy)]
enum Bound {
    AtLeast(f64),
    AtMost(f64),
    /// None: the figure is for who decides by it.
    Told,
}

impl Bound {
    fn holds(self, value: f64) -> Option<bool> {
        match self {
            Self::AtLeast(least) => Some(value >= least),
            Self::AtMost(most) => Some(value <= most),
            Self::Told => None,
        }
    }

    fn text(self, unit: &str) -> String {
        match self {
            Self::AtLeast(least) => format!("≥ {least}{unit}"),
            Self::AtMost(most) => format!("≤ {most}{unit}"),
            Self::Told => "–".to_owned(),
        }
    }
}

/// Holds every target against what was measured.
pub(crate) fn evaluate(rows: &[RowResult], edge: &[EdgeResult]) -> Vec<Target> {
    let mut targets = of_the_gateway(rows);
    targets.extend(of_budgets(rows, edge));
    targets.extend(of_translation(rows));
    targets.extend(of_routing(rows));
    targets
}

fn of_the_gateway(rows: &[RowResult]) -> Vec<Target> {
    let find = |row: &str| rows.iter().find(|r| r.name == row);
    let variant = |row: &str, name: &str| find(row).and_then(|r| r.variant(name));
    let chat = "chat-1k/16";
    let keys = variant(chat, "ours-100000-keys").zip(variant(chat, "ours"));
    let streams = ["stream/16", "stream/64"].into_iter().filter_map(|row| variant(row, "ours"));
    let worst = streams.map(|ours| ours.summary.cpu_ratio).max_by(|a, b| a.median.total_cmp(&b.median));
    vec![
        target(
            "1 kB chat, 16 connections: rate against bare",
            Bound::AtLeast(0.70),
            "",
            variant(chat, "ours").map(|ours| ours.summary.rate_ratio),
        ),
        target(
            "1 kB chat, 16 connections: CPU added, in empty filters (both stages)",
            Bound::AtMost(1.6),
            "",
            find(chat).and_then(added_over_empty),
        ),
        target(
            "1 kB chat, 1 connection: p50 added",
            Bound::AtMost(0.05),
            " ms",
            variant("chat-1k/1", "ours").map(|ours| ours.summary.p50_added_ms),
        ),
        target("CPU per stream event against bare, the worse of 16 and 64 streams", Bound::AtMost(1.3), "", worst),
        target(
            "100,000 keys against one: rate",
            Bound::AtLeast(0.95),
            "",
            keys.and_then(|(many, one)| paired(&many.samples, &one.samples, |s| s.units_per_second, |a, b| a / b)),
        ),
        target(
            "100,000 keys against one: CPU",
            Bound::AtMost(1.05),
            "",
            keys.and_then(|(many, one)| paired(&many.samples, &one.samples, |s| s.cpu_us, |a, b| a / b)),
        ),
    ]
}

fn of_translation(rows: &[RowResult]) -> Vec<Target> {
    let variant = |row: &str| rows.iter().find(|r| r.name == row).and_then(|row| row.variant("ours"));
    let stream = |row: &str| variant(row).map(|ours| &ours.summary);
    vec![
        target(
            "Anthropic client over chat completions, 1 kB, 16 connections: rate against bare",
            Bound::AtLeast(0.55),
            "",
            variant("messages-1k/16").map(|ours| ours.summary.rate_ratio),
        ),
        target(
            "The same streamed, 16 streams: CPU per event against bare",
            Bound::AtMost(1.6),
            "",
            stream("messages-stream/16").map(|summary| summary.cpu_ratio),
        ),
        target(
            "The same streamed, 1 stream: time to the first event added",
            Bound::AtMost(0.2),
            " ms",
            stream("messages-stream/1").map(|summary| summary.p50_added_ms),
        ),
    ]
}

fn of_budgets(rows: &[RowResult], edge: &[EdgeResult]) -> Vec<Target> {
    let chat = rows.iter().find(|row| row.name == "chat-1k/16");
    let variant = |name: &str| chat.and_then(|row| row.variant(name));
    let (ours, sqlite, redis) = (variant("ours"), variant("ours-budgets-sqlite"), variant("ours-budgets-redis"));
    let against = |one: Option<&VariantResult>, other: Option<&VariantResult>| {
        let (one, other) = one.zip(other)?;
        paired(&one.samples, &other.samples, |s| s.units_per_second, |a, b| a / b)
    };
    let bare = |variant: Option<&VariantResult>| variant.map(|variant| variant.summary.rate_ratio);
    let calls = [sqlite, redis].into_iter().filter_map(|variant| variant?.summary.ledger_calls);
    let overspent = edge.iter().flat_map(|result| &result.samples).map(EdgeSample::overspent_tokens);
    vec![
        target("Budgets in SQLite: rate against bare", Bound::AtLeast(0.68), "", bare(sqlite)),
        target("Budgets in Redis: rate against bare", Bound::AtLeast(0.68), "", bare(redis)),
        target("Budgets in SQLite against none: rate", Bound::AtLeast(0.96), "", against(sqlite, ours)),
        target("Budgets in Redis against none: rate", Bound::AtLeast(0.96), "", against(redis, ours)),
        target("Budgets in Redis against SQLite: rate", Bound::AtLeast(0.97), "", against(redis, sqlite)),
        target(
            "Calls to the ledger for 1,000 requests, the more of SQLite and Redis",
            Bound::AtMost(10.0),
            "",
            calls.max_by(|a, b| a.median.total_cmp(&b.median)),
        ),
        target("Most that any budget was overspent", Bound::AtMost(0.0), " tokens", most(overspent)),
    ]
}

fn of_routing(rows: &[RowResult]) -> Vec<Target> {
    let row = rows.iter().find(|row| row.name == "chat-1k-routing/16");
    let against = |one: &str, other: &str, figure: fn(&Sample) -> f64| {
        let (one, other) = row.and_then(|row| row.variant(one).zip(row.variant(other)))?;
        paired(&one.samples, &other.samples, figure, |a, b| a / b)
    };
    let rate = |one, other| against(one, other, |sample| sample.units_per_second);
    let cpu = |one, other| against(one, other, |sample| sample.cpu_us);
    let (fallback, two, twenty) = ("ours-fallback", "ours-2-backends", "ours-20-backends");
    let (small, large) = ("ours-10-rules", "ours-1000-rules");
    vec![
        target(
            "503 and fallback on every request, against bare Envoy with the same",
            Bound::Told,
            "",
            rate(fallback, "bare-fallback"),
        ),
        target(
            "503 and fallback on every request, against requests without: rate",
            Bound::Told,
            "",
            rate(fallback, "ours"),
        ),
        target("Twenty candidates against two: rate", Bound::AtLeast(0.95), "", rate(twenty, two)),
        target("Twenty candidates against two: CPU", Bound::AtMost(1.05), "", cpu(twenty, two)),
        target(
            "A backend with several API keys against one with a single credential: rate",
            Bound::Told,
            "",
            rate("ours-api-keys", "ours"),
        ),
        target("1,000 backends and rules against 10: rate", Bound::AtLeast(0.95), "", rate(large, small)),
        target("1,000 backends and rules against 10: CPU", Bound::AtMost(1.05), "", cpu(large, small)),
    ]
}

/// The greatest of all: of a promise that must always hold, the median says nothing.
fn most(values: impl Iterator<Item = u64>) -> Option<Spread> {
    values.max().and_then(|most| Spread::of([most as f64]))
}

fn target(what: &'static str, bound: Bound, unit: &str, measured: Option<Spread>) -> Target {
    Target { what, wanted: bound.text(unit), measured, met: measured.and_then(|spread| bound.holds(spread.median)) }
}

/// What the gateway adds over what the empty filter adds. The medians are divided, not the pairs: the empty filter adds
/// little, and a pair in which noise left it nothing would say anything at all.
fn added_over_empty(row: &RowResult) -> Option<Spread> {
    let added = |variant: &VariantResult| variant.summary.cpu_added_us;
    let (ours, empty) = (added(row.variant("ours")?), added(row.variant("empty")?).median);
    (empty > 0.0).then(|| Spread { median: ours.median / empty, min: ours.min / empty, max: ours.max / empty })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge;
    use crate::ledger::Counters;
    use crate::matrix::rows;
    use crate::report::tests::sample;

    #[test]
    fn met_missed_and_not_measured_are_told_apart() {
        let row = &rows(&["chat-1k/16".into()], true)[0];
        let rates = [1000.0, 850.0, 800.0, 690.0, 690.0, 640.0, 600.0, 685.0, 660.0];
        let counted = |calls| Some(Counters { admitted: 1_000, calls, waits: 0 });
        let sample = |(i, rate): (usize, &f64)| {
            let ledger = if i >= 7 { counted(i as u64) } else { None };
            vec![Sample { ledger, ..sample(*rate, 50_000.0 / rate, 1.0) }]
        };
        let rows = [RowResult::new(row, rates.iter().enumerate().map(sample).collect())];
        let targets = evaluate(&rows, &[]);
        let met: Vec<_> = targets.iter().map(|target| target.met).collect();
        assert_eq!(met[..6], [Some(false), Some(false), None, None, Some(false), Some(false)]);
        // 0.685 and 0.66 of bare; 0.99 and 0.96 (barely not) of the gateway without; 0.964 of each other; 8 calls.
        let (yes, no) = (Some(true), Some(false));
        assert_eq!(met[6..13], [yes, no, yes, no, no, yes, None]);
        assert_eq!(targets[11].measured.unwrap().median, 8.0);
        let rate = targets[0].measured.unwrap().median;
        assert!((rate - 0.69).abs() < 1e-9, "{rate}");
        assert_eq!(targets[0].wanted, "≥ 0.7");
    }

    #[test]
    fn one_overspent_budget_is_one_too_many() {
        let edge = |served| {
            let samples = vec![edge::tests::sample(1_000, 1_000), edge::tests::sample(served, 1_000)];
            [EdgeResult { connections: 1, samples: [samples.clone(), samples].concat() }]
        };
        let last = |served| of_budgets(&[], &edge(served)).pop().unwrap();
        assert_eq!(last(1_000).met, Some(true));
        assert_eq!((last(1_001).met, last(1_001).measured.unwrap().median), (Some(false), 252.0));
    }

    #[test]
    fn bounds_include_their_ends() {
        let held = [Bound::AtLeast(0.7).holds(0.7), Bound::AtLeast(0.7).holds(0.69)];
        assert_eq!(held, [Some(true), Some(false)]);
        let held = [Bound::AtMost(1.3).holds(1.3), Bound::AtMost(1.3).holds(1.31), Bound::Told.holds(1.0)];
        assert_eq!(held, [Some(true), Some(false), None]);
    }
}

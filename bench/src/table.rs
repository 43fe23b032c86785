//! The report as Markdown, for the terminal and for quoting.

use std::fmt::{self, Display, Formatter};

use crate::measure::Sample;
use crate::report::{MemoryLine, Report, RowResult};
use crate::stats::Spread;

mod budgets;
mod scale;

/// Shows a report as Markdown.
pub(crate) struct Markdown<'a>(pub(crate) &'a Report);

impl Display for Markdown<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        setting(f, self.0)?;
        if !self.0.targets.is_empty() {
            targets(f, self.0)?;
        }
        for row in &self.0.rows {
            rates(f, row)?;
        }
        budgets::calls(f, &self.0.rows)?;
        budgets::edge(f, &self.0.edge)?;
        scale::scale(f, &self.0.scale)?;
        if !self.0.memory.is_empty() {
            memory(f, &self.0.memory)?;
        }
        Ok(())
    }
}

fn setting(f: &mut Formatter<'_>, report: &Report) -> fmt::Result {
    let s = &report.setting;
    writeln!(f, "# Benchmark of {}\n", s.date)?;
    writeln!(f, "{}; {}; Linux {}. One Envoy worker on core {},", s.envoy, s.cpu, s.kernel, s.envoy_core)?;
    write!(f, "generator on core {}, upstream and control planes on core {}", s.generator_core, s.upstream_core)?;
    match &s.redis {
        Some(redis) => writeln!(f, ", {redis} too.")?,
        None => writeln!(f, ".")?,
    }
    writeln!(f, "Medians of {} interleaved rounds of {} s; in brackets the", s.rounds, s.seconds)?;
    writeln!(f, "least and the greatest of the ratios, each taken within one round. CPU time is that of the worker.")?;
    writeln!(f, "Streams have 200 events, one every {} ms; their latency is that of the first event.\n", s.pace_ms)?;
    for direct in &report.direct {
        let row = report.rows.iter().find(|row| row.name == format!("{}/16", direct.workload));
        let bare = row.and_then(|row| row.variant("bare")).map(|bare| bare.summary.units_per_second.median);
        write!(
            f,
            "Without an Envoy between them, generator and upstream reach {:.0} requests/s",
            direct.requests_per_second
        )?;
        match bare.map(|bare| direct.requests_per_second / bare) {
            Some(ratio) if ratio < 2.0 => writeln!(f, " ({}): ONLY {ratio:.1} times bare Envoy.", direct.workload)?,
            Some(ratio) => writeln!(f, " ({}), {ratio:.1} times bare Envoy.", direct.workload)?,
            None => writeln!(f, " ({}).", direct.workload)?,
        }
    }
    let disturbed = report.rows.iter().flat_map(|row| &row.variants).flat_map(|variant| &variant.samples);
    let disturbed = Spread::of(disturbed.map(Sample::disturbed));
    if let Some(Spread { median, max, .. }) = disturbed {
        let (median, max) = (median * 100.0, max * 100.0);
        writeln!(
            f,
            "Other processes had the cores for {median:.0} % of the median measurement, {max:.0} % of the worst;"
        )?;
        writeln!(f, "beyond 5 % a measurement is repeated, up to a limit.")?;
    }
    writeln!(f)
}

fn targets(f: &mut Formatter<'_>, report: &Report) -> fmt::Result {
    writeln!(f, "## Targets\n\n| target | wanted | measured | |\n|---|---|---|---|")?;
    for target in &report.targets {
        let verdict = match (target.met, target.measured) {
            (Some(true), _) => "met",
            (Some(false), _) => "**missed**",
            (None, Some(_)) => "",
            (None, None) => "not measured",
        };
        let measured = target.measured.map_or_else(|| "–".into(), |spread| with_range(spread, 3));
        writeln!(f, "| {} | {} | {measured} | {verdict} |", target.what, target.wanted)?;
    }
    writeln!(f)
}

fn rates(f: &mut Formatter<'_>, row: &RowResult) -> fmt::Result {
    let (connections, unit) = (row.connections, row.unit);
    let noun = match (unit, connections) {
        ("event", 1) => "stream",
        ("event", _) => "streams at a time",
        (_, 1) => "connection",
        _ => "connections",
    };
    let workload = row.name.split('/').next().unwrap_or_default();
    writeln!(f, "## {workload}, {connections} {noun}\n")?;
    writeln!(
        f,
        "| variant | {unit}s/s | against bare | p50 ms | p99 ms | p50 added ms | CPU µs/{unit} | against bare | added µs | added, in empty filters |"
    )?;
    writeln!(f, "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|")?;
    let empty = row.variant("empty").map(|empty| empty.summary.cpu_added_us.median);
    for variant in &row.variants {
        let s = variant.summary;
        if variant.name == "bare" {
            let (rate, p50, p99, cpu) = (s.units_per_second, s.p50_ms, s.p99_ms, s.cpu_us);
            writeln!(
                f,
                "| bare | {:.0} | 1 | {:.3} | {:.3} | – | {:.1} | 1 | – | – |",
                rate.median, p50.median, p99.median, cpu.median
            )?;
            continue;
        }
        let in_empty = empty
            .filter(|&empty| empty > 0.0)
            .map_or_else(|| "–".into(), |empty| format!("{:.2}", s.cpu_added_us.median / empty));
        writeln!(
            f,
            "| {} | {:.0} | {} | {:.3} | {:.3} | {} | {:.1} | {} | {:.1} | {in_empty} |",
            variant.name,
            s.units_per_second.median,
            with_range(s.rate_ratio, 2),
            s.p50_ms.median,
            s.p99_ms.median,
            with_range(s.p50_added_ms, 3),
            s.cpu_us.median,
            with_range(s.cpu_ratio, 2),
            s.cpu_added_us.median,
        )?;
    }
    writeln!(f)
}

fn memory(f: &mut Formatter<'_>, lines: &[MemoryLine]) -> fmt::Result {
    let bare = lines.first().map_or(1.0, |line| line.one_worker.anonymous_kb as f64);
    let mb = |kb: u64| kb as f64 / 1024.0;
    writeln!(f, "## Memory of Envoy after load, MB\n")?;
    writeln!(f, "Anonymous memory: without the pages of the binary, which processes share.\n")?;
    writeln!(f, "| variant | RSS, 1 worker | anonymous, 1 worker | against bare | added by a 2nd worker |")?;
    writeln!(f, "|---|---:|---:|---:|---:|")?;
    for line in lines {
        writeln!(
            f,
            "| {} | {:.1} | {:.1} | {:.2} | {:.1} |",
            line.variant,
            mb(line.one_worker.rss_kb),
            mb(line.one_worker.anonymous_kb),
            line.one_worker.anonymous_kb as f64 / bare,
            line.per_worker_kb as f64 / 1024.0,
        )?;
    }
    writeln!(f)
}

/// `median (least–greatest)`.
fn with_range(spread: Spread, digits: usize) -> String {
    format!("{:.digits$} ({:.digits$} to {:.digits$})", spread.median, spread.min, spread.max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::{self, EdgeResult};
    use crate::ledger::Counters;
    use crate::matrix::rows;
    use crate::proc::Memory;
    use crate::report::tests::sample;
    use crate::report::{DirectRate, Setting};
    use crate::scale::{ScaleResult, ScaleSample};
    use crate::targets::evaluate;

    #[test]
    fn the_table_says_what_was_missed_and_whether_the_generator_was_fast_enough() {
        let row = &rows(&["chat-1k/16".into()], true)[0];
        let counters = Counters { admitted: 4_000, calls: 18, waits: 2 };
        let sample = |i: u32| {
            let sample = sample(1000.0 - 90.0 * f64::from(i), 50.0 + f64::from(i), 1.0);
            vec![Sample { ledger: (i == 8).then_some(counters), ..sample }]
        };
        let rows = vec![RowResult::new(row, (0..11).map(sample).collect())];
        let edge = vec![EdgeResult { connections: 16, samples: vec![edge::tests::sample(1_000, 1_001); 2] }];
        let memory = Memory { rss_kb: 4096, anonymous_kb: 2048 };
        let start = ScaleSample { serving_ms: 1234.5, envoy: memory, control: Memory { anonymous_kb: 1024, ..memory } };
        let report = Report {
            setting: Setting {
                date: "2026-01-02".into(),
                envoy: "Envoy 1.2.3".into(),
                cpu: "a CPU".into(),
                kernel: "6.1".into(),
                redis: Some("Redis 7.0".into()),
                envoy_core: 0,
                generator_core: 1,
                upstream_core: 1,
                rounds: 1,
                seconds: 1.0,
                pace_ms: 5,
            },
            direct: vec![DirectRate { workload: "chat-1k".into(), requests_per_second: 1500.0 }],
            targets: evaluate(&rows, &edge),
            rows,
            edge,
            scale: vec![ScaleResult { rules: 10, samples: vec![start] }],
            memory: Vec::new(),
        };
        let text = Markdown(&report).to_string();
        for wanted in [
            "ONLY 1.5 times bare Envoy",
            "upstream and control planes on core 1, Redis 7.0 too.",
            "| ≥ 0.7 | 0.730 (0.730 to 0.730) | met |",
            "**missed**",
            "| 10 | 1234 (1234 to 1234) | 2.0 (2.0 to 2.0) | 1.0 (1.0 to 1.0) |",
            "| – | not measured |",
            "| bare | 1000 | 1 | 1.000 | 2.000 | – | 50.0 | 1 | – | – |",
            "| ours | 730 | 0.73 (0.73 to 0.73) |",
            "| chat-1k/16 | ours-budgets-redis | 4.5 (4.5 to 4.5) | 0.5 (0.5 to 0.5) |",
            "| 16 | far from the limit | 1.000 | 1.000 | 0.000",
            "| 16 | the first 250 from it on | 5.000 | 5.000 | 4.000 (4.000 to 4.000) |",
            "| 16 | 252252 | 0 | 252 | 0 | 0 |",
        ] {
            assert!(text.contains(wanted), "{wanted} is not in\n{text}");
        }
    }
}

//! What the report says of the ledger, and of budgets that end.

use std::fmt::{self, Formatter};

use super::with_range;
use crate::edge::{EdgeResult, EdgeSample, Percentiles, WINDOW};
use crate::report::RowResult;
use crate::stats::Spread;

/// Calls to the ledger, of every variant in which they were counted.
pub(super) fn calls(f: &mut Formatter<'_>, rows: &[RowResult]) -> fmt::Result {
    let all = rows.iter().flat_map(|row| row.variants.iter().map(move |variant| (row, variant)));
    let counted: Vec<_> =
        all.filter_map(|(row, v)| Some((row, v, v.summary.ledger_calls?, v.summary.ledger_waits?))).collect();
    if counted.is_empty() {
        return Ok(());
    }
    writeln!(f, "## Calls to the ledger\n")?;
    writeln!(
        f,
        "As the filter counts them: messages in which it claims or reports, and requests that waited for one.\n"
    )?;
    writeln!(f, "| row | variant | calls for 1,000 requests | of 1,000 requests waited |")?;
    writeln!(f, "|---|---|---:|---:|")?;
    for (row, variant, calls, waits) in counted {
        writeln!(f, "| {} | {} | {} | {} |", row.name, variant.name, with_range(calls, 1), with_range(waits, 1))?;
    }
    writeln!(f)
}

/// Budgets that were used up.
pub(super) fn edge(f: &mut Formatter<'_>, results: &[EdgeResult]) -> fmt::Result {
    if results.is_empty() {
        return Ok(());
    }
    writeln!(f, "## Where a budget ends\n")?;
    writeln!(f, "Keys whose tokens were used up meanwhile, on Redis. Far from the limit is the first half of a key's")?;
    writeln!(f, "requests; what is added is added to that. After the first refusal most answers are refusals.\n")?;
    writeln!(f, "| connections | answers | p50 ms | p99 ms | p50 added ms | p99 added ms |")?;
    writeln!(f, "|---:|---|---:|---:|---:|---:|")?;
    for result in results {
        phase(f, result, "far from the limit", |sample| sample.far)?;
        phase(f, result, &format!("the last {WINDOW} before the first refusal"), |sample| sample.before)?;
        phase(f, result, &format!("the first {WINDOW} from it on"), |sample| sample.after)?;
    }
    writeln!(f, "\nTokens, of all keys the most:\n")?;
    writeln!(
        f,
        "| connections | budget | delivered beyond it | left of it | not as booked | requests served after a refusal |"
    )?;
    writeln!(f, "|---:|---:|---:|---:|---:|---:|")?;
    for result in results {
        let most = |figure: fn(&EdgeSample) -> u64| result.samples.iter().map(figure).max().unwrap_or(0);
        writeln!(
            f,
            "| {} | {} | {} | {} | {} | {} |",
            result.connections,
            most(|sample| sample.limit_tokens),
            most(EdgeSample::overspent_tokens),
            most(EdgeSample::left_tokens),
            most(EdgeSample::misbooked_tokens),
            most(|sample| sample.served_late),
        )?;
    }
    writeln!(f)
}

fn phase(f: &mut Formatter<'_>, result: &EdgeResult, name: &str, of: fn(&EdgeSample) -> Percentiles) -> fmt::Result {
    let median = |spread: Option<Spread>| spread.map_or_else(|| "–".into(), |s| format!("{:.3}", s.median));
    let ranged = |spread: Option<Spread>| spread.map_or_else(|| "–".into(), |s| with_range(s, 3));
    writeln!(
        f,
        "| {} | {name} | {} | {} | {} | {} |",
        result.connections,
        median(result.spread(|sample| of(sample).p50_ms)),
        median(result.spread(|sample| of(sample).p99_ms)),
        ranged(result.spread(|sample| of(sample).p50_ms - sample.far.p50_ms)),
        ranged(result.spread(|sample| of(sample).p99_ms - sample.far.p99_ms)),
    )
}

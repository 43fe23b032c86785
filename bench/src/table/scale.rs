//! What the report says of large configurations.

use std::fmt::{self, Formatter};

use super::with_range;
use crate::scale::{ScaleResult, ScaleSample};

/// Envoys that started with configurations of every size.
pub(super) fn scale(f: &mut Formatter<'_>, results: &[ScaleResult]) -> fmt::Result {
    if results.is_empty() {
        return Ok(());
    }
    writeln!(f, "## Large configurations\n")?;
    writeln!(f, "A new Envoy of a control plane that is there already, until it serves by the last rule. Its filter")?;
    writeln!(f, "is compiled meanwhile. Memory is anonymous memory after some load, with one worker.\n")?;
    writeln!(f, "| backends and rules | serves after ms | Envoy MB | control plane MB |")?;
    writeln!(f, "|---:|---:|---:|---:|")?;
    for result in results {
        let told = |figure: fn(&ScaleSample) -> f64, digits| {
            result.spread(figure).map_or_else(|| "–".into(), |spread| with_range(spread, digits))
        };
        writeln!(
            f,
            "| {} | {} | {} | {} |",
            result.rules,
            told(|sample| sample.serving_ms, 0),
            told(|sample| sample.envoy.anonymous_kb as f64 / 1024.0, 1),
            told(|sample| sample.control.anonymous_kb as f64 / 1024.0, 1),
        )?;
    }
    writeln!(f)
}

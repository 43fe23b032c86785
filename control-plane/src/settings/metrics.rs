//! The flags of metrics.

use clap::Args;

/// Backends with series of their own, unless a flag says otherwise.
const BACKEND_SERIES_DEFAULT: u32 = 128;

/// What is told to Prometheus.
#[derive(Debug, Clone, Copy, Args)]
pub struct MetricsFlags {
    /// Tells metrics at GET /metrics/prometheus, to everybody who asks
    #[arg(long)]
    pub prometheus_metrics: bool,
    /// Backends with series of their own (128); the rest share the label __overflow__. Implies --prometheus-metrics
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub prometheus_max_backend_series: Option<u32>,
}

impl MetricsFlags {
    /// How many backends have series of their own; `None`: there are no metrics.
    pub fn backend_series(&self) -> Option<usize> {
        let is_on = self.prometheus_metrics || self.prometheus_max_backend_series.is_some();
        is_on.then_some(self.prometheus_max_backend_series.unwrap_or(BACKEND_SERIES_DEFAULT) as usize)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use crate::settings::CommandLine;

    fn series(flags: &str) -> Option<Option<usize>> {
        let line = ["ditto-gateway", "g.json"].into_iter().chain(flags.split_whitespace());
        CommandLine::try_parse_from(line).ok().map(|line| line.run.metrics.backend_series())
    }

    #[test]
    fn metrics_are_off_unless_a_flag_asks_for_them() {
        assert_eq!(series(""), Some(None));
        assert_eq!(series("--prometheus-metrics"), Some(Some(128)));
        assert_eq!(series("--prometheus-max-backend-series 5"), Some(Some(5)));
        assert_eq!(series("--prometheus-max-backend-series 0"), None);
    }
}

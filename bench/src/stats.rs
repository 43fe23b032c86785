//! Medians, percentiles and paired ratios.

use serde::Serialize;

/// Latencies of one round, every one of them kept: a round is short, and an exact percentile needs no buckets.
#[derive(Debug, Default)]
pub(crate) struct Latencies(Vec<u32>);

impl Latencies {
    /// Adds one latency in nanoseconds.
    pub(crate) fn record(&mut self, nanos: u128) {
        self.0.push(u32::try_from(nanos).unwrap_or(u32::MAX));
    }

    /// Takes over those of another connection.
    pub(crate) fn merge(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    /// How many there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The given percentiles (0 to 100) in milliseconds: the smallest latency that so many do not exceed.
    pub(crate) fn percentiles_ms<const N: usize>(&mut self, wanted: [f64; N]) -> [f64; N] {
        self.0.sort_unstable();
        let count = self.0.len();
        wanted.map(|percent| {
            let rank = (percent / 100.0 * count as f64).ceil() as usize;
            self.0.get(rank.clamp(1, count.max(1)) - 1).map_or(0.0, |&nanos| f64::from(nanos) / 1e6)
        })
    }
}

/// The middle of some values and how far they lie apart.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Spread {
    /// `None` when there is nothing to take the middle of.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = values.into_iter().filter(|v| v.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let half = sorted.len() / 2;
        let median =
            if sorted.len().is_multiple_of(2) { f64::midpoint(sorted[half - 1], sorted[half]) } else { sorted[half] };
        Some(Self { median, min, max })
    }

    /// Combines the values of two variants round by round: what drifts between rounds falls out.
    pub(crate) fn paired(a: &[f64], b: &[f64], combine: impl Fn(f64, f64) -> f64) -> Option<Self> {
        Self::of(a.iter().zip(b).map(|(&a, &b)| combine(a, b)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_ranks() {
        let mut all = Latencies::default();
        for ms in (1..=100).rev() {
            let mut one = Latencies::default();
            one.record(ms * 1_000_000);
            all.merge(one);
        }
        assert_eq!(all.len(), 100);
        assert_eq!(all.percentiles_ms([0.0, 50.0, 99.0, 100.0]), [1.0, 50.0, 99.0, 100.0]);
        assert_eq!(Latencies::default().percentiles_ms([50.0]), [0.0]);
    }

    #[test]
    fn a_latency_beyond_the_range_is_cut_off() {
        let mut one = Latencies::default();
        one.record(u128::MAX);
        assert_eq!(one.percentiles_ms([50.0]), [f64::from(u32::MAX) / 1e6]);
    }

    #[test]
    fn medians_of_odd_and_even_counts() {
        assert_eq!(Spread::of([3.0, 1.0, 2.0]), Some(Spread { median: 2.0, min: 1.0, max: 3.0 }));
        assert_eq!(Spread::of([4.0, 1.0, 2.0, 3.0]), Some(Spread { median: 2.5, min: 1.0, max: 4.0 }));
        assert_eq!(Spread::of([f64::NAN]), None);
    }

    #[test]
    fn pairs_are_taken_round_by_round() {
        let ratio = Spread::paired(&[50.0, 100.0, 40.0], &[100.0, 200.0, 100.0], |a, b| a / b);
        assert_eq!(ratio, Some(Spread { median: 0.5, min: 0.4, max: 0.5 }));
    }
}

//! Between micro-dollars, which operators and clients see, and pico-dollars, which are counted.

/// Pico-dollars in a micro-dollar.
pub const PICO_PER_MICRO: u64 = 1_000_000;

/// Pico-dollars for micro-dollars; `u64::MAX` where they are more than that (from 18.4 million dollars on).
pub fn micros_to_pico(micros: u64) -> u64 {
    micros.saturating_mul(PICO_PER_MICRO)
}

/// Micro-dollars for pico-dollars, rounded up: what is shown as spent is never less than what was.
pub fn pico_to_micros_ceil(pico: u64) -> u64 {
    pico.div_ceil(PICO_PER_MICRO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_micros_survive_both_ways() {
        for micros in [0, 1, 999, 1_000_000, u64::MAX / PICO_PER_MICRO] {
            assert_eq!(pico_to_micros_ceil(micros_to_pico(micros)), micros);
        }
    }

    #[test]
    fn a_part_of_a_micro_counts_as_one() {
        assert_eq!(pico_to_micros_ceil(1), 1);
        assert_eq!(pico_to_micros_ceil(PICO_PER_MICRO), 1);
        assert_eq!(pico_to_micros_ceil(PICO_PER_MICRO + 1), 2);
        assert_eq!(pico_to_micros_ceil(u64::MAX), u64::MAX / PICO_PER_MICRO + 1);
    }

    #[test]
    fn too_many_micros_are_the_most_that_can_be_counted() {
        assert_eq!(micros_to_pico(u64::MAX), u64::MAX);
    }
}

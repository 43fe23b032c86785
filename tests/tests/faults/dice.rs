//! Randomness that a seed repeats.

use std::time::Duration;

/// A generator (SplitMix64): small, and good enough to choose with.
#[derive(Debug, Clone)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Another generator, which goes its own way.
    pub(super) fn split(&mut self) -> Self {
        Self(self.next())
    }

    /// A number from `low` to `high`, both included.
    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.next() % (high - low + 1)
    }

    /// So many milliseconds.
    pub(super) fn ms(&mut self, low: u64, high: u64) -> Duration {
        Duration::from_millis(self.between(low, high))
    }

    /// True so many times of a hundred.
    pub(super) fn percent(&mut self, times: u64) -> bool {
        self.between(1, 100) <= times
    }

    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.next() % from.len() as u64).expect("an index")]
    }
}

/// Deals each card once before it deals one again, so that even a short game has seen all.
#[derive(Debug)]
pub(super) struct Deck<T> {
    all: Vec<T>,
    left: Vec<T>,
    dealt: usize,
}

impl<T: Copy> Deck<T> {
    pub(super) fn of(all: &[T]) -> Self {
        Self { all: all.to_vec(), left: Vec::new(), dealt: 0 }
    }

    pub(super) fn draw(&mut self, dice: &mut Dice) -> T {
        if self.left.is_empty() {
            self.left.clone_from(&self.all);
        }
        let place = dice.between(0, self.left.len() as u64 - 1);
        self.dealt += 1;
        self.left.swap_remove(usize::try_from(place).expect("an index"))
    }

    /// Whether each card was dealt.
    pub(super) fn has_dealt_all(&self) -> bool {
        self.dealt >= self.all.len()
    }
}

//! When things go wrong, and how often they did.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::dice::{Deck, Dice};
use super::site::Victim;

/// How often something happened, by its name.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally(Arc<Mutex<BTreeMap<String, u64>>>);

impl Tally {
    pub(super) fn add(&self, what: &impl fmt::Debug) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(format!("{what:?}")).or_default() += 1;
    }

    pub(super) fn counts(&self) -> BTreeMap<String, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How often it happened.
    pub(super) fn count(&self, what: &impl fmt::Debug) -> u64 {
        self.counts().get(&format!("{what:?}")).copied().unwrap_or(0)
    }
}

/// Lets a victim suffer until `end`, and in any case until everything has happened to it once. Between two blows it has
/// a rest of `rest` milliseconds, from and to.
pub(super) async fn torment(victim: &mut impl Victim, rest: (u64, u64), end: Instant, mut dice: Dice, tally: Tally) {
    let mut deck = Deck::of(victim.faults());
    loop {
        let rest = dice.ms(rest.0, rest.1);
        if deck.has_dealt_all() && Instant::now() + rest >= end {
            break;
        }
        tokio::time::sleep(rest).await;
        let fault = deck.draw(&mut dice);
        let started = Instant::now();
        victim.suffer(fault, &mut dice).await;
        tally.add(&fault);
        let took = Duration::from_millis(u64::try_from(started.elapsed().as_millis()).expect("a short time"));
        println!("{fault:?}, for {took:?}");
    }
    tokio::time::sleep(end.saturating_duration_since(Instant::now())).await;
}

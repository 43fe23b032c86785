//! What a refusal says.

use super::Rows;
use crate::account::MINUTE_MS;
use crate::amounts::Unit;
use crate::claim::{RateStatus, Refusal};
use crate::lease::Lease;
use crate::terms::Terms;

impl Rows {
    /// Why `needed` is not there: the tightest account of the unit.
    pub(super) fn refusal(
        &self,
        lease: &Lease,
        terms: &Terms,
        unit: Unit,
        asked: u64,
        needed: u64,
        now_ms: u64,
    ) -> Refusal {
        let mut found: Option<(u64, Refusal)> = None;
        for (name, limits) in &terms.accounts {
            let Some(limit) = limits.get(unit) else { continue };
            let account = self.accounts.get(name).cloned().unwrap_or_default();
            let used = account.used(unit, now_ms);
            let room = limit.saturating_sub(used);
            if found.as_ref().is_some_and(|(least, _)| *least <= room) {
                continue;
            }
            let refusal = Refusal {
                account: name.clone(),
                unit,
                limit,
                used,
                held_by_others: account.held.get(unit).saturating_sub(lease.hold().get(unit)),
                needed: asked,
                retry_after_ms: account.fits_after_ms(unit, limit, needed, now_ms),
                rates: self.rates(terms, now_ms),
            };
            found = Some((room, refusal));
        }
        found.map(|(_, refusal)| refusal).unwrap_or(Refusal {
            account: String::new(),
            unit,
            limit: 0,
            used: 0,
            held_by_others: 0,
            needed: asked,
            retry_after_ms: 0,
            rates: RateStatus::default(),
        })
    }

    fn rates(&self, terms: &Terms, now_ms: u64) -> RateStatus {
        let tightest = |unit: Unit| {
            let windows = terms.accounts.iter().filter_map(|(name, limits)| {
                let limit = limits.get(unit)?;
                let used = self.accounts.get(name).map_or(0, |account| account.used(unit, now_ms));
                Some((limit.saturating_sub(used), limit))
            });
            windows.min()
        };
        let (requests, tokens) = (tightest(Unit::WindowRequests), tightest(Unit::WindowTokens));
        RateStatus {
            limit_requests: requests.map(|(_, limit)| limit),
            remaining_requests: requests.map_or(0, |(left, _)| left),
            limit_tokens: tokens.map(|(_, limit)| limit),
            remaining_tokens: tokens.map_or(0, |(left, _)| left),
            reset_ms: MINUTE_MS.saturating_sub(now_ms % MINUTE_MS),
        }
    }
}

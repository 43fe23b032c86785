//! What must hold at every step, and at the end.

use ditto_ledger::{Account, Amounts, LeaseState, Unit};

use crate::worker_side::{is_limited, used};
use crate::world::{Truth, World};

/// Looks at everything that must hold at every step; keeps the first thing that does not.
pub(crate) fn always(world: &mut World) {
    if world.broken.is_none() {
        world.broken = holdings(world).or_else(|| books(world)).or_else(|| delivered(world));
    }
}

/// In each worker and lease: spent + reserved + returned ≤ granted, as the ledger has granted it.
fn holdings(world: &World) -> Option<String> {
    for (worker, desk) in world.workers.iter().flat_map(|worker| worker.desks.iter().map(move |desk| (worker, desk))) {
        for holding in desk.purse.holdings() {
            let id = format!("{}/{}", desk.name, holding.lease);
            let flights = worker.flights.iter().filter(|flight| flight.lease == id);
            let reserved = flights.fold(Amounts::default(), |sum, flight| sum.plus(&flight.reservation.amounts));
            if reserved.without_window() != holding.reserved.without_window() {
                return Some(format!("{id} has reserved {:?}, not {reserved:?}", holding.reserved));
            }
            let Some(lease) = world.leases.get(&id) else { continue };
            let limited = |unit: &Unit| lease.accounts.iter().any(|name| is_limited(world, name, *unit));
            let promised = holding.spent.plus(&holding.reserved).plus(&holding.returned);
            for unit in Unit::ALL.into_iter().filter(limited) {
                if world.setup.strict && promised.get(unit) > holding.granted.get(unit) {
                    return Some(format!("{id} has promised more {unit:?} than it was granted: {holding:?}"));
                }
                if (!unit.is_window() || holding.minute == lease.minute)
                    && holding.granted.get(unit) > lease.granted.get(unit)
                {
                    return Some(format!("{id} knows of more {unit:?} than was granted: {holding:?} {lease:?}"));
                }
            }
        }
    }
    None
}

/// Each account holds what its leases hold, no more and no less.
fn books(world: &World) -> Option<String> {
    for (name, account) in &world.accounts {
        let leases = world.leases.values().filter(|lease| lease.accounts.contains(name));
        let held = leases.fold(Amounts::default(), |sum, lease| {
            let hold = lease.hold();
            sum.plus(&if lease.minute == account.minute { hold } else { hold.without_window() })
        });
        if held != account.held {
            return Some(format!("{name} holds {:?}, its leases {held:?}", account.held));
        }
    }
    None
}

/// What was let through is in the books: delivered ≤ spent + held, for good and for each minute.
fn delivered(world: &World) -> Option<String> {
    for (name, account) in &world.accounts {
        for unit in Unit::ALL.into_iter().filter(|unit| world.setup.strict && is_limited(world, name, *unit)) {
            let booked = account.spent.get(unit) + account.held.get(unit);
            let (delivered, before) = if unit.is_window() {
                (through(world, name, Some(account.minute)), through(world, name, account.minute.checked_sub(1)))
            } else {
                (through(world, name, None), Amounts::default())
            };
            if delivered.get(unit) > booked || before.get(unit) > account.previous.get(unit) {
                return Some(format!("{name}: {unit:?} let through {delivered:?} {before:?}: {account:?}"));
            }
        }
    }
    None
}

/// What has been let through on an account, for good or in one minute, by ended requests and those in flight.
fn through(world: &World, account: &str, minute: Option<u64>) -> Amounts {
    let mut sum = Amounts::default();
    let on_account =
        |lease: &str| world.truth.get(lease).is_some_and(|truth| truth.accounts.iter().any(|a| a == account));
    for truth in world.truth.values().filter(|truth| truth.accounts.iter().any(|name| name == account)) {
        sum = sum.plus(&match minute {
            Some(minute) => truth.minutes.get(&minute).copied().unwrap_or_default(),
            None => truth.delivered,
        });
    }
    for flight in world.workers.iter().flat_map(|worker| &worker.flights).filter(|flight| on_account(&flight.lease)) {
        let used = used(flight.delivered_tokens);
        match minute {
            Some(minute) if flight.minute == minute => sum = sum.plus(&used.without_lifetime()),
            None => sum = sum.plus(&used.without_window()),
            Some(_) => {}
        }
    }
    sum
}

/// What must hold when nothing is under way any more and everything has been settled: nothing is held, and what was
/// spent is what was delivered, and what crashed workers held.
pub(crate) fn at_the_end(world: &World) -> Option<String> {
    for (id, lease) in &world.leases {
        let dead = world.truth.get(id).is_some_and(|truth| truth.dead);
        if !dead || lease.state != LeaseState::Expired {
            return Some(format!("{id} was left behind: {lease:?}"));
        }
    }
    let on = |name: &str, truth: &Truth| truth.accounts.iter().any(|account| account == name);
    for (name, account) in &world.accounts {
        let (mut spent, mut requests) = (Amounts::default(), 0);
        for (id, truth) in world.truth.iter().filter(|(_, truth)| on(name, truth)) {
            let (charged, counted) = match world.leases.get(id) {
                Some(lease) => (lease.spent.plus(&lease.forfeited).without_window(), lease.counts.requests),
                None => (truth.delivered, truth.requests),
            };
            (spent, requests) = (spent.plus(&charged), requests + counted);
        }
        let found = Account { spent: account.spent.without_window(), ..account.clone() };
        if found.spent != spent || !found.held.is_zero() || found.counts.requests != requests {
            return Some(format!("{name} should have spent {spent:?} in {requests}: {account:?}"));
        }
    }
    None
}

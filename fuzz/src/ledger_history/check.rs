//! What must hold at every step, and at the end.

use ditto_ledger::{Amounts, LeaseState, Unit};

use super::World;
use super::worker::PRICE;

/// Looks at everything that must hold at every step.
pub(super) fn always(world: &World) {
    promises(world);
    for (name, account) in &world.ledger.accounts {
        // Each account holds what its leases hold, no more and no less.
        let leases = world.ledger.leases.values().filter(|lease| lease.accounts.contains(name));
        let held = leases.fold(Amounts::default(), |sum, lease| {
            let hold = lease.hold();
            sum.plus(&if lease.minute == account.minute { hold } else { hold.without_window() })
        });
        assert_eq!(held, account.held, "{name}: its leases, and itself");
        // What was let through is in the books.
        let tokens = delivered(world, name);
        for (unit, delivered) in [(Unit::Tokens, tokens), (Unit::PicoUsd, tokens * PRICE)] {
            let booked = account.spent.get(unit) + account.held.get(unit);
            let limited = world.ledger.limits[name].get(unit).is_some();
            assert!(!world.strict || !limited || delivered <= booked, "{name}: {unit:?} {delivered} of {account:?}");
        }
    }
}

/// No worker has promised more of a lease than it was granted, or knows of more than the ledger granted.
fn promises(world: &World) {
    for worker in &world.workers {
        for holding in worker.purse.holdings() {
            let Some(lease) = world.ledger.leases.get(&format!("{}/{}", worker.name, holding.lease)) else { continue };
            let promised = holding.spent.plus(&holding.reserved).plus(&holding.returned);
            for unit in Unit::ALL {
                let limited = lease.accounts.iter().any(|name| world.ledger.limits[name].get(unit).is_some());
                let (granted, promised) = (holding.granted.get(unit), promised.get(unit));
                assert!(!world.strict || !limited || promised <= granted, "{unit:?} of {holding:?}");
                let comparable = limited && (!unit.is_window() || holding.minute == lease.minute);
                assert!(!comparable || granted <= lease.granted.get(unit), "{unit:?} of {holding:?}, {lease:?}");
            }
        }
    }
}

/// Tokens that were let through on an account, by requests that have ended and those under way.
fn delivered(world: &World, account: &str) -> u64 {
    let on = |lease: &str| {
        let truth = world.ledger.truth.get(lease);
        truth.is_some_and(|truth| truth.accounts.iter().any(|name| name == account))
    };
    let ended = world.ledger.truth.iter().filter(|(lease, _)| on(lease)).map(|(_, truth)| truth.tokens);
    let flights = world.workers.iter().flat_map(|worker| &worker.flights).filter(|flight| on(&flight.lease));
    ended.chain(flights.map(|flight| flight.delivered)).sum()
}

/// Nothing is held, and what was spent is what was delivered, and what dead workers held.
pub(super) fn at_the_end(world: &World) {
    for worker in &world.workers {
        assert!(worker.purse.is_empty(), "it never ends: {:?}", worker.purse);
    }
    for (id, lease) in &world.ledger.leases {
        let dead = world.ledger.truth.get(id).is_some_and(|truth| truth.dead);
        assert!(dead && lease.state == LeaseState::Expired, "{id} was left behind: {lease:?}");
    }
    for (name, account) in &world.ledger.accounts {
        let (mut spent, mut requests) = (Amounts::default(), 0);
        for (id, truth) in world.ledger.truth.iter().filter(|(_, truth)| truth.accounts.contains(name)) {
            let (charged, counted) = match world.ledger.leases.get(id) {
                Some(lease) => (lease.spent.plus(&lease.forfeited), lease.counts.requests),
                None => {
                    let (tokens, pico_usd) = (truth.tokens, truth.tokens * PRICE);
                    (Amounts { tokens, pico_usd, ..Amounts::default() }, truth.requests)
                }
            };
            (spent, requests) = (spent.plus(&charged.without_window()), requests + counted);
        }
        assert_eq!(account.spent.without_window(), spent, "{name}");
        assert!(account.held.is_zero(), "{name} still holds {:?}", account.held);
        assert_eq!(account.counts.requests, requests, "{name}");
    }
}

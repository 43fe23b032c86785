//! Every history of a very small system, up to a number of steps.
//!
//! Two workers share a budget of a few tokens. What may happen is bounded: so many requests, lost sessions and crashes, and
//! time that passes in two sizes, long enough for idleness and for expiry.

use ditto_ledger::Limits;
use stateright::{Checker, Model, Property};

use crate::check;
use crate::world::{Setup, World};

/// The key that is used.
const KEY: usize = 0;
/// The budget.
const TOKENS: u64 = 3;
/// Requests are of one token, or of these.
const LARGE: u64 = 2;

/// How often things happen in one history.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Budget {
    requests: u8,
    disturbances: u8,
    waits: u8,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    world: World,
    left: Budget,
}

/// One thing that happens, to a worker where it has a number.
#[derive(Debug, Clone, PartialEq)]
enum Step {
    Request(usize, u64),
    Send(usize),
    Book(usize),
    BookTwice(usize),
    Hear(usize),
    End(usize),
    EndUnused(usize),
    Recall,
    Recalled(usize),
    Disconnect(usize, bool),
    Unavailable(usize, bool),
    Crash(usize),
    Lower,
    Wait(u64),
    Expire,
}

struct Small {
    left: Budget,
}

impl Model for Small {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        let setup = Setup {
            workers: 2,
            keys: Limits { tokens: Some(TOKENS), ..Limits::default() },
            tenants: Limits::default(),
            strict: true,
            uneven: false,
            share: 1,
        };
        vec![State { world: World::new(setup), left: self.left.clone() }]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        let (world, left) = (&state.world, &state.left);
        for (number, worker) in world.workers.iter().enumerate() {
            let desk = &worker.desks[KEY];
            if left.requests > 0 {
                steps.extend([Step::Request(number, 1), Step::Request(number, LARGE)]);
            }
            match &desk.call {
                None => steps.push(Step::Send(number)),
                Some(call) if call.claims.is_empty() => steps.push(Step::Hear(number)),
                Some(_) => steps.push(Step::Book(number)),
            }
            if !worker.flights.is_empty() {
                steps.extend([Step::End(number), Step::EndUnused(number)]);
            }
            if desk.recall {
                steps.push(Step::Recalled(number));
            }
            if left.disturbances > 0 {
                if desk.call.is_some() {
                    let each = [true, false];
                    steps.extend(each.map(|booked| Step::Disconnect(number, booked)));
                    steps.extend(each.map(|booked| Step::Unavailable(number, booked)));
                    steps.push(Step::BookTwice(number));
                }
                if !desk.purse.is_empty() {
                    steps.push(Step::Crash(number));
                }
            }
        }
        if left.disturbances > 0 {
            steps.extend([Step::Lower, Step::Recall]);
        }
        if left.waits > 0 {
            steps.extend([Step::Wait(5_000), Step::Wait(31_000)]);
        }
        if world.leases.values().any(|lease| lease.expires_at_ms <= world.ledger_ms()) {
            steps.push(Step::Expire);
        }
    }

    fn next_state(&self, before: &State, step: Step) -> Option<State> {
        let mut after = before.clone();
        after.take(&step);
        check::always(&mut after.world);
        (after != *before).then_some(after)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("the books are right", |_, state: &State| state.world.broken.is_none()),
            Property::always("everything is settled in the end", |_, state: &State| {
                let mut world = state.world.clone();
                world.quiesce();
                world.broken.is_none()
            }),
            Property::sometimes("the budget is used up", |_, state: &State| {
                state.world.truth.values().map(|truth| truth.delivered.tokens).sum::<u64>() == TOKENS
            }),
            Property::sometimes("a lease expires and charges", |_, state: &State| {
                state.world.leases.values().any(|lease| lease.forfeited.tokens > 0)
            }),
        ]
    }
}

impl State {
    fn take(&mut self, step: &Step) {
        let world = &mut self.world;
        let count = match step {
            Step::Request(..) => Some(&mut self.left.requests),
            Step::Wait(_) => Some(&mut self.left.waits),
            Step::BookTwice(_)
            | Step::Disconnect(..)
            | Step::Unavailable(..)
            | Step::Crash(_)
            | Step::Lower
            | Step::Recall => Some(&mut self.left.disturbances),
            _ => None,
        };
        if let Some(count) = count {
            *count -= 1;
        }
        match *step {
            Step::Request(worker, tokens) => drop(world.request(worker, KEY, tokens)),
            Step::Send(worker) => drop(world.send(worker, KEY)),
            Step::Book(worker) => drop(world.book_next(worker, KEY, false)),
            Step::BookTwice(worker) => drop(world.book_next(worker, KEY, true)),
            Step::Hear(worker) => drop(world.hear(worker, KEY)),
            Step::End(worker) => {
                world.deliver(worker, 0, LARGE);
                world.end(worker, 0);
            }
            Step::EndUnused(worker) => world.end(worker, 0),
            Step::Recall => world.recall("key:a"),
            Step::Recalled(worker) => world.recalled(worker, KEY),
            Step::Disconnect(worker, booked) => world.disconnect(worker, booked),
            Step::Unavailable(worker, booked) => world.fail_next(worker, KEY, booked),
            Step::Crash(worker) => world.crash(worker, false),
            Step::Lower => world.limit("key:a", ditto_ledger::Unit::Tokens, TOKENS - 1),
            Step::Wait(ms) => world.now_ms += ms,
            Step::Expire => world.expire_due(),
        }
    }
}

/// Looks at every history of so many steps.
fn search(requests: u8, disturbances: u8, waits: u8, steps: usize) {
    let small = Small { left: Budget { requests, disturbances, waits } };
    let checker = small.checker().threads(2).target_max_depth(steps).spawn_bfs().join();
    println!("{} states, {} of them different", checker.state_count(), checker.unique_state_count());
    for property in ["the books are right", "everything is settled in the end"] {
        checker.assert_no_discovery(property);
    }
    // That these are reached shows that the histories are not all dull.
    checker.assert_any_discovery("the budget is used up");
    if waits > 0 && disturbances > 0 {
        checker.assert_any_discovery("a lease expires and charges");
    }
}

#[test]
fn every_short_history_with_two_disturbances_is_right() {
    search(2, 2, 1, 9);
}

#[test]
fn every_short_history_of_contention_is_right() {
    search(4, 0, 0, 12);
}

/// Minutes; for whoever changes the protocol.
#[test]
#[ignore = "takes minutes"]
fn every_longer_history_is_right() {
    search(3, 2, 2, 13);
}

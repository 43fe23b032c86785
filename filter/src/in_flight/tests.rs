//! Workers that take places from each other, also in the middle of each other's steps.

use std::cell::RefCell;

use proptest::prelude::*;

use super::*;
use crate::fake_host::shared::Shared;
use crate::fake_host::{FakeHost, NOW_MS};

/// Some workers of one Envoy.
fn workers<const N: usize>() -> [Rc<Worker>; N] {
    std::array::from_fn(|number| Rc::new(Worker::new(number as u128 + 1)))
}

fn host(shared: &Shared, now_ms: u64) -> FakeHost {
    let host = FakeHost::new(&[]).sharing(shared);
    host.set_now_ms(now_ms);
    host
}

fn acquire(worker: &Rc<Worker>, limit: u32, host: &FakeHost) -> Option<Permit> {
    Permit::acquire(worker, limit, host).unwrap()
}

#[test]
fn the_limit_holds_over_all_workers_and_a_place_that_is_free_again_can_be_taken() {
    let shared = Shared::default();
    let host = host(&shared, NOW_MS);
    let [a, b] = workers();
    let mut permits: Vec<_> = [&a, &b, &b].map(|worker| acquire(worker, 3, &host).unwrap()).into();
    assert!(acquire(&a, 3, &host).is_none());
    assert!(acquire(&b, 3, &host).is_none());
    permits.remove(0).release(&host);
    permits.push(acquire(&b, 3, &host).unwrap());
    assert!(acquire(&a, 3, &host).is_none());
    permits.into_iter().for_each(|permit| permit.release(&host));
    assert!(shared.value(NAME).is_empty());
}

#[test]
fn a_place_cannot_be_taken_twice_by_workers_that_look_at_the_same_time() {
    let shared = Shared::default();
    let [a, b] = workers();
    let (other, others_host) = (Rc::clone(&b), host(&shared, NOW_MS));
    let taken = Rc::new(RefCell::new(None));
    let slot = Rc::clone(&taken);
    shared.meanwhile(move || *slot.borrow_mut() = acquire(&other, 1, &others_host));
    assert!(acquire(&a, 1, &host(&shared, NOW_MS)).is_none());
    assert!(taken.borrow().is_some());
}

#[test]
fn a_worker_that_never_gets_its_word_in_takes_nothing_and_gives_up() {
    let shared = Shared::default();
    for _ in 0..TRIES_MAX {
        let again = shared.clone();
        shared.meanwhile(move || again.put(NAME, &[]));
    }
    let [a] = workers();
    let host = host(&shared, NOW_MS);
    assert!(acquire(&a, 1, &host).is_none());
    assert!(acquire(&a, 1, &host).is_some());
}

#[test]
fn a_place_that_was_only_dropped_is_free_for_others_with_the_next_word() {
    let shared = Shared::default();
    let host = host(&shared, NOW_MS);
    let [a, b] = workers();
    drop(acquire(&a, 1, &host).unwrap());
    assert!(acquire(&b, 1, &host).is_none());
    a.in_flight.renew(&host);
    assert!(acquire(&b, 1, &host).is_some());
}

#[test]
fn an_entry_lives_as_long_as_it_is_renewed() {
    let shared = Shared::default();
    let [a, b] = workers();
    let _permit = acquire(&a, 1, &host(&shared, NOW_MS)).unwrap();
    for second in 1..=30 {
        let host = host(&shared, NOW_MS + second * 1_000);
        a.in_flight.renew(&host);
        assert!(acquire(&b, 1, &host).is_none(), "after {second} s");
    }
    // The worker is gone: it neither renews nor releases.
    let last = NOW_MS + 30_000;
    assert!(acquire(&b, 1, &host(&shared, last + 9_000)).is_none());
    let taken = acquire(&b, 1, &host(&shared, last + 10_000));
    assert!(taken.is_some());
    assert_eq!(shared.value(NAME).len(), ENTRY_BYTES, "what is dead is forgotten");
}

#[test]
fn a_worker_that_was_taken_for_dead_counts_again_with_its_next_word() {
    let shared = Shared::default();
    let [a, b] = workers();
    let _first = acquire(&a, 1, &host(&shared, NOW_MS)).unwrap();
    let later = host(&shared, NOW_MS + 20_000);
    let second = acquire(&b, 1, &later).unwrap();
    a.in_flight.renew(&later);
    second.release(&later);
    assert!(acquire(&b, 1, &later).is_none());
}

#[test]
fn an_entry_of_a_clock_that_was_set_back_does_not_stay() {
    let shared = Shared::default();
    let [a, b] = workers();
    let _permit = acquire(&a, 1, &host(&shared, NOW_MS + 3_600_000)).unwrap();
    assert!(acquire(&b, 1, &host(&shared, NOW_MS)).is_some());
}

#[test]
fn an_entry_is_renewed_once_a_second_and_only_while_there_is_something_to_say() {
    let shared = Shared::default();
    let [a] = workers();
    let calls = |now_ms: u64| {
        let before = shared.calls();
        a.in_flight.renew(&host(&shared, now_ms));
        shared.calls() - before
    };
    assert_eq!(calls(NOW_MS), 0);
    let permit = acquire(&a, 1, &host(&shared, NOW_MS)).unwrap();
    assert_eq!([0, 50, 950].map(|after| calls(NOW_MS + after)), [0; 3]);
    assert!(calls(NOW_MS + 1_000) > 0);
    assert_eq!(calls(NOW_MS + 1_050), 0);
    permit.release(&host(&shared, NOW_MS + 1_100));
    assert_eq!(calls(NOW_MS + 5_000), 0);
}

#[test]
fn a_release_that_envoy_refuses_is_repeated() {
    let shared = Shared::default();
    let [a, b] = workers();
    let permit = acquire(&a, 1, &host(&shared, NOW_MS)).unwrap();
    let failing = host(&shared, NOW_MS).failing_at(0);
    permit.release(&failing);
    assert_eq!(failing.warnings().len(), 1);
    assert!(acquire(&b, 1, &host(&shared, NOW_MS)).is_none());
    a.in_flight.renew(&host(&shared, NOW_MS + 50));
    assert!(acquire(&b, 1, &host(&shared, NOW_MS + 50)).is_some());
}

#[test]
fn damage_is_no_reason_to_panic() {
    for length in 0..64 {
        let shared = Shared::default();
        shared.put(NAME, &vec![0xff; length]);
        let [a] = workers();
        assert!(acquire(&a, 1, &host(&shared, NOW_MS)).is_some());
    }
}

/// One step of a worker: it takes a place or gives one back, after others have done theirs between its look and its
/// word.
#[derive(Debug, Clone)]
struct Step {
    worker: usize,
    takes: bool,
    meanwhile: Vec<Step>,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let leaf = (0..3_usize, any::<bool>()).prop_map(|(worker, takes)| Step { worker, takes, meanwhile: Vec::new() });
    let nested =
        leaf.prop_recursive(3, 12, 3, |inner| {
            (0..3_usize, any::<bool>(), prop::collection::vec(inner, 0..3))
                .prop_map(|(worker, takes, meanwhile)| Step { worker, takes, meanwhile })
        });
    prop::collection::vec(nested, 0..30)
}

/// Three workers and what each has taken.
struct Party {
    limit: u32,
    shared: Shared,
    workers: [Rc<Worker>; 3],
    taken: RefCell<[Vec<Permit>; 3]>,
    /// A worker is one thread: it does not do two things at a time.
    busy: RefCell<[bool; 3]>,
    /// Places that their workers are about to give back.
    leaving: Cell<usize>,
}

impl Party {
    fn in_flight(&self) -> usize {
        self.taken.borrow().iter().map(Vec::len).sum()
    }

    fn run(self: &Rc<Self>, step: Step) {
        let Step { worker, takes, meanwhile } = step;
        if std::mem::replace(&mut self.busy.borrow_mut()[worker], true) {
            return;
        }
        for between in meanwhile {
            let party = Rc::clone(self);
            self.shared.meanwhile(move || party.run(between));
        }
        let host = host(&self.shared, NOW_MS);
        if takes {
            match acquire(&self.workers[worker], self.limit, &host) {
                Some(permit) => self.taken.borrow_mut()[worker].push(permit),
                None => assert!(self.in_flight() + self.leaving.get() >= self.limit as usize, "there is room"),
            }
        } else if let Some(permit) = { self.taken.borrow_mut()[worker].pop() } {
            self.leaving.set(self.leaving.get() + 1);
            permit.release(&host);
            self.leaving.set(self.leaving.get() - 1);
        }
        assert!(self.in_flight() <= self.limit as usize, "more than the limit");
        self.busy.borrow_mut()[worker] = false;
    }
}

proptest! {
    #[test]
    fn no_order_of_steps_lets_in_more_than_the_limit_or_forgets_a_free_place(steps in steps(), limit in 1..5_u32) {
        let party = Rc::new(Party {
            limit,
            shared: Shared::default(),
            workers: workers(),
            taken: RefCell::default(),
            busy: RefCell::default(),
            leaving: Cell::default(),
        });
        for step in steps {
            party.run(step);
        }
    }
}

//! Long random runs.

use ditto_ledger::{Limits, Unit};
use proptest::prelude::*;

use crate::check;
use crate::world::{KEYS, Setup, TENANTS, World};

/// One thing that happens. What makes no sense at the time does nothing.
#[derive(Debug, Clone)]
enum Step {
    Request(usize, usize, u64),
    Send(usize, usize),
    Book(usize, usize, bool),
    Hear(usize, usize),
    Call(usize, usize),
    Fail(usize, usize, bool),
    Deliver(usize, usize, u64),
    End(usize, usize),
    GiveUp(usize, usize),
    Disconnect(usize, bool),
    Crash(usize, bool),
    CrashLedger(bool),
    Pass(u64),
    Clock(i64),
    Expire,
    Recall(usize),
    Recalled(usize, usize),
    Limit(usize, usize, u64),
    Move(usize, usize),
    Delete(usize),
    Create(usize),
    Notice(usize, usize),
}

fn step() -> impl Strategy<Value = Step> {
    use Step::{
        Book, Call, Clock, Crash, CrashLedger, Create, Delete, Deliver, Disconnect, End, Expire, Fail, GiveUp, Hear,
        Limit, Move, Notice, Pass, Recall, Recalled, Request, Send,
    };
    let (worker, key) = (0..3_usize, 0..2_usize);
    let at = (worker.clone(), key.clone());
    let pass = prop_oneof![
        6 => 1..400_u64,
        4 => 1_000..12_000_u64,
        1 => 25_000..40_000_u64,
        1 => 55_000..130_000_u64,
    ];
    prop_oneof![
        12 => (worker.clone(), key.clone(), 1..9_u64).prop_map(|(w, k, tokens)| Request(w, k, tokens)),
        12 => at.clone().prop_map(|(w, k)| Call(w, k)),
        6 => at.clone().prop_map(|(w, k)| Send(w, k)),
        6 => (worker.clone(), key.clone(), any::<bool>()).prop_map(|(w, k, twice)| Book(w, k, twice)),
        6 => at.clone().prop_map(|(w, k)| Hear(w, k)),
        2 => (worker.clone(), key.clone(), any::<bool>()).prop_map(|(w, k, booked)| Fail(w, k, booked)),
        6 => (worker.clone(), 0..4_usize, 1..9_u64).prop_map(|(w, flight, tokens)| Deliver(w, flight, tokens)),
        8 => (worker.clone(), 0..4_usize).prop_map(|(w, flight)| End(w, flight)),
        1 => at.clone().prop_map(|(w, k)| GiveUp(w, k)),
        2 => (worker.clone(), any::<bool>()).prop_map(|(w, booked)| Disconnect(w, booked)),
        1 => (worker, any::<bool>()).prop_map(|(w, booked)| Crash(w, booked)),
        1 => any::<bool>().prop_map(CrashLedger),
        12 => pass.prop_map(Pass),
        1 => (-150_000..150_000_i64).prop_map(Clock),
        3 => Just(Expire),
        3 => (0..4_usize).prop_map(Recall),
        6 => at.clone().prop_map(|(w, k)| Recalled(w, k)),
        2 => (0..4_usize, 0..4_usize, 0..120_u64).prop_map(|(account, unit, to)| Limit(account, unit, to)),
        1 => (key.clone(), 0..2_usize).prop_map(|(k, tenant)| Move(k, tenant)),
        1 => key.clone().prop_map(Delete),
        2 => key.prop_map(Create),
        3 => at.prop_map(|(w, k)| Notice(w, k)),
    ]
}

impl World {
    fn step(&mut self, step: &Step) {
        match *step {
            Step::Request(worker, key, tokens) => drop(self.request(worker, key, tokens)),
            Step::Send(worker, key) => drop(self.send(worker, key)),
            Step::Book(worker, key, twice) => drop(self.book_next(worker, key, twice)),
            Step::Hear(worker, key) => drop(self.hear(worker, key)),
            Step::Call(worker, key) => drop(self.call(worker, key)),
            Step::Fail(worker, key, booked) => self.fail_next(worker, key, booked),
            Step::Deliver(worker, flight, tokens) => self.deliver(worker, flight, tokens),
            Step::End(worker, flight) => self.end(worker, flight),
            Step::GiveUp(worker, key) => drop(self.desk(worker, key).queue.pop_front()),
            Step::Disconnect(worker, booked) => self.disconnect(worker, booked),
            Step::Crash(worker, booked) => self.crash(worker, booked),
            Step::CrashLedger(booked) => (0..self.workers.len()).for_each(|worker| self.disconnect(worker, booked)),
            Step::Pass(ms) => self.now_ms += ms,
            Step::Clock(ms) => self.stepped_ms += ms,
            Step::Expire => self.expire_due(),
            Step::Recall(account) => self.recall(&account_name(account)),
            Step::Recalled(worker, key) => self.recalled(worker, key),
            Step::Limit(account, unit, to) => self.limit(&account_name(account), Unit::ALL[unit], to),
            Step::Move(key, tenant) => self.keys[key].tenant = tenant,
            Step::Delete(key) => self.keys[key].gone = true,
            Step::Create(key) => self.keys[key].gone = false,
            Step::Notice(worker, key) => self.notice(worker, key),
        }
        check::always(self);
    }
}

fn account_name(number: usize) -> String {
    match number {
        0 | 1 => format!("key:{}", KEYS[number]),
        _ => format!("tenant:{}", TENANTS[number - 2]),
    }
}

fn limits() -> impl Strategy<Value = Limits> {
    let limit = |most: u64| proptest::option::of(1..most);
    (limit(150), limit(400), limit(20), limit(120)).prop_map(|(tokens, pico_usd, rpm, tpm)| Limits {
        tokens,
        pico_usd,
        requests_per_minute: rpm,
        tokens_per_minute: tpm,
    })
}

fn setup(strict: bool) -> impl Strategy<Value = Setup> {
    (limits(), limits(), any::<bool>(), 1..9_u64).prop_map(move |(keys, tenants, uneven, share)| Setup {
        workers: 3,
        keys,
        tenants,
        strict,
        uneven,
        share,
    })
}

fn run(setup: Setup, steps: &[Step]) -> Result<(), TestCaseError> {
    let mut world = World::new(setup);
    for step in steps {
        world.step(step);
        prop_assert_eq!(&world.broken, &None, "after {:?}: {:#?}", step, world);
    }
    world.quiesce();
    prop_assert_eq!(&world.broken, &None, "at the end: {:#?}", world);
    if world.setup.strict {
        world.everything_left_is_of_use();
        prop_assert_eq!(&world.broken, &None, "with what was left: {:#?}", world);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_limit_is_ever_passed(setup in setup(true), steps in prop::collection::vec(step(), 1..250)) {
        run(setup, &steps)?;
    }

    #[test]
    fn what_was_used_beyond_reservations_is_in_the_books(
        setup in setup(false),
        steps in prop::collection::vec(step(), 1..250),
    ) {
        run(setup, &steps)?;
    }
}

//! Requests that wait for their key's lease.

use super::*;

#[test]
fn requests_go_on_in_the_order_in_which_they_came_after_one_look_up() {
    let mut desk = Desk::new(1_000_000);
    assert_eq!((0..50).filter_map(|request| desk.request(request, 10)).count(), 0);
    assert!(desk.purses.is_urgent());
    let message = desk.message().unwrap();
    assert_eq!(message.claims.len(), 1);
    assert!(desk.message().is_none(), "a look-up that is under way is not repeated");
    let answers = desk.answer(message);
    assert_eq!(told(&answers), (0..50).map(|request| (request, Told::Granted)).collect::<Vec<_>>());
    assert_eq!(desk.purses.take_counters(), Counters { admitted: 50, calls: 1, waited: 50 });
}

#[test]
fn nobody_overtakes_those_who_wait() {
    let mut desk = Desk::new(1_000_000);
    desk.request(0, 10);
    let reservation = granted(desk.talk()).remove(0);
    desk.settle(&reservation, 10);
    // There is enough for the small one, but the large one was first.
    assert_eq!(desk.request(1, 100_000), None);
    assert_eq!(desk.request(2, 1), None);
    assert_eq!(told(&desk.talk()), [(1, Told::Granted), (2, Told::Granted)]);
    assert!(desk.request(3, 1).is_some());
}

#[test]
fn a_key_in_use_is_admitted_without_a_call() {
    let mut desk = Desk::new(1_000_000);
    desk.request(0, 10);
    desk.talk();
    let claims = desk.ledger.claims;
    assert!(desk.request(1, 10).is_some());
    assert!(!desk.purses.is_urgent());
    assert_eq!(desk.ledger.claims, claims);
}

#[test]
fn exact_requests_ask_for_themselves() {
    let mut desk = Desk::new(1_000_000);
    for request in 0..5 {
        assert!(desk.purses.admit(&key("a"), &tokens(10), true, desk.now_ms).is_none());
        assert!(desk.purses.wait(&key("a"), true, request, tokens(10), desk.now_ms));
        let reservation = granted(desk.talk()).remove(0);
        assert_eq!(desk.books().1, 10);
        desk.settle(&reservation, 10);
        desk.now_ms += 400;
        desk.talk();
    }
    assert!(desk.ledger.claims >= 5, "{} claims", desk.ledger.claims);
}

#[test]
fn a_refusal_is_for_those_who_need_as_much_and_the_others_ask_for_themselves() {
    let mut desk = Desk::new(100);
    for (request, need) in [(0, 200), (1, 300), (2, 200), (3, 50), (4, 60), (5, 70)] {
        desk.request(request, need);
    }
    let message = desk.message().unwrap();
    let answers = desk.answer(message);
    assert_eq!(told(&answers), [(0, Told::Refused), (1, Told::Refused), (2, Told::Refused)]);
    let Answer::Refused(refusal) = &answers[0].1 else { panic!("{answers:?}") };
    assert_eq!((refusal.unit, refusal.limit, refusal.needed), (Unit::Tokens, 100, 200));
    // 50 fits, then 60 does not, and 70 shares its fate.
    let answers = desk.talk();
    assert_eq!(told(&answers), [(3, Told::Granted), (4, Told::Refused), (5, Told::Refused)]);
    assert_eq!(desk.books(), (0, 50));
}

#[test]
fn a_refusal_holds_a_moment_for_requests_that_need_as_much() {
    let mut desk = Desk::new(100);
    desk.request(0, 200);
    assert_eq!(told(&desk.talk()), [(0, Told::Refused)]);
    let refused = |desk: &Desk, need| desk.purses.refusal(&key("a"), &tokens(need), desk.now_ms).is_some();
    assert_eq!([199, 200, 300].map(|need| refused(&desk, need)), [false, true, true]);
    // Nobody is refused before those who wait.
    desk.request(1, 50);
    assert!(!refused(&desk, 200));
    assert_eq!(told(&desk.talk()), [(1, Told::Granted)]);
    desk.request(2, 90);
    assert_eq!(told(&desk.talk()), [(2, Told::Refused)]);
    assert!(refused(&desk, 90));
    let (before, later) = (desk.now_ms, desk.now_ms + 100);
    desk.now_ms = later;
    assert!(!refused(&desk, 90));
    desk.now_ms = before;
    desk.purses.refresh(&KnownKey { terms: 2, ..key("a") });
    assert!(!refused(&desk, 90), "its limits may be others now");
}

#[test]
fn what_one_gives_back_is_there_for_the_next() {
    let mut desk = Desk::new(100);
    desk.request(0, 100);
    let reservation = granted(desk.talk()).remove(0);
    desk.request(1, 60);
    assert_eq!(told(&desk.talk()), [(1, Told::Refused)]);
    desk.settle(&reservation, 40);
    assert!(desk.request(2, 60).is_some());
}

#[test]
fn a_request_that_waits_too_long_is_told_so() {
    let mut desk = Desk::new(100);
    desk.request(0, 10);
    desk.now_ms += 1;
    desk.request(1, 10);
    // Nobody answers.
    assert!(desk.message().is_some());
    desk.now_ms = START + WAIT_MS - 1;
    assert_eq!(told(&desk.tick()), []);
    desk.now_ms += 1;
    assert_eq!(told(&desk.tick()), [(0, Told::Unavailable)]);
    desk.now_ms += 1;
    assert_eq!(told(&desk.tick()), [(1, Told::Unavailable)]);
    assert_eq!(told(&desk.tick()), []);
}

#[test]
fn a_grant_that_comes_too_late_is_there_for_the_next_request() {
    let mut desk = Desk::new(100);
    desk.request(0, 10);
    let message = desk.message().unwrap();
    desk.now_ms += WAIT_MS;
    assert_eq!(told(&desk.tick()), [(0, Told::Unavailable)]);
    assert_eq!(told(&desk.answer(message)), []);
    assert!(desk.request(1, 10).is_some());
}

#[test]
fn no_more_wait_than_may() {
    let mut desk = Desk::new(1);
    for request in 0..WAITERS_MAX {
        let key = key(&format!("k{}", request % 3));
        assert!(desk.purses.wait(&key, false, request as u32, tokens(1), START));
    }
    assert!(!desk.purses.wait(&key("a"), false, 0, tokens(1), START));
    desk.now_ms += WAIT_MS;
    assert_eq!(desk.tick().len(), WAITERS_MAX);
    assert!(desk.purses.wait(&key("a"), false, 0, tokens(1), START));
}

#[test]
fn a_ledger_that_cannot_book_is_asked_once_for_all_who_wait() {
    let mut desk = Desk::new(100);
    desk.ledger.away = true;
    (0..20).for_each(|request| assert!(desk.request(request, 10).is_none()));
    let message = desk.message().unwrap();
    assert_eq!(message.claims.len(), 1);
    let answers = desk.answer(message);
    assert_eq!(told(&answers), (0..20).map(|request| (request, Told::Unavailable)).collect::<Vec<_>>());
    desk.ledger.away = false;
    desk.request(20, 10);
    assert_eq!(told(&desk.talk()), [(20, Told::Granted)]);
}

#[test]
fn reports_pause_while_the_ledger_cannot_book_and_longer_each_time() {
    let mut desk = Desk::new(1_000);
    desk.request(0, 10);
    let reservation = granted(desk.talk()).remove(0);
    desk.settle(&reservation, 10);
    desk.ledger.away = true;
    let mut tries = Vec::new();
    for _ in 0..200 {
        desk.now_ms += 50;
        desk.tick();
        if let Some(message) = desk.message() {
            tries.push(desk.now_ms);
            desk.answer(message);
        }
    }
    let pauses: Vec<_> = tries.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(pauses.windows(2).all(|pair| pair[0] <= pair[1]), "{pauses:?}");
    assert_eq!((pauses.first(), pauses.last()), (Some(&100), Some(&2_000)));
    desk.ledger.away = false;
    desk.now_ms += 2_000;
    desk.talk();
    assert_eq!(desk.books().0, 10);
}

#[test]
fn a_key_that_moved_gets_another_lease_at_once() {
    let mut desk = Desk::new(1_000);
    desk.request(0, 10);
    let reservation = granted(desk.talk()).remove(0);
    desk.ledger.move_key("a", "key:b", limit(1_000));
    desk.request(1, 900);
    assert_eq!(told(&desk.talk()), [(1, Told::Granted)]);
    desk.settle(&reservation, 7);
    desk.now_ms += 400;
    desk.talk();
    assert_eq!(desk.books(), (7, 0));
    assert_eq!(desk.ledger.account("b").held.tokens, 900);
}

#[test]
fn a_key_that_moves_again_and_again_while_requests_are_under_way_is_not_given_up() {
    let mut desk = Desk::new(1_000);
    for request in 0..2 * u32::from(CLOSED_MAX) {
        desk.request(request, 900);
        assert_eq!(told(&desk.talk()), [(request, Told::Granted)]);
        desk.ledger.move_key("a", &format!("key:{request}"), limit(1_000));
    }
}

#[test]
fn a_key_that_is_gone_is_not_asked_for_for_ever() {
    let mut desk = Desk::new(1_000);
    desk.ledger.remove("a");
    for request in 0..3 {
        desk.request(request, 10);
        let before = desk.ledger.claims;
        assert_eq!(told(&desk.talk()), [(request, Told::Unavailable)]);
        let claims = desk.ledger.claims - before;
        assert!(claims <= 2 * usize::from(CLOSED_MAX), "{claims} claims");
    }
    desk.ledger.limit("a", limit(1_000));
    desk.request(3, 10);
    assert_eq!(told(&desk.talk()), [(3, Told::Granted)]);
}

#[test]
fn a_key_whose_limits_are_gone_does_not_wait_any_more() {
    let mut desk = Desk::new(10);
    assert!(desk.request(0, 100).is_none());
    assert_eq!(told(&desk.talk()), [(0, Told::Refused)]);
    let free = KnownKey { limited: [false; 4], terms: 2, ..key("a") };
    desk.ledger.limit("a", Limits::default());
    desk.purses.refresh(&free);
    assert!(desk.request_of(&free, 1, 100).is_some());
}

#[test]
fn of_many_purses_a_message_looks_at_those_that_something_happened_to() {
    let mut desk = Desk::new(1_000);
    let count = 3_000_u32;
    for request in 0..count {
        let id = format!("k{request}");
        desk.ledger.limit(&id, limit(1_000));
        desk.request_of(&key(&id), request, 10);
    }
    assert_eq!(granted(desk.talk()).len(), count as usize);
    // All have asked ahead or have nothing to ask for; one is used.
    assert!(desk.message().is_none());
    desk.request_of(&key("k7"), count, 900);
    let message = desk.message().unwrap();
    assert_eq!(message.claims.iter().map(|claim| claim.key_id.as_str()).collect::<Vec<_>>(), ["k7"]);
    desk.answer(message);
    // Nobody uses them any more: within four ticks each has had its turn, and hands back.
    desk.now_ms += 10_000;
    for _ in 0..4 {
        desk.tick();
    }
    desk.talk();
    let held: u64 = (0..count).map(|n| desk.ledger.account(&format!("k{n}")).held.tokens).sum();
    assert_eq!(held, u64::from(count) * 10 + 900, "what requests under way have reserved, and nothing ahead");
}

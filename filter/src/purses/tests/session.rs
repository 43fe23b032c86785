//! What is said in a session, and what becomes of it when it breaks off.

use super::*;

/// A key that is in use, with nothing left to say.
fn quiet(tokens: u64) -> (Desk, Reservation) {
    let mut desk = Desk::new(tokens);
    desk.request(0, 10);
    let reservation = granted(desk.talk()).remove(0);
    (desk, reservation)
}

#[test]
fn a_worker_introduces_itself_once_in_each_session() {
    let mut desk = Desk::new(1_000);
    desk.request(0, 10);
    let first = desk.message().unwrap();
    assert_eq!((first.node.as_str(), first.worker.as_str(), first.sequence), ("node", "w", 1));
    desk.answer(first);
    desk.request_of(&key("b"), 1, 10);
    let second = desk.message().unwrap();
    assert_eq!((second.node.as_str(), second.worker.as_str(), second.sequence), ("", "", 2));
    desk.purses.opened();
    assert_eq!(desk.message().unwrap().worker, "w");
}

#[test]
fn nothing_is_said_without_a_session_and_waiting_requests_are_heard_in_the_next() {
    let mut desk = Desk::new(1_000);
    desk.purses.closed();
    desk.request(0, 10);
    assert!(desk.message().is_none());
    desk.purses.opened();
    assert!(desk.purses.is_urgent());
    assert_eq!(told(&desk.talk()), [(0, Told::Granted)]);
}

#[test]
fn what_had_no_answer_is_said_again_in_the_next_session_and_booked_once() {
    // So much that no grant is cut to its share of what is left, which a repeated claim may take once more.
    let (mut desk, reservation) = quiet(1_000_000);
    desk.settle(&reservation, 10);
    desk.request(1, 200);
    let lost = desk.message().unwrap();
    // The ledger booked it, and its answer did not arrive.
    desk.ledger.answer(lost, desk.now_ms);
    let booked = desk.books();
    desk.purses.closed();
    desk.purses.opened();
    let again = desk.message().unwrap();
    assert_eq!(told(&desk.answer(again)), [(1, Told::Granted)]);
    assert_eq!(desk.books(), booked);
    assert_eq!(booked.0, 10);
}

#[test]
fn an_answer_of_a_former_session_says_nothing() {
    let (mut desk, _reservation) = quiet(1_000);
    desk.request(1, 200);
    let message = desk.message().unwrap();
    let late = desk.ledger.answer(message, desk.now_ms);
    desk.purses.opened();
    assert_eq!(told(&desk.purses.heard(late, desk.now_ms)), []);
    assert_eq!(told(&desk.talk()), [(1, Told::Granted)]);
}

#[test]
fn a_new_session_hears_of_every_lease() {
    let (mut desk, _reservation) = quiet(1_000);
    assert!(desk.message().is_none());
    desk.purses.opened();
    let message = desk.message().unwrap();
    let leases: Vec<_> = message.claims.iter().map(|claim| claim.lease.as_str()).collect();
    assert_eq!(leases, ["w/1/1"]);
    desk.answer(message);
    assert!(desk.message().is_none());
}

#[test]
fn a_message_without_an_answer_for_a_key_has_it_said_again() {
    let mut desk = Desk::new(1_000);
    desk.request(0, 10);
    let message = desk.message().unwrap();
    let empty = LedgerMessage { sequence: message.sequence, ..LedgerMessage::default() };
    assert_eq!(told(&desk.purses.heard(empty, desk.now_ms)), []);
    assert!(desk.purses.is_urgent());
    assert_eq!(told(&desk.talk()), [(0, Told::Granted)]);
}

#[test]
fn messages_without_an_answer_are_bounded() {
    let mut desk = Desk::new(1_000);
    for request in 0..MESSAGES_MAX as u32 {
        desk.request_of(&key(&format!("k{request}")), request, 10);
        assert!(desk.message().is_some());
    }
    desk.request(1_000, 10);
    assert!(desk.message().is_none());
    assert!(desk.purses.is_urgent(), "it is said as soon as an answer has made room");
}

#[test]
fn many_keys_are_put_together_into_few_messages() {
    let mut desk = Desk::new(1_000);
    for request in 0..CLAIMS_MAX as u32 + 100 {
        let id = format!("k{request}");
        desk.ledger.limit(&id, limit(1_000));
        desk.request_of(&key(&id), request, 10);
    }
    let mut messages = Vec::new();
    while desk.purses.is_urgent() {
        messages.push(desk.message().unwrap());
    }
    assert!(desk.message().is_none());
    assert_eq!(messages.iter().map(|message| message.claims.len()).collect::<Vec<_>>(), [CLAIMS_MAX, 100]);
    // Answers may come in any order.
    let answers: Vec<_> = messages.into_iter().rev().flat_map(|message| desk.answer(message)).collect();
    assert_eq!(granted(answers).len(), CLAIMS_MAX + 100);
}

#[test]
fn a_recall_is_followed_at_once_and_its_number_said() {
    let (mut desk, _reservation) = quiet(1_000);
    let held = desk.books().1;
    assert!(held > 10);
    let recall = LedgerMessage { recalls: vec!["a".into()], recall: 7, ..LedgerMessage::default() };
    desk.purses.heard(recall, desk.now_ms);
    assert!(desk.purses.is_urgent());
    let message = desk.message().unwrap();
    assert_eq!((message.recalled, message.claims.len()), (7, 1));
    desk.answer(message);
    assert_eq!(desk.books().1, 10, "what the request under way has reserved stays");
    assert!(desk.message().is_none());
}

#[test]
fn a_recall_with_nothing_to_hand_back_is_answered_all_the_same() {
    let (mut desk, _reservation) = quiet(1_000);
    for (number, keys) in [(1, vec![]), (2, vec!["nobody".to_owned()])] {
        desk.purses.heard(LedgerMessage { recalls: keys, recall: number, ..LedgerMessage::default() }, desk.now_ms);
        let message = desk.message().unwrap();
        assert_eq!((message.recalled, message.claims.len()), (number, 0));
        desk.answer(message);
    }
    assert!(desk.message().is_none());
}

#[test]
fn a_recall_is_not_said_to_be_done_before_all_its_keys_have_followed() {
    let (mut desk, reservation) = quiet(1_000);
    // A report is on its way, so the hand-back must wait for the next message.
    desk.settle(&reservation, 10);
    desk.now_ms += 400;
    let report = desk.message().unwrap();
    desk.purses.heard(LedgerMessage { recalls: vec!["a".into()], recall: 3, ..LedgerMessage::default() }, desk.now_ms);
    assert!(desk.message().is_none_or(|message| message.recalled == 0));
    desk.answer(report);
    let message = desk.message().unwrap();
    assert_eq!(message.recalled, 3);
    desk.answer(message);
    assert_eq!(desk.books(), (10, 0));
}

#[test]
fn recalls_beyond_the_bound_are_followed_together() {
    let (mut desk, reservation) = quiet(1_000);
    desk.settle(&reservation, 10);
    desk.now_ms += 400;
    let report = desk.message().unwrap();
    let latest = 3 * RECALLS_MAX as u64;
    for recall in 1..=latest {
        // Most are of a key that has nothing here.
        let key = if recall == latest - 1 { "a" } else { "nobody" };
        let recalls = vec![key.to_owned()];
        desk.purses.heard(LedgerMessage { recalls, recall, ..LedgerMessage::default() }, desk.now_ms);
        assert!(desk.purses.session.recalls.len() <= RECALLS_MAX);
    }
    assert!(desk.message().is_some_and(|message| message.recalled < latest - 1), "`a` has not followed");
    desk.answer(report);
    assert_eq!(desk.message().unwrap().recalled, latest);
}

#[test]
fn a_purse_that_nobody_uses_hands_back_and_vanishes() {
    let (mut desk, reservation) = quiet(1_000);
    desk.settle(&reservation, 10);
    for _ in 0..20 {
        desk.now_ms += 500;
        desk.tick();
        desk.talk();
    }
    desk.tick();
    assert_eq!(desk.purses.len(), 0);
    assert_eq!((desk.books(), desk.ledger.leases()), ((10, 0), 0));
    // And comes back under a name of its own.
    desk.request(1, 10);
    assert_eq!(desk.message().unwrap().claims[0].lease, "w/2/1");
}

#[test]
fn a_purse_with_a_request_under_way_stays() {
    let (mut desk, reservation) = quiet(1_000);
    for _ in 0..100 {
        desk.now_ms += 1_000;
        desk.tick();
        desk.talk();
    }
    assert_eq!(desk.purses.len(), 1);
    assert_eq!(desk.books(), (0, 10));
    desk.settle(&reservation, 9);
    desk.now_ms += 400;
    desk.talk();
    assert_eq!(desk.books().0, 9);
    // Its end was use as well: what it holds ahead goes back when no other request has followed for a while.
    for _ in 0..10 {
        desk.now_ms += 1_000;
        desk.tick();
        desk.talk();
    }
    desk.tick();
    assert_eq!((desk.books(), desk.purses.len()), ((9, 0), 0));
}

#[test]
fn answers_that_nobody_asked_for_are_harmless() {
    let (mut desk, _reservation) = quiet(1_000);
    let reply = |lease: &str| ditto_proto::ledger::Reply { lease: lease.into(), ..Default::default() };
    let books = desk.books();
    for lease in ["", "/", "w", "w/x/1", "w/9/1", "w/1/9", "w/1/x", "w/1"] {
        let message = LedgerMessage { sequence: 99, replies: vec![reply(lease)], ..LedgerMessage::default() };
        assert_eq!(told(&desk.purses.heard(message, desk.now_ms)), []);
        desk.request_of(&key("b"), 1, 10);
        let asked = desk.message();
        let sequence = asked.as_ref().map_or(0, |message| message.sequence);
        let message = LedgerMessage { sequence, replies: vec![reply(lease)], ..LedgerMessage::default() };
        desk.purses.heard(message, desk.now_ms);
    }
    assert_eq!(desk.books(), books);
}

/// While the store is away, a gateway may grant what its allowance covers. Nobody can book a former lease's last word
/// then, and that must not take the grant away from those who wait.
#[test]
fn what_is_granted_counts_although_a_former_lease_could_not_be_closed() {
    let away = |message: &WorkerMessage, claims: usize| -> Vec<_> {
        let claims = message.claims.iter().take(claims);
        claims.map(|claim| ditto_ledger::wire::unavailable(claim.lease.clone(), "away")).collect()
    };
    let (mut desk, reservation) = quiet(1_000);
    desk.settle(&reservation, 9);
    let mut last_word = None;
    while last_word.is_none() {
        desk.now_ms += 1_000;
        desk.tick();
        while let Some(message) = desk.message() {
            if message.claims.iter().any(|claim| claim.last) {
                last_word = Some(message);
                break;
            }
            desk.answer(message);
        }
    }
    let last_word = last_word.unwrap();
    let (replies, sequence) = (away(&last_word, 1), last_word.sequence);
    desk.purses.heard(LedgerMessage { sequence, replies, ..LedgerMessage::default() }, desk.now_ms);

    assert_eq!(desk.request(7, 20), None, "the lease is closed, heard or not");
    let mut message = desk.message().unwrap();
    assert_eq!(message.claims.len(), 2, "the last word again, and the new lease");
    let former = away(&message, 1);
    message.claims.remove(0);
    let mut reply = desk.ledger.answer(message, desk.now_ms);
    reply.replies.splice(0..0, former);
    assert_eq!(told(&desk.purses.heard(reply, desk.now_ms)), [(7, Told::Granted)]);
}

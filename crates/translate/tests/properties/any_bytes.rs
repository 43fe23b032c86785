//! No bytes are too strange.

use ditto_translate::client::Client;
use ditto_translate::plan::Dialect;
use ditto_translate::prepare::{Prepared, prepare};
use proptest::prelude::*;

use crate::support::replies::{DIALECTS, answer, plan};
use crate::support::requests::{BACKENDS, aim, call};
use crate::support::{frames, goldens};

/// Sends these bytes to every backend. What is sent is JSON.
fn send_all(client: Client, body: &[u8]) {
    for backend in BACKENDS {
        for lossy in [false, true] {
            if let Ok(Prepared::Send(sending)) = prepare(&call(client, false, body), &aim(backend, lossy)) {
                let read = serde_json::from_slice::<serde_json::Value>(&sending.outgoing.body);
                assert!(read.is_ok(), "{client:?} to {}: {:?}", backend.name, sending.outgoing);
            }
        }
    }
}

/// Translates these bytes for every client, whole and as a stream. What is whole is JSON.
fn answer_all(body: &[u8]) {
    for (_, dialect) in DIALECTS {
        for client in Client::ALL {
            for status in [200, 429] {
                let whole = answer(plan(client, *dialect, false), status, false, [body]);
                assert!(serde_json::from_str::<serde_json::Value>(&whole.body).is_ok(), "{client:?}: {}", whole.body);
            }
            let framed = frames::of_lines(body);
            let streams = if *dialect == Dialect::Converse { vec![body, &framed] } else { vec![body] };
            for stream in streams {
                assert!(answer(plan(client, *dialect, true), 200, true, [stream]).is_stream);
            }
        }
    }
}

/// One of these texts with some of its bytes changed, repeated or left out.
fn mutated(texts: Vec<String>) -> impl Strategy<Value = Vec<u8>> {
    let edit = (any::<prop::sample::Index>(), 0..4_u8, any::<u8>(), 1..40_usize);
    (prop::sample::select(texts), prop::collection::vec(edit, 1..4)).prop_map(|(text, edits)| {
        let mut bytes = text.into_bytes();
        for (at, kind, byte, length) in edits {
            let at = at.index(bytes.len().max(1));
            let end = (at + length).min(bytes.len());
            match kind {
                0 => bytes.splice(at..at, [byte]).for_each(drop),
                1 => bytes.drain(at..end).for_each(drop),
                2 => {
                    let again = bytes[at..end].to_vec();
                    bytes.splice(at..at, again).for_each(drop);
                }
                _ => bytes[at..end].fill(br#""{}[]:,0\n"#[usize::from(byte) % 10]),
            }
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn requests_of_any_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        Client::ALL.into_iter().for_each(|client| send_all(client, &bytes));
    }

    #[test]
    fn damaged_requests_do_no_harm(
        bytes in mutated(goldens::requests().into_iter().map(|request| request.body).collect()),
    ) {
        Client::ALL.into_iter().for_each(|client| send_all(client, &bytes));
    }

    #[test]
    fn replies_of_any_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        answer_all(&bytes);
    }

    #[test]
    fn damaged_replies_do_no_harm(
        bytes in mutated(goldens::replies().into_iter().map(|reply| reply.text).collect()),
    ) {
        answer_all(&bytes);
    }
}

//! How a reply is cut changes nothing.

use ditto_translate::client::Client;

use crate::support::goldens;
use crate::support::replies::{answer, plan};

/// How many cuts of one reply are tried.
const CUTS: usize = 48;

#[test]
fn a_reply_cut_anywhere_or_byte_by_byte_is_the_same() {
    for reply in goldens::replies() {
        let body = &reply.body()[..];
        for client in Client::ALL {
            let run = |pieces: &[&[u8]]| {
                let plan = plan(client, reply.dialect, reply.is_stream);
                answer(plan, reply.status, reply.is_stream, pieces.iter().copied())
            };
            let whole = run(&[body]);
            let bytes: Vec<&[u8]> = body.chunks(1).collect();
            assert_eq!(run(&bytes), whole, "{} for {client:?}, byte by byte", reply.name);
            // An odd step, so that cuts fall on all kinds of places.
            for at in (1..body.len()).step_by((body.len() / CUTS) | 1) {
                let (first, second) = body.split_at(at);
                assert_eq!(run(&[first, second]), whole, "{} for {client:?}, cut at {at}", reply.name);
            }
        }
    }
}

//! What a backend gets in its own words can be said back.

use ditto_translate::client::Client;

use crate::support::json::patched;
use crate::support::requests::{BACKENDS, Backend, Outcome, Sent, fields, send};

/// The dialects that both clients and backends speak, with a backend of each.
const BOTH: &[(Client, &str)] = &[
    (Client::Chat, "OpenAI-compatible"),
    (Client::Responses, "Responses"),
    (Client::Messages, "Anthropic"),
    (Client::Gemini, "Gemini"),
];

fn backend(name: &str) -> &'static Backend {
    BACKENDS.iter().find(|backend| backend.name == name).unwrap()
}

fn sent(client: Client, to: &str, body: &str) -> Option<Sent> {
    match send(client, backend(to), false, true, body) {
        Outcome::Sent(sent) => Some(*sent),
        _ => None,
    }
}

fn body(sent: &Sent) -> &str {
    sent.text.split_once('\n').unwrap().1
}

/// Members that ask for what is so anyway where they come back.
const IMPLIED: &[&str] = &["thinking.between_tools", "thinking.disabled", "thinking.display"];

/// Of every member that is carried from one dialect to another, something comes back, or the way back tells what it
/// loses.
#[test]
fn what_is_carried_to_another_dialect_comes_back_or_is_told() {
    let mut wrong = Vec::new();
    let mut carried = 0;
    for (a, of_a) in BOTH {
        let (base, fields) = fields(*a);
        for (b, of_b) in BOTH.iter().filter(|(b, _)| b != a) {
            let plain = sent(*a, of_b, base).unwrap();
            let plain_back = sent(*b, of_a, body(&plain)).unwrap();
            for field in fields.iter().filter(|field| !IMPLIED.contains(&field.name)) {
                let Some(there) = sent(*a, of_b, &patched(base, field.sample)) else { continue };
                if body(&there) == body(&plain) || !there.lost.is_empty() {
                    continue;
                }
                carried += 1;
                match send(*b, backend(of_a), false, true, body(&there)) {
                    Outcome::Sent(back) if back.text == plain_back.text && back.lost == plain_back.lost => {
                        wrong.push(format!("{a:?} to {b:?}: {}: {}", field.name, body(&there)));
                    }
                    Outcome::Refused(why) => wrong.push(format!("{a:?} to {b:?}: {}: {why}", field.name)),
                    _ => {}
                }
            }
        }
    }
    assert!(carried > 300, "only {carried} members are carried");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

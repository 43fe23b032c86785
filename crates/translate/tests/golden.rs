//! Rich requests and replies, each translated to all others, and compared with files of what was seen to be right.
//!
//! To write the files anew, and see in their difference what a change does:
//! `DITTO_UPDATE=1 cargo test -p ditto-translate --test golden`.

mod support;

use std::fmt::Write;
use std::fs;

use ditto_llm::usage::Usage;
use ditto_translate::client::Client;
use serde_json::Value;

use support::goldens::{self, Reply, Request, folder_of, path};
use support::replies::{DIALECTS, answer, endpoint_of_client, meter, plan, said};
use support::requests::{BACKENDS, Outcome, send};

/// Compares with the file, or writes it.
fn compare(name: &str, text: &str, wrong: &mut Vec<String>) {
    let path = path(&format!("expected/{name}.txt"));
    if std::env::var_os("DITTO_UPDATE").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        return;
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    let differs = text.lines().zip(expected.lines()).find(|(now, then)| now != then);
    if expected != text {
        wrong.push(format!("{}: {differs:?}", path.display()));
    }
}

fn pretty(body: &str) -> String {
    let value: Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body}"));
    serde_json::to_string_pretty(&value).unwrap()
}

/// What a request becomes with every backend.
fn requested(request: &Request) -> String {
    let mut text = String::new();
    for backend in BACKENDS {
        let strict = send(request.client, backend, false, false, &request.body);
        let Outcome::Sent(sent) = send(request.client, backend, false, true, &request.body) else { continue };
        writeln!(text, "=== {}", backend.name).unwrap();
        if let Outcome::Refused(why) = strict {
            writeln!(text, "refused unless losses are allowed: {why}").unwrap();
        }
        for loss in &sent.lost {
            writeln!(text, "lost {}: {}", loss.field, loss.why).unwrap();
        }
        let (path, body) = sent.text.split_once('\n').unwrap();
        writeln!(text, "{path}\n{}\n", pretty(body)).unwrap();
    }
    text
}

/// What a reply becomes for every client.
fn replied(reply: &Reply) -> String {
    let mut text = String::new();
    for client in Client::ALL {
        let plan = plan(client, reply.dialect, reply.is_stream);
        let answer = answer(plan, reply.status, reply.is_stream, [&reply.body()[..]]);
        writeln!(text, "=== {}: {}", folder_of(client), answer.status).unwrap();
        // Line ends stay what they are wherever the file is checked out.
        let body = if answer.is_stream { answer.body.replace('\r', "␍") } else { pretty(&answer.body) };
        writeln!(text, "{body}\n").unwrap();
    }
    text
}

fn folder(reply: &Reply) -> &'static str {
    DIALECTS.iter().find(|(_, dialect)| *dialect == reply.dialect).unwrap().0
}

#[test]
fn requests_and_replies_become_what_they_became_before() {
    let mut wrong = Vec::new();
    for request in goldens::requests() {
        let name = format!("requests/{}-{}", folder_of(request.client), request.name);
        compare(&name, &requested(&request), &mut wrong);
    }
    for reply in goldens::replies() {
        compare(&format!("replies/{}-{}", folder(&reply), reply.name), &replied(&reply), &mut wrong);
    }
    assert!(wrong.is_empty(), "see the head of this file:\n{}", wrong.join("\n"));
}

/// The client, the books and the backend have the same numbers.
#[test]
fn usage_is_the_same_on_both_sides_and_in_between() {
    let mut wrong = Vec::new();
    for reply in goldens::replies() {
        let said = said(&reply);
        for client in Client::ALL {
            let plan = plan(client, reply.dialect, reply.is_stream);
            let answer = answer(plan, reply.status, reply.is_stream, [&reply.body()[..]]);
            let metered = answer.metered;
            let got = meter(endpoint_of_client(client), answer.is_stream, answer.body.as_bytes()).usage;
            let name = format!("{} {} for {client:?}", folder(&reply), reply.name);
            if metered.usage != said {
                wrong.push(format!("{name}: metered {:?}, said {said:?}", metered.usage));
            }
            // Gemini's replies have no place for what was put into a cache: it is part of their input.
            let told = said.map(|usage| match client {
                Client::Gemini => Usage { cache_creation: 0, ..usage },
                _ => usage,
            });
            // A reply that failed has no usage in most dialects.
            let failed = metered.error || !metered.finished;
            if !failed && got != told {
                wrong.push(format!("{name}: the client got {got:?}, said {told:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

//! Requests that end in all ways, and what is told of them.

use ditto_policy::filter_config::FilterConfig;

use super::*;
use crate::fake_host::play::play;
use crate::fake_host::world::{World, chat, config};
use crate::fake_host::{FakeHost, NOW_MS};

/// A request for a model is answered with this status after attempts at these backends. What its stages do is counted.
fn ask(world: &World, token: &str, model: &str, attempts: &[&str], status: u16) {
    let token = format!("Bearer {token}");
    let host = FakeHost::new(&chat(&[("authorization", &token)]));
    let body = [format!(r#"{{"model":"{model}","messages":[]}}"#)];
    let mut stage = world.gateway_stage();
    play(&mut stage, &host, &body);
    for backend in attempts {
        world.attempt(&host, backend, &body);
    }
    host.set_property(&["response", "code"], &i64::from(status).to_le_bytes());
    stage.on_end(&host);
    // Envoy says it once, but nothing depends on that.
    stage.on_end(&host);
}

/// Backend, and its requests, errors, fallbacks.
type Told = (String, [u64; 3]);

/// What the worker tells after this time, with the report's number.
fn told(world: &World, ms: u64) -> Option<(u64, Vec<Told>)> {
    let mut outcomes = world.worker.outcomes.borrow_mut();
    let report = outcomes.report("node", NOW_MS + ms)?;
    assert_eq!((report.node.as_str(), report.worker.len()), ("node", 32));
    let rows = report.outcomes.iter();
    let rows = rows.map(|row| (row.backend.clone(), [row.requests, row.errors, row.fallbacks])).collect();
    Some((report.sequence, rows))
}

fn rows(rows: &[(&str, [u64; 3])]) -> Vec<Told> {
    rows.iter().map(|(backend, counts)| ((*backend).to_owned(), *counts)).collect()
}

#[test]
fn requests_are_told_by_the_backend_of_their_final_attempt() {
    let world = World::keyed();
    ask(&world, "vk-on", "gpt", &[], 200);
    ask(&world, "vk-on", "gpt", &[], 503);
    ask(&world, "vk-on", "gpt", &[], 501);
    ask(&world, "vk-on", "gpt", &[], 429);
    ask(&world, "vk-on", "chain", &["mapped"], 200);
    ask(&world, "vk-on", "chain", &["mapped", "far"], 200);
    ask(&world, "vk-on", "chain", &["mapped", "far", "plain"], 500);
    ask(&world, "vk-on", "chain", &[], 503);
    let expected = [("plain", [5, 2, 1]), ("mapped", [2, 1, 0]), ("far", [1, 0, 1])];
    assert_eq!(told(&world, 0), Some((1, rows(&expected))));
}

#[test]
fn of_a_chain_that_is_prepared_once_envoy_says_who_served() {
    let world = World::keyed();
    ask(&world, "vk-on", "several", &[], 200);
    let host = FakeHost::new(&chat(&[]));
    let mut stage = world.gateway_stage();
    play(&mut stage, &host, &[r#"{"model":"several","messages":[]}"#]);
    host.set_property(&crate::backend_stage::BACKEND_PROPERTY, b"keyed");
    host.set_property(&["response", "code"], &200_i64.to_le_bytes());
    stage.on_end(&host);
    assert_eq!(told(&world, 0), Some((1, rows(&[("plain", [1, 0, 0]), ("keyed", [1, 0, 1])]))));
}

#[test]
fn what_the_gateway_answers_by_itself_is_told_apart() {
    let world = World::keyed();
    ask(&world, "vk-unknown", "gpt", &[], 401);
    let waiting = World { worker: Rc::new(crate::worker::Worker::new(1)), router: Rc::clone(&world.router) };
    ask(&waiting, "vk-on", "gpt", &[], 503);
    assert_eq!(told(&world, 0), Some((1, rows(&[("", [1, 0, 0])]))), "a refusal is no failure");
    assert_eq!(told(&waiting, 0), Some((1, rows(&[("", [1, 1, 0])]))), "not to be ready is one");
}

#[test]
fn a_report_is_repeated_as_it_is_until_it_is_heard() {
    let world = World::keyed();
    let answered = |heard, ms| world.worker.outcomes.borrow_mut().answered(heard, NOW_MS + ms);
    assert_eq!(told(&world, 0), None, "there is nothing to tell");
    ask(&world, "vk-on", "gpt", &[], 200);
    let first = Some((1, rows(&[("plain", [1, 0, 0])])));
    assert_eq!(told(&world, 0), first);
    ask(&world, "vk-on", "gpt", &[], 500);
    assert_eq!(told(&world, ANSWER_MS - 1), None, "it is under way");
    assert_eq!(told(&world, ANSWER_MS), first, "no answer came");
    answered(false, ANSWER_MS);
    assert_eq!(told(&world, ANSWER_MS + INTERVAL_MS - 1), None);
    assert_eq!(told(&world, ANSWER_MS + INTERVAL_MS), first, "it could not be delivered");
    answered(true, ANSWER_MS + INTERVAL_MS);
    assert_eq!(told(&world, ANSWER_MS + INTERVAL_MS + 1), None, "not more often than this");
    assert_eq!(told(&world, ANSWER_MS + 2 * INTERVAL_MS), Some((2, rows(&[("plain", [1, 1, 0])]))));
    answered(true, ANSWER_MS + 2 * INTERVAL_MS);
    assert_eq!(told(&world, 10 * ANSWER_MS), None, "all is told");
}

#[test]
fn configurations_are_told_apart_and_bounded() {
    let world = World::keyed();
    for number in 0..CONFIGURATIONS_MAX + 2 {
        let config = FilterConfig { version: format!("v{number}"), ..config(false) };
        let world = World { worker: Rc::clone(&world.worker), router: Rc::new(Router::compile(config).unwrap()) };
        ask(&world, "vk-on", "gpt", &[], 200);
        ask(&world, "vk-on", "gpt", &[], 200);
    }
    let mut outcomes = world.worker.outcomes.borrow_mut();
    let report = outcomes.report("node", NOW_MS).unwrap();
    let versions: Vec<_> = report.outcomes.iter().map(|row| (row.version.as_str(), row.requests)).collect();
    assert_eq!(versions.first(), Some(&("v2", 2)));
    assert_eq!((versions.last(), versions.len()), (Some(&("v9", 2)), CONFIGURATIONS_MAX));
}

//! How fast each translator is, in bytes of the golden files: `cargo bench -p ditto-translate`.
//!
//! Native figures, to compare translators and changes with each other; in Envoy the same code runs as WebAssembly.

#![allow(missing_docs, reason = "a program of benchmarks has no documentation")]

use std::fs;
use std::path::{Path, PathBuf};

use ditto_llm::endpoint::Endpoint;
use ditto_translate::client::Client;
use ditto_translate::plan::{Dialect, Provider};
use ditto_translate::prepare::{Aim, Call, prepare};
use ditto_translate::target::ReplyContext;
use ditto_translate::translator::{ReplyForm, ReplyPlan, Translator};
use divan::Bencher;
use divan::counter::BytesCount;

fn main() {
    divan::main();
}

const CLIENTS: [(&str, Client); 4] = [
    ("chat", Client::Chat),
    ("responses", Client::Responses),
    ("messages", Client::Messages),
    ("gemini", Client::Gemini),
];
const BACKENDS: [(&str, Dialect); 4] = [
    ("chat", Dialect::Chat),
    ("responses", Dialect::Responses),
    ("messages", Dialect::Messages),
    ("gemini", Dialect::Gemini),
];

/// Every pair of two dialects, as `client-backend`.
fn pairs() -> Vec<String> {
    let of = |client: &str| {
        let client = client.to_owned();
        BACKENDS.iter().filter(|(name, _)| *name != client).map(|(name, _)| format!("{client}-{name}")).collect()
    };
    CLIENTS.iter().flat_map(|(client, _)| -> Vec<String> { of(client) }).collect()
}

fn pair(name: &str) -> (Client, Dialect) {
    let (client, backend) = name.split_once('-').expect("a pair");
    let client = CLIENTS.iter().find(|(known, _)| *known == client).expect("a client").1;
    (client, BACKENDS.iter().find(|(known, _)| *known == backend).expect("a backend").1)
}

/// The golden files below this folder whose names end so.
fn goldens(folder: &str, ending: &str) -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens").join(folder);
    let mut files: Vec<PathBuf> =
        fs::read_dir(&root).expect("the goldens").filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|file| file.to_string_lossy().ends_with(ending));
    files.sort();
    files.iter().map(|file| fs::read(file).expect("a golden")).collect()
}

fn call(client: Client, body: &[u8]) -> Call<'_> {
    let (endpoint, path) = match client {
        Client::Responses => (Endpoint::Responses, "/v1/responses"),
        Client::Messages => (Endpoint::Messages, "/v1/messages"),
        Client::Gemini => (Endpoint::GenerateContent, "/v1beta/models/m:generateContent"),
        Client::Chat | Client::Completions => (Endpoint::ChatCompletions, "/v1/chat/completions"),
    };
    Call {
        endpoint,
        path,
        body,
        edits: &[],
        beta: None,
        model: "m",
        request_id: "bench",
        now_seconds: 1_790_000_000,
        input_estimate: 0,
    }
}

fn aim(dialect: Dialect) -> Aim<'static> {
    let (provider, model) = match dialect {
        Dialect::Responses => (Provider::Responses, "gpt-5.2"),
        Dialect::Messages => (Provider::Anthropic, "claude-sonnet-4-5"),
        Dialect::Gemini => (Provider::Gemini, "gemini-2.5-pro"),
        _ => (Provider::Chat, "qwen3-32b"),
    };
    Aim {
        provider,
        model,
        no_responses: true,
        strict: false,
        lossy: true,
        cap: None,
        counts: true,
        default_max_output: 4_096,
    }
}

#[divan::bench(args = pairs())]
fn requests(bencher: Bencher<'_, '_>, name: &str) {
    let (client, dialect) = pair(name);
    let bodies = goldens(&format!("requests/{}", name.split('-').next().unwrap_or_default()), ".json");
    let bytes: usize = bodies.iter().map(Vec::len).sum();
    let aim = aim(dialect);
    bencher
        .counter(BytesCount::new(bytes))
        .bench(|| bodies.iter().filter(|body| prepare(&call(client, divan::black_box(body)), &aim).is_ok()).count());
}

fn translated(client: Client, dialect: Dialect, body: &[u8], stream: bool) -> usize {
    let context = ReplyContext { stream, include_usage: true, ..ReplyContext::default() };
    let plan = ReplyPlan { form: ReplyForm::Generated(client, dialect), context, cap: None };
    let mut translator = Translator::new(plan);
    let content_type: &[u8] = if stream { b"text/event-stream" } else { b"application/json" };
    translator.begin(200, Some(content_type));
    let written = translator.feed(divan::black_box(body), true).len();
    if stream { written } else { translator.finish().body.len() }
}

fn replies(bencher: Bencher<'_, '_>, name: &str, ending: &str, stream: bool) {
    let (client, dialect) = pair(name);
    let folder = format!("replies/{}", name.split('-').next_back().unwrap_or_default());
    let bodies = goldens(&folder, ending);
    let bytes: usize = bodies.iter().map(Vec::len).sum();
    bencher
        .counter(BytesCount::new(bytes))
        .bench(|| bodies.iter().map(|body| translated(client, dialect, body, stream)).sum::<usize>());
}

#[divan::bench(args = pairs())]
fn whole_replies(bencher: Bencher<'_, '_>, name: &str) {
    replies(bencher, name, ".json", false);
}

#[divan::bench(args = pairs())]
fn streams(bencher: Bencher<'_, '_>, name: &str) {
    replies(bencher, name, ".sse", true);
}

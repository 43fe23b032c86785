//! Replies of every backend to every client.

use ditto_llm::endpoint::Endpoint;
use ditto_llm::meter::{MeterOptions, Metered, ResponseMeter};
use ditto_llm::usage::Usage;
use ditto_translate::client::Client;
use ditto_translate::plan::Dialect;
use ditto_translate::target::ReplyContext;
use ditto_translate::translator::{Mode, ReplyForm, ReplyPlan, Translator};
use serde_json::Value;

use super::goldens::Reply;

/// The dialects that backends generate in, under the names of their folders.
pub(crate) const DIALECTS: &[(&str, Dialect)] = &[
    ("chat", Dialect::Chat),
    ("responses", Dialect::Responses),
    ("messages", Dialect::Messages),
    ("gemini", Dialect::Gemini),
    ("converse", Dialect::Converse),
    ("cohere", Dialect::Cohere),
];

/// The content type of a reply.
pub(crate) fn content_type(dialect: Dialect, is_stream: bool) -> &'static [u8] {
    match (is_stream, dialect) {
        (false, _) => b"application/json",
        (true, Dialect::Converse) => b"application/vnd.amazon.eventstream",
        (true, _) => b"text/event-stream",
    }
}

/// What a client got.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) is_stream: bool,
    pub(crate) body: String,
    pub(crate) metered: Metered,
}

/// How a client of this kind wants to be answered.
pub(crate) fn plan(client: Client, dialect: Dialect, stream: bool) -> ReplyPlan {
    let context = ReplyContext {
        model: "m".to_owned(),
        request_id: "00000000-0000-4000-8000-000000000001".to_owned(),
        now_seconds: 1_790_000_000,
        stream,
        include_usage: stream,
        ..ReplyContext::default()
    };
    ReplyPlan { form: ReplyForm::Generated(client, dialect), context, cap: None }
}

/// Translates a reply that comes in these pieces.
pub(crate) fn answer<'p>(
    plan: ReplyPlan,
    status: u16,
    is_stream: bool,
    pieces: impl IntoIterator<Item = &'p [u8]>,
) -> Answer {
    let ReplyForm::Generated(_, dialect) = plan.form else { panic!("{:?} is not generated", plan.form) };
    let mut translator = Translator::new(plan);
    let mode = translator.begin(status, Some(content_type(dialect, is_stream)));
    let mut body = Vec::new();
    let mut pieces = pieces.into_iter().peekable();
    while let Some(piece) = pieces.next() {
        body.extend(translator.feed(piece, pieces.peek().is_none()));
    }
    let (mut status, mut is_stream) = (status, true);
    if mode == Mode::Whole {
        let whole = translator.finish();
        (status, is_stream) = (whole.status, whole.content_type != "application/json");
        body = whole.body;
    }
    let body = String::from_utf8(body).unwrap();
    Answer { status, is_stream, body, metered: translator.metered() }
}

/// What the gateway's meter reads in a reply that passes.
pub(crate) fn meter(endpoint: Endpoint, is_stream: bool, body: &[u8]) -> Metered {
    let mut meter = ResponseMeter::new(endpoint, MeterOptions::default());
    meter.set_content_type(Some(content_type(Dialect::Chat, is_stream)));
    meter.feed(body);
    meter.finish()
}

/// The endpoint whose replies a client reads.
pub(crate) fn endpoint_of_client(client: Client) -> Endpoint {
    match client {
        Client::Chat => Endpoint::ChatCompletions,
        Client::Completions => Endpoint::Completions,
        Client::Responses => Endpoint::Responses,
        Client::Messages => Endpoint::Messages,
        Client::Gemini => Endpoint::StreamGenerateContent,
    }
}

/// The endpoint whose replies a backend gives; `None`: the gateway's meter does not know the dialect.
pub(crate) fn endpoint_of_dialect(dialect: Dialect) -> Option<Endpoint> {
    match dialect {
        Dialect::Chat => Some(Endpoint::ChatCompletions),
        Dialect::Responses => Some(Endpoint::Responses),
        Dialect::Messages => Some(Endpoint::Messages),
        Dialect::Gemini => Some(Endpoint::StreamGenerateContent),
        Dialect::Converse | Dialect::Cohere => None,
    }
}

/// What a backend says was used.
pub(crate) fn said(reply: &Reply) -> Option<Usage> {
    if let Some(endpoint) = endpoint_of_dialect(reply.dialect) {
        return meter(endpoint, reply.is_stream, reply.text.as_bytes()).usage;
    }
    let objects = reply.text.lines().filter_map(|line| line.split_once('{')).map(|(_, rest)| format!("{{{rest}"));
    let objects: Vec<Value> = objects.map(|object| serde_json::from_str(&object).unwrap()).collect();
    let usage = objects.iter().find_map(|object| object.get("usage").or_else(|| object["delta"].get("usage")))?;
    let number = |value: &Value| value.as_f64().unwrap_or_default() as u64;
    Some(match reply.dialect {
        Dialect::Cohere => Usage {
            input: number(&usage["tokens"]["input_tokens"]),
            output: number(&usage["tokens"]["output_tokens"]),
            cached_input: number(&usage["cached_tokens"]),
            ..Usage::default()
        },
        _ => Usage {
            input: ["inputTokens", "cacheReadInputTokens", "cacheWriteInputTokens"]
                .map(|name| number(&usage[name]))
                .iter()
                .sum(),
            output: number(&usage["outputTokens"]),
            cached_input: number(&usage["cacheReadInputTokens"]),
            cache_creation: number(&usage["cacheWriteInputTokens"]),
            reasoning: 0,
        },
    })
}

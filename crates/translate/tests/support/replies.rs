//! Replies of every backend to every client.

use ditto_llm::endpoint::Endpoint;
use ditto_llm::meter::{MeterOptions, Metered, ResponseMeter};
use ditto_translate::client::Client;
use ditto_translate::plan::Dialect;
use ditto_translate::target::ReplyContext;
use ditto_translate::translator::{Mode, ReplyForm, ReplyPlan, Translator};

/// The dialects that backends generate in, under the names of their folders.
pub(crate) const DIALECTS: &[(&str, Dialect)] = &[
    ("chat", Dialect::Chat),
    ("responses", Dialect::Responses),
    ("messages", Dialect::Messages),
    ("gemini", Dialect::Gemini),
];

/// The content type of a reply.
pub(crate) fn content_type(is_stream: bool) -> &'static [u8] {
    if is_stream { b"text/event-stream" } else { b"application/json" }
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
    let mut translator = Translator::new(plan);
    let mode = translator.begin(status, Some(content_type(is_stream)));
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
    meter.set_content_type(Some(content_type(is_stream)));
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

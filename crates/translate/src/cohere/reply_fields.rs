//! Every member of a reply: <https://docs.cohere.com/reference/chat> (seen 2026-11).

use crate::client::Client;
use crate::fields::{Lost, ReplyField, kept, lost};

const NOT_ASKED: Lost = &[(None, "no other dialect's request can ask for it")];
const TEXT_ONLY: Lost = &[(Some(Client::Completions), "completions are text only")];
const NO_URL: Lost = &[
    (Some(Client::Completions), "completions are text only"),
    (None, "citations of other dialects are of the web, or of documents that they number themselves"),
];
const ONE_END: Lost = &[(None, "it has one word for every end that the model chose")];
const BILLED: Lost = &[(None, "the tokens that the model saw and wrote are told")];

/// A minimal reply.
pub const REPLY: &str = r##"{"id":"c1","message":{"role":"assistant","content":[{"type":"text","text":"Hi"}]},"finish_reason":"COMPLETE","usage":{"billed_units":{"input_tokens":100,"output_tokens":50},"tokens":{"input_tokens":100,"output_tokens":50}}}"##;

/// Members of a reply, with a sample of each.
#[rustfmt::skip]
pub const REPLY_FIELDS: &[ReplyField] = &[
    kept("id", r##"{"id":"c2"}"##),
    kept("message.content.text", r##"{"message":{"content":[{"type":"text","text":"Ho"}]}}"##),
    lost("message.content.thinking", r##"{"message":{"content":[{"type":"thinking","thinking":"Hm."},{"type":"text","text":"Hi"}]}}"##, TEXT_ONLY),
    kept("message.tool_plan", r##"{"message":{"tool_plan":"I will ask."}}"##),
    lost("message.tool_calls", r##"{"message":{"tool_calls":[{"id":"weather_a","type":"function","function":{"name":"weather","arguments":"{\"city\":\"Bonn\"}"}}]},"finish_reason":"TOOL_CALL"}"##, TEXT_ONLY),
    lost("message.tool_calls.id", r##"{"message":{"tool_calls":[{"id":"weather_b","type":"function","function":{"name":"weather","arguments":"{}"}}]},"finish_reason":"TOOL_CALL"}"##, TEXT_ONLY),
    lost("message.tool_calls.function.arguments", r##"{"message":{"tool_calls":[{"id":"weather_a","type":"function","function":{"name":"weather","arguments":"{\"a\":[1,\"ü\"]}"}}]},"finish_reason":"TOOL_CALL"}"##, TEXT_ONLY),
    lost("message.citations.text", r##"{"message":{"citations":[{"start":0,"end":2,"text":"Hi","sources":[]}]}}"##, NO_URL),
    lost("message.citations.start", r##"{"message":{"citations":[{"start":1,"end":2,"text":"i","sources":[]}]}}"##, NO_URL),
    lost("message.citations.sources", r##"{"message":{"citations":[{"start":0,"end":2,"text":"Hi","sources":[{"type":"document","id":"doc:0","document":{"id":"doc:0","title":"T"}}]}]}}"##, NO_URL),
    lost("message.citations.content_index", r##"{"message":{"citations":[{"start":0,"end":2,"text":"Hi","content_index":0}]}}"##, NO_URL),
    lost("message.citations.type", r##"{"message":{"citations":[{"start":0,"end":2,"text":"Hi","type":"TEXT_CONTENT"}]}}"##, NO_URL),
    kept("finish_reason.MAX_TOKENS", r##"{"finish_reason":"MAX_TOKENS"}"##),
    lost("finish_reason.STOP_SEQUENCE", r##"{"finish_reason":"STOP_SEQUENCE"}"##, ONE_END),
    kept("finish_reason.ERROR", r##"{"finish_reason":"ERROR"}"##),
    kept("finish_reason.TIMEOUT", r##"{"finish_reason":"TIMEOUT"}"##),
    kept("usage.tokens.input_tokens", r##"{"usage":{"tokens":{"input_tokens":101}}}"##),
    kept("usage.tokens.output_tokens", r##"{"usage":{"tokens":{"output_tokens":51}}}"##),
    lost("usage.billed_units.input_tokens", r##"{"usage":{"billed_units":{"input_tokens":7}}}"##, BILLED),
    lost("usage.billed_units.output_tokens", r##"{"usage":{"billed_units":{"output_tokens":7}}}"##, BILLED),
    lost("usage.billed_units.search_units", r##"{"usage":{"billed_units":{"search_units":1}}}"##, NOT_ASKED),
    lost("usage.billed_units.classifications", r##"{"usage":{"billed_units":{"classifications":1}}}"##, NOT_ASKED),
    kept("usage.cached_tokens", r##"{"usage":{"cached_tokens":7}}"##),
    lost("logprobs", r##"{"logprobs":[{"text":"Hi","token_ids":[7],"logprobs":[-0.5]}]}"##, &[(None, "requests that ask for probabilities are refused, so that none come")]),
];

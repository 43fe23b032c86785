//! Every member of a reply: <https://platform.openai.com/docs/api-reference/chat/object> (seen 2026-11).

use crate::client::Client;
use crate::fields::{Lost, ReplyField, kept, lost};

const OWN_AFFAIR: Lost = &[(None, "it is the backend's own affair")];
const TEXT_ONLY: Lost = &[(Some(Client::Completions), "completions are text only")];
const NOT_ASKED: Lost = &[(None, "no other dialect's request can ask for it")];
const NO_PROBABILITIES: Lost = &[(Some(Client::Messages), "Anthropic tells no probabilities")];
const PART_OF_TOKENS: Lost = &[(None, "it is part of the tokens that are told")];

/// A minimal reply.
pub const REPLY: &str = r##"{"id":"chatcmpl-1","object":"chat.completion","created":1790000000,"model":"n","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":100,"completion_tokens":50,"total_tokens":150}}"##;

/// Members of a reply, with a sample of each.
#[rustfmt::skip]
pub const REPLY_FIELDS: &[ReplyField] = &[
    kept("id", r##"{"id":"chatcmpl-2"}"##),
    lost("object", r##"{"object":"chat.completion.chunk"}"##, &[(None, "each dialect has its own word")]),
    lost("created", r##"{"created":1790000001}"##, &[(None, "its replies have no time")]),
    kept("model", r##"{"model":"another"}"##),
    lost("service_tier", r##"{"service_tier":"flex"}"##, &[(Some(Client::Messages), "OpenAI's tiers are not Anthropic's"), (None, "its replies have no tier")]),
    lost("system_fingerprint", r##"{"system_fingerprint":"fp_1"}"##, OWN_AFFAIR),
    lost("metadata", r##"{"metadata":{"a":"b"}}"##, OWN_AFFAIR),
    lost("moderation", r##"{"moderation":{"flagged":false}}"##, OWN_AFFAIR),
    lost("choices", r##"{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"},{"index":1,"message":{"role":"assistant","content":"Ho"},"finish_reason":"stop"}]}"##, &[(Some(Client::Responses), "it has one answer"), (Some(Client::Messages), "it has one answer")]),
    kept("choices.finish_reason.length", r##"{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"length"}]}"##),
    kept("choices.finish_reason.content_filter", r##"{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"content_filter"}]}"##),
    lost("choices.stop_reason", r##"{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop","stop_reason":"END"}]}"##, &[(None, "only Anthropic's replies tell which stop text came")]),
    kept("choices.message.content", r##"{"choices":[{"index":0,"message":{"role":"assistant","content":"Ho"},"finish_reason":"stop"}]}"##),
    kept("choices.message.refusal", r##"{"choices":[{"index":0,"message":{"role":"assistant","content":null,"refusal":"No."},"finish_reason":"stop"}]}"##),
    lost("choices.message.tool_calls", r##"{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi","tool_calls":[{"id":"call_1","type":"function","function":{"name":"weather","arguments":"{\"city\":\"Bonn\"}"}}]},"finish_reason":"tool_calls"}]}"##, TEXT_ONLY),
    lost("choices.message.tool_calls.id", r##"{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi","tool_calls":[{"id":"call_9","type":"function","function":{"name":"weather","arguments":"{\"city\":\"Bonn\"}"}}]},"finish_reason":"tool_calls"}]}"##, TEXT_ONLY),
    lost("choices.message.tool_calls.custom", r##"{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi","tool_calls":[{"id":"call_1","type":"custom","custom":{"name":"shell","input":"ls"}}]},"finish_reason":"tool_calls"}]}"##, TEXT_ONLY),
    lost("choices.message.function_call", r##"{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi","function_call":{"name":"weather","arguments":"{}"}},"finish_reason":"function_call"}]}"##, TEXT_ONLY),
    lost("choices.message.annotations", r##"{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi","annotations":[{"type":"url_citation","url_citation":{"url":"https://example.com","title":"T","start_index":0,"end_index":2}}]},"finish_reason":"stop"}]}"##, TEXT_ONLY),
    lost("choices.message.annotations.url_citation.title", r##"{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi","annotations":[{"type":"url_citation","url_citation":{"url":"https://example.com","title":"Another","start_index":0,"end_index":2}}]},"finish_reason":"stop"}]}"##, TEXT_ONLY),
    lost("choices.message.annotations.url_citation.start_index", r##"{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi","annotations":[{"type":"url_citation","url_citation":{"url":"https://example.com","title":"T","start_index":1,"end_index":2}}]},"finish_reason":"stop"}]}"##, &[(Some(Client::Completions), "completions are text only"), (Some(Client::Messages), "Anthropic's citations have no place in the reply's text")]),
    lost("choices.message.audio", r##"{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi","audio":{"id":"audio_1","data":"AAAA","expires_at":1,"transcript":"Hi"}},"finish_reason":"stop"}]}"##, NOT_ASKED),
    lost("choices.message.reasoning_content", r##"{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi","reasoning_content":"Hm."},"finish_reason":"stop"}]}"##, TEXT_ONLY),
    lost("choices.message.reasoning", r##"{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi","reasoning":"Hm."},"finish_reason":"stop"}]}"##, TEXT_ONLY),
    lost("choices.message.reasoning_details", r##"{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi","reasoning_details":[{"type":"reasoning.text","text":"Hm."}]},"finish_reason":"stop"}]}"##, &[(None, "the words of thoughts are read from where servers repeat them")]),
    lost("choices.message.thinking_blocks", r##"{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi","thinking_blocks":[{"type":"thinking","thinking":"Hm.","signature":"c2ln"}]},"finish_reason":"stop"}]}"##, TEXT_ONLY),
    lost("choices.message.images", r##"{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi","images":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]},"finish_reason":"stop"}]}"##, NOT_ASKED),
    lost("choices.logprobs.content", r##"{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop","logprobs":{"content":[{"token":"Hi","logprob":-0.5,"bytes":[72,105],"top_logprobs":[{"token":"Hi","logprob":-0.5,"bytes":[72,105]}]}]}}]}"##, NO_PROBABILITIES),
    lost("choices.logprobs.content.bytes", r##"{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop","logprobs":{"content":[{"token":"Hi","logprob":-0.5,"bytes":[1],"top_logprobs":[{"token":"Hi","logprob":-0.5,"bytes":[72,105]}]}]}}]}"##, &[(Some(Client::Messages), "Anthropic tells no probabilities"), (None, "tokens are told as text")]),
    lost("choices.logprobs.content.top_logprobs", r##"{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop","logprobs":{"content":[{"token":"Hi","logprob":-0.5,"bytes":[72,105],"top_logprobs":[{"token":"Ho","logprob":-2.5,"bytes":[72,111]}]}]}}]}"##, NO_PROBABILITIES),
    lost("choices.logprobs.refusal", r##"{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop","logprobs":{"content":null,"refusal":[{"token":"No","logprob":-0.5,"bytes":null,"top_logprobs":[]}]}}]}"##, &[(None, "probabilities of refusals have no place")]),
    kept("usage.prompt_tokens", r##"{"usage":{"prompt_tokens":101}}"##),
    kept("usage.completion_tokens", r##"{"usage":{"completion_tokens":51}}"##),
    kept("usage.total_tokens", r##"{"usage":{"total_tokens":151}}"##),
    kept("usage.prompt_tokens_details.cached_tokens", r##"{"usage":{"prompt_tokens_details":{"cached_tokens":7}}}"##),
    lost("usage.prompt_tokens_details.cache_write_tokens", r##"{"usage":{"prompt_tokens_details":{"cache_write_tokens":7}}}"##, &[(Some(Client::Gemini), "Gemini's replies do not tell what was put into a cache: it is part of the input")]),
    lost("usage.prompt_tokens_details.audio_tokens", r##"{"usage":{"prompt_tokens_details":{"audio_tokens":7}}}"##, PART_OF_TOKENS),
    kept("usage.completion_tokens_details.reasoning_tokens", r##"{"usage":{"completion_tokens_details":{"reasoning_tokens":7}}}"##),
    lost("usage.completion_tokens_details.audio_tokens", r##"{"usage":{"completion_tokens_details":{"audio_tokens":7}}}"##, PART_OF_TOKENS),
    lost("usage.completion_tokens_details.accepted_prediction_tokens", r##"{"usage":{"completion_tokens_details":{"accepted_prediction_tokens":7}}}"##, PART_OF_TOKENS),
    lost("usage.completion_tokens_details.rejected_prediction_tokens", r##"{"usage":{"completion_tokens_details":{"rejected_prediction_tokens":7}}}"##, PART_OF_TOKENS),
];

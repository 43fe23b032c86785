//! Every member of a reply:
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html#API_runtime_Converse_ResponseSyntax>
//! (seen 2026-11).

use crate::client::Client;
use crate::fields::{Lost, ReplyField, kept, lost};

const OWN_AFFAIR: Lost = &[(None, "it is the backend's own affair")];
const OWN_TOOLS: Lost = &[(None, "only Amazon's own tools make it, which no other dialect's request can ask for")];
const NOT_ASKED: Lost = &[(None, "no other dialect's request can ask for it")];
const TEXT_ONLY: Lost = &[(Some(Client::Completions), "completions are text only")];
const WEB_ONLY: Lost = &[
    (Some(Client::Completions), "completions are text only"),
    (None, "citations of other dialects are of the web, or of documents that they number themselves"),
];
const CITED: Lost =
    &[(Some(Client::Completions), "completions are text only"), (None, "only Anthropic's citations repeat the words")];
const ONE_PLACE: Lost = &[(None, "the URL of the place is told")];
const ONE_END: Lost = &[(None, "it has one word for every end that the model chose")];
const TIER: Lost = &[
    (Some(Client::Chat), "Amazon's streams tell it at their end, OpenAI's at their beginning"),
    (Some(Client::Responses), "Amazon's streams tell it at their end, OpenAI's at their beginning"),
    (None, "its replies have no tier"),
];

/// A minimal reply.
pub const REPLY: &str = r##"{"output":{"message":{"role":"assistant","content":[{"text":"Hi"}]}},"stopReason":"end_turn","usage":{"inputTokens":100,"outputTokens":50,"totalTokens":150},"metrics":{"latencyMs":1}}"##;

/// Members of a reply, with a sample of each.
#[rustfmt::skip]
pub const REPLY_FIELDS: &[ReplyField] = &[
    kept("output.message.content.text", r##"{"output":{"message":{"content":[{"text":"Ho"}]}}}"##),
    lost("output.message.content.toolUse", r##"{"output":{"message":{"content":[{"text":"Hi"},{"toolUse":{"toolUseId":"tooluse_1","name":"weather","input":{"city":"Bonn"}}}]}},"stopReason":"tool_use"}"##, TEXT_ONLY),
    lost("output.message.content.toolUse.toolUseId", r##"{"output":{"message":{"content":[{"text":"Hi"},{"toolUse":{"toolUseId":"tooluse_9","name":"weather","input":{}}}]}},"stopReason":"tool_use"}"##, TEXT_ONLY),
    lost("output.message.content.toolUse.input", r##"{"output":{"message":{"content":[{"text":"Hi"},{"toolUse":{"toolUseId":"tooluse_1","name":"weather","input":{"a":[1,"ü"]}}}]}},"stopReason":"tool_use"}"##, TEXT_ONLY),
    lost("output.message.content.toolUse.type", r##"{"output":{"message":{"content":[{"text":"Hi"},{"toolUse":{"toolUseId":"tooluse_1","name":"weather","input":{},"type":"server_tool_use"}}]}},"stopReason":"tool_use"}"##, OWN_TOOLS),
    lost("output.message.content.toolResult", r##"{"output":{"message":{"content":[{"text":"Hi"},{"toolResult":{"toolUseId":"tooluse_1","content":[{"text":"1"}]}}]}}}"##, OWN_TOOLS),
    lost("output.message.content.reasoningContent.reasoningText", r##"{"output":{"message":{"content":[{"reasoningContent":{"reasoningText":{"text":"Hm."}}},{"text":"Hi"}]}}}"##, TEXT_ONLY),
    lost("output.message.content.reasoningContent.reasoningText.signature", r##"{"output":{"message":{"content":[{"reasoningContent":{"reasoningText":{"text":"Hm.","signature":"c2ln"}}},{"text":"Hi"}]}}}"##, TEXT_ONLY),
    lost("output.message.content.reasoningContent.redactedContent", r##"{"output":{"message":{"content":[{"reasoningContent":{"redactedContent":"ZGF0YQ=="}},{"text":"Hi"}]}}}"##, TEXT_ONLY),
    kept("output.message.content.citationsContent.content.text", r##"{"output":{"message":{"content":[{"citationsContent":{"content":[{"text":"Ho"}],"citations":[]}}]}}}"##),
    lost("output.message.content.citationsContent.citations.title", r##"{"output":{"message":{"content":[{"citationsContent":{"content":[{"text":"Hi"}],"citations":[{"title":"T","location":{"web":{"url":"https://example.com"}}}]}}]}}}"##, TEXT_ONLY),
    lost("output.message.content.citationsContent.citations.source", r##"{"output":{"message":{"content":[{"citationsContent":{"content":[{"text":"Hi"}],"citations":[{"source":"https://example.com","location":{"web":{"url":"https://example.com"}}}]}}]}}}"##, ONE_PLACE),
    lost("output.message.content.citationsContent.citations.sourceContent", r##"{"output":{"message":{"content":[{"citationsContent":{"content":[{"text":"Hi"}],"citations":[{"sourceContent":[{"text":"c"}],"location":{"web":{"url":"https://example.com"}}}]}}]}}}"##, CITED),
    lost("output.message.content.citationsContent.citations.location.web.url", r##"{"output":{"message":{"content":[{"citationsContent":{"content":[{"text":"Hi"}],"citations":[{"location":{"web":{"url":"https://example.com"}}}]}}]}}}"##, TEXT_ONLY),
    lost("output.message.content.citationsContent.citations.location.web.domain", r##"{"output":{"message":{"content":[{"citationsContent":{"content":[{"text":"Hi"}],"citations":[{"location":{"web":{"url":"https://example.com","domain":"example.com"}}}]}}]}}}"##, ONE_PLACE),
    lost("output.message.content.citationsContent.citations.location.documentChar", r##"{"output":{"message":{"content":[{"citationsContent":{"content":[{"text":"Hi"}],"citations":[{"title":"T","location":{"documentChar":{"documentIndex":0,"start":0,"end":2}}}]}}]}}}"##, WEB_ONLY),
    lost("output.message.content.citationsContent.citations.location.documentPage", r##"{"output":{"message":{"content":[{"citationsContent":{"content":[{"text":"Hi"}],"citations":[{"title":"T","location":{"documentPage":{"documentIndex":0,"start":0,"end":2}}}]}}]}}}"##, WEB_ONLY),
    lost("output.message.content.citationsContent.citations.location.documentChunk", r##"{"output":{"message":{"content":[{"citationsContent":{"content":[{"text":"Hi"}],"citations":[{"title":"T","location":{"documentChunk":{"documentIndex":0,"start":0,"end":2}}}]}}]}}}"##, WEB_ONLY),
    lost("output.message.content.citationsContent.citations.location.searchResultLocation", r##"{"output":{"message":{"content":[{"citationsContent":{"content":[{"text":"Hi"}],"citations":[{"title":"T","location":{"searchResultLocation":{"searchResultIndex":0,"start":0,"end":2}}}]}}]}}}"##, WEB_ONLY),
    lost("output.message.content.image", r##"{"output":{"message":{"content":[{"text":"Hi"},{"image":{"format":"png","source":{"bytes":"AAAA"}}}]}}}"##, NOT_ASKED),
    lost("output.message.content.audio", r##"{"output":{"message":{"content":[{"text":"Hi"},{"audio":{"format":"mp3","source":{"bytes":"AAAA"}}}]}}}"##, NOT_ASKED),
    kept("stopReason.max_tokens", r##"{"stopReason":"max_tokens"}"##),
    kept("stopReason.model_context_window_exceeded", r##"{"stopReason":"model_context_window_exceeded"}"##),
    lost("stopReason.stop_sequence", r##"{"stopReason":"stop_sequence"}"##, ONE_END),
    kept("stopReason.guardrail_intervened", r##"{"stopReason":"guardrail_intervened"}"##),
    kept("stopReason.content_filtered", r##"{"stopReason":"content_filtered"}"##),
    kept("stopReason.malformed_model_output", r##"{"stopReason":"malformed_model_output"}"##),
    kept("stopReason.malformed_tool_use", r##"{"stopReason":"malformed_tool_use"}"##),
    kept("usage.inputTokens", r##"{"usage":{"inputTokens":101}}"##),
    kept("usage.outputTokens", r##"{"usage":{"outputTokens":51}}"##),
    lost("usage.totalTokens", r##"{"usage":{"totalTokens":151}}"##, &[(None, "it is the sum of the others")]),
    kept("usage.cacheReadInputTokens", r##"{"usage":{"cacheReadInputTokens":7}}"##),
    kept("usage.cacheWriteInputTokens", r##"{"usage":{"cacheWriteInputTokens":7}}"##),
    lost("usage.cacheDetails", r##"{"usage":{"cacheDetails":[{"ttl":"5m","inputTokens":7}]}}"##, &[(None, "what was put into the cache is told as a whole")]),
    lost("metrics.latencyMs", r##"{"metrics":{"latencyMs":7}}"##, OWN_AFFAIR),
    lost("additionalModelResponseFields", r##"{"additionalModelResponseFields":{"stop_sequence":"END"}}"##, NOT_ASKED),
    lost("trace.guardrail", r##"{"trace":{"guardrail":{"actionReason":"No."}}}"##, OWN_AFFAIR),
    lost("trace.promptRouter", r##"{"trace":{"promptRouter":{"invokedModelId":"another"}}}"##, OWN_AFFAIR),
    lost("performanceConfig.latency", r##"{"performanceConfig":{"latency":"optimized"}}"##, OWN_AFFAIR),
    lost("serviceTier.type", r##"{"serviceTier":{"type":"flex"}}"##, TIER),
];

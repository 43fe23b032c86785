//! Every member of a reply: <https://platform.claude.com/docs/en/api/messages/create> (seen 2026-11).

use crate::client::Client;
use crate::fields::{Lost, ReplyField, kept, lost};

const OWN_TOOLS: Lost = &[(None, "only Anthropic's own tools make it, which no other dialect's request can ask for")];
const NOT_ASKED: Lost = &[(None, "no other dialect's request can ask for it")];
const WEB_ONLY: Lost = &[
    (Some(Client::Chat), "its citations are of the web only"),
    (Some(Client::Completions), "completions are text only"),
];
const TEXT_ONLY: Lost = &[(Some(Client::Completions), "completions are text only")];
const ONE_END: Lost = &[(None, "it has one word for every end that the model chose")];
const NO_PAUSE: Lost = &[(None, "it has no word for a pause")];

/// A minimal reply.
pub const REPLY: &str = r##"{"id":"msg_1","type":"message","role":"assistant","model":"n","content":[{"type":"text","text":"Hi"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":100,"output_tokens":50}}"##;

/// Members of a reply, with a sample of each.
#[rustfmt::skip]
pub const REPLY_FIELDS: &[ReplyField] = &[
    kept("id", r##"{"id":"msg_2"}"##),
    kept("model", r##"{"model":"another"}"##),
    lost("container", r##"{"container":{"id":"container_1","expires_at":"2026-11-21T00:00:00Z"}}"##, OWN_TOOLS),
    lost("context_management", r##"{"context_management":{"applied_edits":[]}}"##, NOT_ASKED),
    lost("diagnostics", r##"{"diagnostics":{"a":1}}"##, NOT_ASKED),
    kept("content.text", r##"{"content":[{"type":"text","text":"Ho"}]}"##),
    lost("content.text.citations.char_location", r##"{"content":[{"type":"text","text":"Hi","citations":[{"type":"char_location","cited_text":"c","document_index":0,"document_title":"T","start_char_index":0,"end_char_index":1}]}]}"##, WEB_ONLY),
    lost("content.text.citations.page_location", r##"{"content":[{"type":"text","text":"Hi","citations":[{"type":"page_location","cited_text":"c","document_index":0,"document_title":"T","start_page_number":1,"end_page_number":2}]}]}"##, WEB_ONLY),
    lost("content.text.citations.content_block_location", r##"{"content":[{"type":"text","text":"Hi","citations":[{"type":"content_block_location","cited_text":"c","document_index":0,"document_title":"T","start_block_index":0,"end_block_index":1}]}]}"##, WEB_ONLY),
    lost("content.text.citations.search_result_location", r##"{"content":[{"type":"text","text":"Hi","citations":[{"type":"search_result_location","cited_text":"c","source":"https://example.com","title":"T","search_result_index":0,"start_block_index":0,"end_block_index":1}]}]}"##, TEXT_ONLY),
    lost("content.text.citations.web_search_result_location", r##"{"content":[{"type":"text","text":"Hi","citations":[{"type":"web_search_result_location","cited_text":"c","url":"https://example.com","title":"T","encrypted_index":"x"}]}]}"##, TEXT_ONLY),
    lost("content.thinking", r##"{"content":[{"type":"text","text":"Hi"},{"type":"thinking","thinking":"Hm.","signature":"c2ln"}]}"##, TEXT_ONLY),
    lost("content.thinking.signature", r##"{"content":[{"type":"text","text":"Hi"},{"type":"thinking","thinking":"Hm.","signature":"c2lnMg=="}]}"##, TEXT_ONLY),
    lost("content.redacted_thinking", r##"{"content":[{"type":"text","text":"Hi"},{"type":"redacted_thinking","data":"ZGF0YQ=="}]}"##, TEXT_ONLY),
    lost("content.tool_use", r##"{"content":[{"type":"text","text":"Hi"},{"type":"tool_use","id":"toolu_1","name":"weather","input":{"city":"Bonn"}}],"stop_reason":"tool_use"}"##, TEXT_ONLY),
    lost("content.tool_use.id", r##"{"content":[{"type":"text","text":"Hi"},{"type":"tool_use","id":"toolu_9","name":"weather","input":{}}],"stop_reason":"tool_use"}"##, TEXT_ONLY),
    lost("content.tool_use.input", r##"{"content":[{"type":"text","text":"Hi"},{"type":"tool_use","id":"toolu_1","name":"weather","input":{"a":[1,"ü"]}}],"stop_reason":"tool_use"}"##, TEXT_ONLY),
    lost("content.tool_use.caller", r##"{"content":[{"type":"text","text":"Hi"},{"type":"tool_use","id":"toolu_1","name":"weather","input":{},"caller":{"type":"direct"}}],"stop_reason":"tool_use"}"##, &[(None, "only the model itself calls other clients' tools")]),
    lost("content.server_tool_use", r##"{"content":[{"type":"text","text":"Hi"},{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{"query":"q"}}]}"##, OWN_TOOLS),
    lost("content.web_search_tool_result", r##"{"content":[{"type":"text","text":"Hi"},{"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":[]}]}"##, OWN_TOOLS),
    lost("content.web_fetch_tool_result", r##"{"content":[{"type":"text","text":"Hi"},{"type":"web_fetch_tool_result","tool_use_id":"srvtoolu_1","content":{}}]}"##, OWN_TOOLS),
    lost("content.code_execution_tool_result", r##"{"content":[{"type":"text","text":"Hi"},{"type":"code_execution_tool_result","tool_use_id":"srvtoolu_1","content":{}}]}"##, OWN_TOOLS),
    lost("content.mcp_tool_use", r##"{"content":[{"type":"text","text":"Hi"},{"type":"mcp_tool_use","id":"mcptoolu_1","name":"n","server_name":"s","input":{}}]}"##, OWN_TOOLS),
    lost("content.mcp_tool_result", r##"{"content":[{"type":"text","text":"Hi"},{"type":"mcp_tool_result","tool_use_id":"mcptoolu_1","is_error":false,"content":[]}]}"##, OWN_TOOLS),
    lost("content.container_upload", r##"{"content":[{"type":"text","text":"Hi"},{"type":"container_upload","file_id":"file_1"}]}"##, OWN_TOOLS),
    lost("content.compaction", r##"{"content":[{"type":"text","text":"Hi"},{"type":"compaction","content":"Sum."}]}"##, NOT_ASKED),
    kept("stop_reason.max_tokens", r##"{"stop_reason":"max_tokens"}"##),
    lost("stop_reason.stop_sequence", r##"{"stop_reason":"stop_sequence"}"##, ONE_END),
    lost("stop_reason.pause_turn", r##"{"stop_reason":"pause_turn"}"##, NO_PAUSE),
    lost("stop_reason.refusal", r##"{"stop_reason":"refusal"}"##, &[(Some(Client::Completions), "it has no refusals"), (Some(Client::Responses), "refusals are told by their words, of which there are none")]),
    kept("stop_reason.model_context_window_exceeded", r##"{"stop_reason":"model_context_window_exceeded"}"##),
    lost("stop_reason.compaction", r##"{"stop_reason":"compaction"}"##, NO_PAUSE),
    lost("stop_sequence", r##"{"stop_reason":"stop_sequence","stop_sequence":"END"}"##, ONE_END),
    kept("stop_details.explanation", r##"{"stop_reason":"refusal","stop_details":{"type":"refusal","explanation":"No."}}"##),
    lost("stop_details.category", r##"{"stop_reason":"refusal","stop_details":{"type":"refusal","category":"cyber"}}"##, &[(None, "the explanation is told")]),
    kept("usage.input_tokens", r##"{"usage":{"input_tokens":101}}"##),
    kept("usage.output_tokens", r##"{"usage":{"output_tokens":51}}"##),
    kept("usage.cache_creation_input_tokens", r##"{"usage":{"cache_creation_input_tokens":7}}"##),
    kept("usage.cache_read_input_tokens", r##"{"usage":{"cache_read_input_tokens":7}}"##),
    lost("usage.cache_creation", r##"{"usage":{"cache_creation":{"ephemeral_1h_input_tokens":0,"ephemeral_5m_input_tokens":0}}}"##, &[(None, "what was put into the cache is told as a whole")]),
    lost("usage.server_tool_use", r##"{"usage":{"server_tool_use":{"web_search_requests":1}}}"##, OWN_TOOLS),
    lost("usage.service_tier", r##"{"usage":{"service_tier":"priority"}}"##, &[(None, "its replies have no tier")]),
    lost("usage.inference_geo", r##"{"usage":{"inference_geo":"us"}}"##, &[(None, "it is the backend's own affair")]),
    kept("usage.output_tokens_details.thinking_tokens", r##"{"usage":{"output_tokens_details":{"thinking_tokens":7}}}"##),
];

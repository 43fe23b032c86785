//! Every member of a reply: <https://platform.openai.com/docs/api-reference/responses/object> (seen 2026-11).

use crate::client::Client;
use crate::fields::{Lost, ReplyField, kept, lost};

const OWN_AFFAIR: Lost = &[(None, "it is the backend's own affair")];
const NO_IDS: Lost = &[(None, "parts of replies have no ids")];
const TEXT_ONLY: Lost = &[(Some(Client::Completions), "completions are text only")];
const FILES: Lost = &[
    (Some(Client::Chat), "its citations are of the web only"),
    (Some(Client::Completions), "completions are text only"),
    (Some(Client::Messages), "citations of files that OpenAI keeps are of no use"),
];
const FILE_PATHS: Lost = &[
    (Some(Client::Completions), "completions are text only"),
    (None, "citations of files that OpenAI keeps are of no use"),
];
const NO_PROBABILITIES: Lost = &[(Some(Client::Messages), "Anthropic tells no probabilities")];
const OWN_TOOLS: Lost = &[(None, "only OpenAI's own tools make it, which no other dialect's request can ask for")];
const REPEATED: Lost = &[(None, "it repeats what the client asked for")];

/// A minimal reply.
pub const REPLY: &str = r##"{"id":"resp_1","object":"response","created_at":1790000000,"status":"completed","model":"n","output":[{"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hi","annotations":[]}]}],"usage":{"input_tokens":100,"output_tokens":50,"total_tokens":150}}"##;

/// Members of a reply, with a sample of each.
#[rustfmt::skip]
pub const REPLY_FIELDS: &[ReplyField] = &[
    kept("id", r##"{"id":"resp_2"}"##),
    lost("created_at", r##"{"created_at":1790000001}"##, &[(None, "its replies have no time")]),
    lost("completed_at", r##"{"completed_at":1790000002}"##, &[(None, "no other dialect's replies say when they ended")]),
    kept("model", r##"{"model":"another"}"##),
    lost("service_tier", r##"{"service_tier":"flex"}"##, &[(Some(Client::Messages), "OpenAI's tiers are not Anthropic's"), (None, "its replies have no tier")]),
    lost("moderation", r##"{"moderation":{"flagged":false}}"##, OWN_AFFAIR),
    kept("incomplete_details.max_output_tokens", r##"{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"}}"##),
    kept("incomplete_details.content_filter", r##"{"status":"incomplete","incomplete_details":{"reason":"content_filter"}}"##),
    kept("output.message.output_text", r##"{"output":[{"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Ho","annotations":[]}]}]}"##),
    lost("output.message.id", r##"{"output":[{"type":"message","id":"msg_2","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hi","annotations":[]}]}]}"##, NO_IDS),
    lost("output.message.phase", r##"{"output":[{"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hi","annotations":[]}],"phase":"commentary"}]}"##, OWN_AFFAIR),
    kept("output.message.refusal", r##"{"output":[{"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"refusal","refusal":"No."}]}]}"##),
    lost("output.message.output_text.annotations.url_citation", r##"{"output":[{"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hi","annotations":[{"type":"url_citation","url":"https://example.com","title":"T","start_index":0,"end_index":2}]}]}]}"##, TEXT_ONLY),
    lost("output.message.output_text.annotations.file_citation", r##"{"output":[{"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hi","annotations":[{"type":"file_citation","file_id":"file_1","filename":"a.txt","index":2}]}]}]}"##, FILES),
    lost("output.message.output_text.annotations.container_file_citation", r##"{"output":[{"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hi","annotations":[{"type":"container_file_citation","container_id":"c","file_id":"file_1","filename":"a.txt","start_index":0,"end_index":2}]}]}]}"##, FILES),
    lost("output.message.output_text.annotations.file_path", r##"{"output":[{"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hi","annotations":[{"type":"file_path","file_id":"file_1","index":2}]}]}]}"##, FILE_PATHS),
    lost("output.message.output_text.logprobs", r##"{"output":[{"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hi","annotations":[],"logprobs":[{"token":"Hi","logprob":-0.5,"bytes":[72,105],"top_logprobs":[]}]}]}]}"##, NO_PROBABILITIES),
    lost("output.message.output_text.logprobs.top_logprobs", r##"{"output":[{"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hi","annotations":[],"logprobs":[{"token":"Hi","logprob":-0.5,"bytes":[72,105],"top_logprobs":[{"token":"Ho","logprob":-2.5,"bytes":[72,111]}]}]}]}]}"##, NO_PROBABILITIES),
    lost("output.reasoning.summary", r##"{"output":[{"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hi","annotations":[]}]},{"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"Hm."}]}]}"##, TEXT_ONLY),
    lost("output.reasoning.content", r##"{"output":[{"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hi","annotations":[]}]},{"type":"reasoning","id":"rs_1","summary":[],"content":[{"type":"reasoning_text","text":"Hm."}]}]}"##, TEXT_ONLY),
    lost("output.reasoning.encrypted_content", r##"{"output":[{"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hi","annotations":[]}]},{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"gAAA"}]}"##, TEXT_ONLY),
    lost("output.function_call", r##"{"output":[{"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hi","annotations":[]}]},{"type":"function_call","id":"fc_1","call_id":"call_1","name":"weather","arguments":"{\"city\":\"Bonn\"}","status":"completed"}]}"##, TEXT_ONLY),
    lost("output.function_call.call_id", r##"{"output":[{"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hi","annotations":[]}]},{"type":"function_call","id":"fc_1","call_id":"call_9","name":"weather","arguments":"{\"city\":\"Bonn\"}","status":"completed"}]}"##, TEXT_ONLY),
    lost("output.function_call.id", r##"{"output":[{"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hi","annotations":[]}]},{"type":"function_call","id":"fc_9","call_id":"call_1","name":"weather","arguments":"{\"city\":\"Bonn\"}","status":"completed"}]}"##, NO_IDS),
    lost("output.custom_tool_call", r##"{"output":[{"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hi","annotations":[]}]},{"type":"custom_tool_call","id":"ctc_1","call_id":"call_1","name":"shell","input":"ls","status":"completed"}]}"##, TEXT_ONLY),
    lost("output.web_search_call", r##"{"output":[{"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hi","annotations":[]}]},{"type":"web_search_call","id":"x_1","status":"completed"}]}"##, OWN_TOOLS),
    lost("output.file_search_call", r##"{"output":[{"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hi","annotations":[]}]},{"type":"file_search_call","id":"x_1","status":"completed"}]}"##, OWN_TOOLS),
    lost("output.computer_call", r##"{"output":[{"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hi","annotations":[]}]},{"type":"computer_call","id":"x_1","status":"completed"}]}"##, OWN_TOOLS),
    lost("output.image_generation_call", r##"{"output":[{"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hi","annotations":[]}]},{"type":"image_generation_call","id":"x_1","status":"completed"}]}"##, OWN_TOOLS),
    lost("output.code_interpreter_call", r##"{"output":[{"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hi","annotations":[]}]},{"type":"code_interpreter_call","id":"x_1","status":"completed"}]}"##, OWN_TOOLS),
    lost("output.local_shell_call", r##"{"output":[{"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hi","annotations":[]}]},{"type":"local_shell_call","id":"x_1","status":"completed"}]}"##, OWN_TOOLS),
    lost("output.shell_call", r##"{"output":[{"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hi","annotations":[]}]},{"type":"shell_call","id":"x_1","status":"completed"}]}"##, OWN_TOOLS),
    lost("output.apply_patch_call", r##"{"output":[{"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hi","annotations":[]}]},{"type":"apply_patch_call","id":"x_1","status":"completed"}]}"##, OWN_TOOLS),
    lost("output.mcp_call", r##"{"output":[{"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hi","annotations":[]}]},{"type":"mcp_call","id":"x_1","status":"completed"}]}"##, OWN_TOOLS),
    lost("output.mcp_list_tools", r##"{"output":[{"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hi","annotations":[]}]},{"type":"mcp_list_tools","id":"x_1","status":"completed"}]}"##, OWN_TOOLS),
    lost("output.mcp_approval_request", r##"{"output":[{"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hi","annotations":[]}]},{"type":"mcp_approval_request","id":"x_1","status":"completed"}]}"##, OWN_TOOLS),
    lost("output.compaction", r##"{"output":[{"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hi","annotations":[]}]},{"type":"compaction","id":"x_1","status":"completed"}]}"##, OWN_TOOLS),
    lost("output.tool_search_call", r##"{"output":[{"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hi","annotations":[]}]},{"type":"tool_search_call","id":"x_1","status":"completed"}]}"##, OWN_TOOLS),
    kept("usage.input_tokens", r##"{"usage":{"input_tokens":101}}"##),
    kept("usage.output_tokens", r##"{"usage":{"output_tokens":51}}"##),
    lost("usage.total_tokens", r##"{"usage":{"total_tokens":151}}"##, &[(None, "it is the sum of input and output")]),
    kept("usage.input_tokens_details.cached_tokens", r##"{"usage":{"input_tokens_details":{"cached_tokens":7}}}"##),
    lost("usage.input_tokens_details.cache_write_tokens", r##"{"usage":{"input_tokens_details":{"cache_write_tokens":7}}}"##, &[(Some(Client::Gemini), "Gemini's replies do not tell what was put into a cache: it is part of the input")]),
    kept("usage.output_tokens_details.reasoning_tokens", r##"{"usage":{"output_tokens_details":{"reasoning_tokens":7}}}"##),
    lost("background", r##"{"background":true}"##, REPEATED),
    lost("conversation", r##"{"conversation":{"id":"conv_1"}}"##, REPEATED),
    lost("instructions", r##"{"instructions":"Be brief."}"##, REPEATED),
    lost("max_output_tokens", r##"{"max_output_tokens":9}"##, REPEATED),
    lost("max_tool_calls", r##"{"max_tool_calls":3}"##, REPEATED),
    lost("metadata", r##"{"metadata":{"a":"b"}}"##, REPEATED),
    lost("parallel_tool_calls", r##"{"parallel_tool_calls":false}"##, REPEATED),
    lost("previous_response_id", r##"{"previous_response_id":"resp_0"}"##, REPEATED),
    lost("prompt", r##"{"prompt":{"id":"pmpt_1"}}"##, REPEATED),
    lost("prompt_cache_key", r##"{"prompt_cache_key":"k"}"##, REPEATED),
    lost("prompt_cache_retention", r##"{"prompt_cache_retention":"24h"}"##, REPEATED),
    lost("reasoning", r##"{"reasoning":{"effort":"high"}}"##, REPEATED),
    lost("safety_identifier", r##"{"safety_identifier":"ann"}"##, REPEATED),
    lost("store", r##"{"store":true}"##, REPEATED),
    lost("temperature", r##"{"temperature":0.3}"##, REPEATED),
    lost("text", r##"{"text":{"verbosity":"low"}}"##, REPEATED),
    lost("tool_choice", r##"{"tool_choice":"none"}"##, REPEATED),
    lost("tools", r##"{"tools":[{"type":"function","name":"f","parameters":{},"strict":false}]}"##, REPEATED),
    lost("top_logprobs", r##"{"top_logprobs":3}"##, REPEATED),
    lost("top_p", r##"{"top_p":0.5}"##, REPEATED),
    lost("truncation", r##"{"truncation":"auto"}"##, REPEATED),
    lost("user", r##"{"user":"ann"}"##, REPEATED),
];

//! Every member of a request, with a sample.
//!
//! From <https://platform.openai.com/docs/api-reference/responses/create> (seen 2026-11). `model` is left out: routing
//! takes it.

use crate::fields::Field;

/// A small request.
pub const BASE: &str = r#"{"model":"gpt-5.2","input":"Hi"}"#;

/// What can be set in it.
pub const FIELDS: &[Field] = &[
    field("input", r#"{"input":"Hello"}"#),
    field("instructions", r#"{"instructions":"Be brief."}"#),
    field("access_programs.cyber", r#"{"access_programs":{"cyber":"standard"}}"#),
    field("background", r#"{"background":true}"#),
    field("background_options.completion_window", r#"{"background_options":{"completion_window":"2h"}}"#),
    field("background_options.continuation_id", r#"{"background_options":{"continuation_id":"c"}}"#),
    field("context_management", r#"{"context_management":[{"type":"compaction","compact_threshold":1000}]}"#),
    field("conversation", r#"{"conversation":{"id":"conv_1"}}"#),
    field("image.context_compression", r#"{"image":{"context_compression":"enabled"}}"#),
    field("include", r#"{"include":["message.output_text.logprobs","reasoning.encrypted_content"]}"#),
    field("include", r#"{"include":["web_search_call.action.sources"]}"#),
    field("max_output_tokens", r#"{"max_output_tokens":900}"#),
    field("max_tool_calls", r#"{"max_tool_calls":3}"#),
    field("metadata", r#"{"metadata":{"team":"a"}}"#),
    field("moderation", r#"{"moderation":{"model":"omni-moderation-latest"}}"#),
    field("parallel_tool_calls", r#"{"parallel_tool_calls":false}"#),
    field("previous_response_id", r#"{"previous_response_id":"resp_1"}"#),
    field("prompt", r#"{"prompt":{"id":"pmpt_1","version":"2","variables":{"city":"Bern"}}}"#),
    field("prompt_cache_key", r#"{"prompt_cache_key":"k"}"#),
    field(
        "prompt_cache_options.comparison_response_id",
        r#"{"prompt_cache_options":{"comparison_response_id":"resp_1"}}"#,
    ),
    field("prompt_cache_options.prewarm", r#"{"prompt_cache_options":{"prewarm":true}}"#),
    field("prompt_cache_options.mode", r#"{"prompt_cache_options":{"mode":"explicit"}}"#),
    field("prompt_cache_options.ttl", r#"{"prompt_cache_options":{"ttl":"12h"}}"#),
    field("prompt_cache_retention", r#"{"prompt_cache_retention":"24h"}"#),
    field("reasoning.context", r#"{"reasoning":{"context":"all_turns"}}"#),
    field("reasoning.effort", r#"{"reasoning":{"effort":"high"}}"#),
    field("reasoning.generate_summary", r#"{"reasoning":{"generate_summary":"concise"}}"#),
    field("reasoning.mode", r#"{"reasoning":{"mode":"pro"}}"#),
    field("reasoning.summary", r#"{"reasoning":{"summary":"auto"}}"#),
    field("reasoning.summary", r#"{"reasoning":{"summary":"detailed"}}"#),
    field("safety_identifier", r#"{"safety_identifier":"u1"}"#),
    field("service_tier", r#"{"service_tier":"flex"}"#),
    field("store", r#"{"store":true}"#),
    field("stream", r#"{"stream":true}"#),
    field("stream_options.include_obfuscation", r#"{"stream":true,"stream_options":{"include_obfuscation":true}}"#),
    field("temperature", r#"{"temperature":0.5}"#),
    field("text.format.json_object", r#"{"text":{"format":{"type":"json_object"}}}"#),
    field(
        "text.format.json_schema",
        r#"{"text":{"format":{"type":"json_schema","name":"n","schema":{"type":"object"}}}}"#,
    ),
    field(
        "text.format.description",
        r#"{"text":{"format":{"type":"json_schema","name":"n","description":"d","schema":{"type":"object"}}}}"#,
    ),
    field(
        "text.format.strict",
        r#"{"text":{"format":{"type":"json_schema","name":"n","strict":true,"schema":{"type":"object"}}}}"#,
    ),
    field("text.verbosity", r#"{"text":{"verbosity":"low"}}"#),
    field("top_logprobs", r#"{"top_logprobs":3}"#),
    field("top_p", r#"{"top_p":0.9}"#),
    field("truncation", r#"{"truncation":"auto"}"#),
    field("user", r#"{"user":"u1"}"#),
    // Members that replies repeat, and some servers take.
    field("frequency_penalty", r#"{"frequency_penalty":0.5}"#),
    field("presence_penalty", r#"{"presence_penalty":0.5}"#),
    // Forms of chat completions.
    field("messages", r#"{"input":null,"messages":[{"role":"user","content":"Hello"}]}"#),
    field("response_format", r#"{"response_format":{"type":"json_object"}}"#),
    // Tools.
    field("tools.function", r#"{"tools":[{"type":"function","name":"f","parameters":{"type":"object"}}]}"#),
    field("tools.function.description", r#"{"tools":[{"type":"function","name":"f","description":"d"}]}"#),
    field("tools.function.strict", r#"{"tools":[{"type":"function","name":"f","strict":true}]}"#),
    field(
        "tools.function.allowed_callers",
        r#"{"tools":[{"type":"function","name":"f","allowed_callers":["direct"]}]}"#,
    ),
    field("tools.function.async", r#"{"tools":[{"type":"function","name":"f","async":true}]}"#),
    field("tools.function.defer_loading", r#"{"tools":[{"type":"function","name":"f","defer_loading":true}]}"#),
    field("tools.function.output_schema", r#"{"tools":[{"type":"function","name":"f","output_schema":{}}]}"#),
    field("tools.custom", r#"{"tools":[{"type":"custom","name":"x","description":"d"}]}"#),
    field(
        "tools.custom.format",
        r#"{"tools":[{"type":"custom","name":"x","format":{"type":"grammar","syntax":"lark","definition":"start: /a/"}}]}"#,
    ),
    field("tools.namespace", r#"{"tools":[{"type":"namespace","name":"crm","description":"d","tools":[]}]}"#),
    field("tools.file_search", r#"{"tools":[{"type":"file_search","vector_store_ids":["vs_1"]}]}"#),
    field("tools.web_search", r#"{"tools":[{"type":"web_search"}]}"#),
    field("tools.mcp", r#"{"tools":[{"type":"mcp","server_label":"s","server_url":"https://h"}]}"#),
    field("tools.code_interpreter", r#"{"tools":[{"type":"code_interpreter","container":{"type":"auto"}}]}"#),
    field("tools.image_generation", r#"{"tools":[{"type":"image_generation"}]}"#),
    field("tools.computer", r#"{"tools":[{"type":"computer"}]}"#),
    field("tools.shell", r#"{"tools":[{"type":"shell"}]}"#),
    field("tools.local_shell", r#"{"tools":[{"type":"local_shell"}]}"#),
    field("tools.apply_patch", r#"{"tools":[{"type":"apply_patch"}]}"#),
    field("tools.tool_search", r#"{"tools":[{"type":"tool_search"}]}"#),
    field("tools.programmatic_tool_calling", r#"{"tools":[{"type":"programmatic_tool_calling"}]}"#),
    field("tool_choice", r#"{"tools":[{"type":"function","name":"f"}],"tool_choice":"required"}"#),
    field(
        "tool_choice.function",
        r#"{"tools":[{"type":"function","name":"f"}],"tool_choice":{"type":"function","name":"f"}}"#,
    ),
    field(
        "tool_choice.custom",
        r#"{"tools":[{"type":"custom","name":"x"}],"tool_choice":{"type":"custom","name":"x"}}"#,
    ),
    field(
        "tool_choice.allowed_tools",
        r#"{"tools":[{"type":"function","name":"f"}],
            "tool_choice":{"type":"allowed_tools","mode":"required","tools":[{"type":"function","name":"f"}]}}"#,
    ),
    field("tool_choice.hosted", r#"{"tool_choice":{"type":"web_search_preview"}}"#),
    // Messages and their parts.
    field("input.role", r#"{"input":[{"role":"assistant","content":"Hello"},{"role":"user","content":"Go on"}]}"#),
    field(
        "input.role.developer",
        r#"{"input":[{"role":"developer","content":"Be brief."},{"role":"user","content":"Hi"}]}"#,
    ),
    field("input.role.system", r#"{"input":[{"role":"user","content":"Hi"},{"role":"system","content":"Be brief."}]}"#),
    field("input.id", r#"{"input":[{"type":"message","id":"msg_1","role":"user","content":"Hi"}]}"#),
    field("input.status", r#"{"input":[{"type":"message","status":"incomplete","role":"user","content":"Hi"}]}"#),
    field(
        "input.phase",
        r#"{"input":[{"role":"assistant","phase":"commentary","content":"Hm"},{"role":"user","content":"Hi"}]}"#,
    ),
    field(
        "input.content.input_text",
        r#"{"input":[{"role":"user","content":[{"type":"input_text","text":"Hello"}]}]}"#,
    ),
    field(
        "input.content.prompt_cache_breakpoint",
        r#"{"input":[{"role":"user","content":[
            {"type":"input_text","text":"Hi","prompt_cache_breakpoint":{"mode":"explicit"}}]}]}"#,
    ),
    field(
        "input.content.prompt_cache_breakpoint.ttl",
        r#"{"input":[{"role":"user","content":[
            {"type":"input_text","text":"Hi","prompt_cache_breakpoint":{"mode":"explicit","ttl":"12h"}}]}]}"#,
    ),
    field(
        "input.content.input_image.image_url",
        r#"{"input":[{"role":"user","content":[{"type":"input_image","image_url":"https://h/i.png"}]}]}"#,
    ),
    field(
        "input.content.input_image.data",
        r#"{"input":[{"role":"user","content":[{"type":"input_image","image_url":"data:image/png;base64,iVBORw0KGgo="}]}]}"#,
    ),
    field(
        "input.content.input_image.file_id",
        r#"{"input":[{"role":"user","content":[{"type":"input_text","text":"Hi"},{"type":"input_image","file_id":"file_1"}]}]}"#,
    ),
    field(
        "input.content.input_image.detail",
        r#"{"input":[{"role":"user","content":[
            {"type":"input_image","image_url":"https://h/i.png","detail":"low"}]}]}"#,
    ),
    field(
        "input.content.input_file.file_data",
        r#"{"input":[{"role":"user","content":[
            {"type":"input_file","filename":"a.pdf","file_data":"data:application/pdf;base64,JVBERi0="}]}]}"#,
    ),
    field(
        "input.content.input_file.file_url",
        r#"{"input":[{"role":"user","content":[{"type":"input_file","file_url":"https://h/a.pdf"}]}]}"#,
    ),
    field(
        "input.content.input_file.file_id",
        r#"{"input":[{"role":"user","content":[{"type":"input_text","text":"Hi"},{"type":"input_file","file_id":"file_1"}]}]}"#,
    ),
    field(
        "input.content.input_file.filename",
        r#"{"input":[{"role":"user","content":[
            {"type":"input_file","file_url":"https://h/a.pdf","filename":"a.pdf"}]}]}"#,
    ),
    field(
        "input.content.input_file.detail",
        r#"{"input":[{"role":"user","content":[{"type":"input_file","file_url":"https://h/a.pdf","detail":"high"}]}]}"#,
    ),
    field(
        "input.content.input_audio",
        r#"{"input":[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"UklGRg==","format":"wav"}}]}]}"#,
    ),
    field(
        "input.content.output_text.annotations",
        r#"{"input":[{"role":"assistant","content":[{"type":"output_text","text":"Hm","annotations":[
            {"type":"url_citation","url":"https://h","title":"t","start_index":0,"end_index":1}]}]},
            {"role":"user","content":"Hi"}]}"#,
    ),
    field(
        "input.content.output_text.logprobs",
        r#"{"input":[{"role":"assistant","content":[{"type":"output_text","text":"Hm","logprobs":[
            {"token":"Hm","logprob":-0.5,"bytes":[72,109],"top_logprobs":[]}]}]},{"role":"user","content":"Hi"}]}"#,
    ),
    field(
        "input.content.refusal",
        r#"{"input":[{"role":"assistant","content":[{"type":"refusal","refusal":"No."}]},{"role":"user","content":"Hi"}]}"#,
    ),
    // Calls of tools and what they say.
    field(
        "input.function_call",
        r#"{"input":[{"type":"function_call","call_id":"c","name":"f","arguments":"{\"a\":1}"}]}"#,
    ),
    field(
        "input.function_call.namespace",
        r#"{"input":[{"type":"function_call","call_id":"c","name":"f","arguments":"{}","namespace":"crm"}]}"#,
    ),
    field(
        "input.function_call.caller",
        r#"{"input":[{"type":"function_call","call_id":"c","name":"f","arguments":"{}","caller":{"type":"direct"}}]}"#,
    ),
    field(
        "input.function_call_output",
        r#"{"input":[{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},
            {"type":"function_call_output","call_id":"c","output":"14"}]}"#,
    ),
    field(
        "input.function_call_output.name",
        r#"{"input":[{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},
            {"type":"function_call_output","call_id":"c","name":"f","output":"14"}]}"#,
    ),
    field(
        "input.function_call_output.output.input_image",
        r#"{"input":[{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},
            {"type":"function_call_output","call_id":"c","output":[{"type":"input_image","image_url":"https://h/i.png"}]}]}"#,
    ),
    field(
        "input.function_call_output.output.input_file",
        r#"{"input":[{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},
            {"type":"function_call_output","call_id":"c","output":[{"type":"input_file","file_url":"https://h/a.pdf"}]}]}"#,
    ),
    field(
        "input.custom_tool_call",
        r#"{"tools":[{"type":"custom","name":"x"}],
            "input":[{"type":"custom_tool_call","call_id":"c","name":"x","input":"print(1)"},
            {"type":"custom_tool_call_output","call_id":"c","output":"1"}]}"#,
    ),
    // Thoughts.
    field(
        "input.reasoning.summary",
        r#"{"input":[{"role":"user","content":"Hi"},
            {"type":"reasoning","summary":[{"type":"summary_text","text":"Hm."}]},{"role":"assistant","content":"Hm."},
            {"role":"user","content":"Go on"}]}"#,
    ),
    field(
        "input.reasoning.content",
        r#"{"input":[{"role":"user","content":"Hi"},
            {"type":"reasoning","summary":[],"content":[{"type":"reasoning_text","text":"Hm."}]},
            {"role":"assistant","content":"Hm."},{"role":"user","content":"Go on"}]}"#,
    ),
    field(
        "input.reasoning.encrypted_content",
        r#"{"input":[{"role":"user","content":"Hi"},{"type":"reasoning","summary":[],"encrypted_content":"gAAAAAB="},
            {"role":"assistant","content":"Hm."},{"role":"user","content":"Go on"}]}"#,
    ),
    field("input.function_call.async", r#"{"input":[{"type":"function_call","call_id":"c","name":"f","async":true}]}"#),
    // Items that only the provider has a use for.
    field("input.item_reference", r#"{"input":["Hi",{"type":"item_reference","id":"msg_1"}]}"#),
    field("input.compaction", r#"{"input":["Hi",{"type":"compaction","encrypted_content":"gAA="}]}"#),
    field("input.compaction_trigger", r#"{"input":["Hi",{"type":"compaction_trigger"}]}"#),
    field("input.additional_tools", r#"{"input":["Hi",{"type":"additional_tools","role":"developer","tools":[]}]}"#),
    field("input.tool_search_call", r#"{"input":["Hi",{"type":"tool_search_call","arguments":{}}]}"#),
    field("input.tool_search_output", r#"{"input":["Hi",{"type":"tool_search_output","tools":[]}]}"#),
    field("input.file_search_call", r#"{"input":["Hi",{"type":"file_search_call","id":"fs_1","queries":["q"]}]}"#),
    field("input.web_search_call", r#"{"input":["Hi",{"type":"web_search_call","id":"ws_1","status":"completed"}]}"#),
    field("input.computer_call", r#"{"input":["Hi",{"type":"computer_call","id":"cu_1","call_id":"c"}]}"#),
    field("input.computer_call_output", r#"{"input":["Hi",{"type":"computer_call_output","call_id":"c"}]}"#),
    field("input.code_interpreter_call", r#"{"input":["Hi",{"type":"code_interpreter_call","id":"ci_1","code":"1"}]}"#),
    field(
        "input.image_generation_call",
        r#"{"input":["Hi",{"type":"image_generation_call","id":"ig_1","result":null}]}"#,
    ),
    field("input.local_shell_call", r#"{"input":["Hi",{"type":"local_shell_call","id":"ls_1","call_id":"c"}]}"#),
    field(
        "input.local_shell_call_output",
        r#"{"input":["Hi",{"type":"local_shell_call_output","id":"ls_1","output":"x"}]}"#,
    ),
    field("input.shell_call", r#"{"input":["Hi",{"type":"shell_call","call_id":"c","action":{"commands":["ls"]}}]}"#),
    field("input.shell_call_output", r#"{"input":["Hi",{"type":"shell_call_output","call_id":"c","output":[]}]}"#),
    field("input.apply_patch_call", r#"{"input":["Hi",{"type":"apply_patch_call","call_id":"c","operation":{}}]}"#),
    field("input.apply_patch_call_output", r#"{"input":["Hi",{"type":"apply_patch_call_output","call_id":"c"}]}"#),
    field(
        "input.mcp_list_tools",
        r#"{"input":["Hi",{"type":"mcp_list_tools","id":"mcpl_1","server_label":"s","tools":[]}]}"#,
    ),
    field("input.mcp_approval_request", r#"{"input":["Hi",{"type":"mcp_approval_request","id":"mcpr_1","name":"t"}]}"#),
    field("input.mcp_approval_response", r#"{"input":["Hi",{"type":"mcp_approval_response","approve":true}]}"#),
    field("input.mcp_call", r#"{"input":["Hi",{"type":"mcp_call","id":"mcp_1","name":"t","arguments":"{}"}]}"#),
    field(
        "input.configuration_update",
        r#"{"input":["Hi",{"type":"configuration_update","reasoning":{"effort":"low"}}]}"#,
    ),
    field("input.program", r#"{"input":["Hi",{"type":"program","id":"p_1","call_id":"c","code":"1"}]}"#),
    field(
        "input.program_output",
        r#"{"input":["Hi",{"type":"program_output","id":"p_2","call_id":"c","result":"1"}]}"#,
    ),
];

const fn field(name: &'static str, sample: &'static str) -> Field {
    Field { name, sample }
}

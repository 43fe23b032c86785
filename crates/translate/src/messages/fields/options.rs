//! Tools and everything else.

use crate::fields::Field;

const fn field(name: &'static str, sample: &'static str) -> Field {
    Field { name, sample }
}

pub(super) const FIELDS: &[Field] = &[
    field("model", r#"{"model":"claude-opus-5"}"#),
    field("max_tokens", r#"{"max_tokens":9}"#),
    field("stream", r#"{"stream":true}"#),
    field("temperature", r#"{"temperature":0.5}"#),
    field("top_p", r#"{"top_p":0.5}"#),
    field("top_k", r#"{"top_k":5}"#),
    field("stop_sequences", r#"{"stop_sequences":["END"]}"#),
    field("tools.name", r#"{"tools":[{"name":"f","input_schema":{"type":"object"}}]}"#),
    field("tools.description", r#"{"tools":[{"name":"f","input_schema":{"type":"object"},"description":"Does."}]}"#),
    field(
        "tools.input_schema",
        r#"{"tools":[{"name":"f","input_schema":{"type":"object","properties":{"a":{"type":"string"}}}}]}"#,
    ),
    field("tools.type", r#"{"tools":[{"name":"f","input_schema":{"type":"object"},"type":"custom"}]}"#),
    field("tools.strict", r#"{"tools":[{"name":"f","input_schema":{"type":"object"},"strict":true}]}"#),
    field(
        "tools.cache_control",
        r#"{"tools":[{"name":"f","input_schema":{"type":"object"},"cache_control":{"type":"ephemeral"}}]}"#,
    ),
    field("tools.defer_loading", r#"{"tools":[{"name":"f","input_schema":{"type":"object"},"defer_loading":true}]}"#),
    field(
        "tools.allowed_callers",
        r#"{"tools":[{"name":"f","input_schema":{"type":"object"},"allowed_callers":[
            "code_execution_20260120"]}]}"#,
    ),
    field(
        "tools.eager_input_streaming",
        r#"{"tools":[{"name":"f","input_schema":{"type":"object"},"eager_input_streaming":true}]}"#,
    ),
    field(
        "tools.input_examples",
        r#"{"tools":[{"name":"f","input_schema":{"type":"object"},"input_examples":[{"a":"b"}]}]}"#,
    ),
    field("tools.bash_20250124", r#"{"tools":[{"type":"bash_20250124","name":"bash"}]}"#),
    field(
        "tools.text_editor_20250728",
        r#"{"tools":[{"type":"text_editor_20250728","name":"str_replace_based_edit_tool"}]}"#,
    ),
    field("tools.computer_20251124", r#"{"tools":[{"type":"computer_20251124","name":"computer"}]}"#),
    field("tools.memory_20250818", r#"{"tools":[{"type":"memory_20250818","name":"memory"}]}"#),
    field("tools.web_search_20260318", r#"{"tools":[{"type":"web_search_20260318","name":"web_search"}]}"#),
    field("tools.web_fetch_20260318", r#"{"tools":[{"type":"web_fetch_20260318","name":"web_fetch"}]}"#),
    field("tools.code_execution_20260521", r#"{"tools":[{"type":"code_execution_20260521","name":"code_execution"}]}"#),
    field(
        "tools.tool_search_tool_regex_20251119",
        r#"{"tools":[{"type":"tool_search_tool_regex_20251119","name":"tool_search_tool_regex"}]}"#,
    ),
    field(
        "tools.tool_search_tool_bm25_20251119",
        r#"{"tools":[{"type":"tool_search_tool_bm25_20251119","name":"tool_search_tool_bm25"}]}"#,
    ),
    field("tools.advisor_20260301", r#"{"tools":[{"type":"advisor_20260301","name":"advisor"}]}"#),
    field("tools.mcp_toolset", r#"{"tools":[{"type":"mcp_toolset","mcp_server_name":"s"}]}"#),
    field(
        "tool_choice.auto",
        r#"{"tools":[{"name":"f","input_schema":{"type":"object"}}],"tool_choice":{"type":"auto"}}"#,
    ),
    field(
        "tool_choice.any",
        r#"{"tools":[{"name":"f","input_schema":{"type":"object"}}],"tool_choice":{"type":"any"}}"#,
    ),
    field(
        "tool_choice.none",
        r#"{"tools":[{"name":"f","input_schema":{"type":"object"}}],"tool_choice":{"type":"none"}}"#,
    ),
    field(
        "tool_choice.tool",
        r#"{"tools":[{"name":"f","input_schema":{"type":"object"}}],"tool_choice":{"type":"tool","name":"f"}}"#,
    ),
    field(
        "tool_choice.disable_parallel_tool_use",
        r#"{"tools":[{"name":"f","input_schema":{"type":"object"}}],"tool_choice":{"type":"auto",
            "disable_parallel_tool_use":true}}"#,
    ),
    field("thinking.enabled", r#"{"max_tokens":8000,"thinking":{"type":"enabled","budget_tokens":2000}}"#),
    field("thinking.adaptive", r#"{"thinking":{"type":"adaptive"}}"#),
    field("thinking.between_tools", r#"{"thinking":{"type":"between_tools"}}"#),
    field("thinking.disabled", r#"{"thinking":{"type":"disabled"}}"#),
    field("thinking.display", r#"{"thinking":{"type":"adaptive","display":"omitted"}}"#),
    field(
        "thinking.block_binding",
        r#"{"thinking":{"type":"adaptive","block_binding":{"prefix_mismatch_behavior":"drop_block"}}}"#,
    ),
    field("output_config.effort", r#"{"output_config":{"effort":"low"}}"#),
    field(
        "output_config.format",
        r#"{"output_config":{"format":{"type":"json_schema","schema":{"type":"object","properties":{"a":{
            "type":"string"}},"required":["a"],"additionalProperties":false}}}}"#,
    ),
    field("output_config.task_budget", r#"{"output_config":{"task_budget":{"type":"tokens","total":50000}}}"#),
    field(
        "output_format",
        r#"{"output_format":{"type":"json_schema","schema":{"type":"object","additionalProperties":false}}}"#,
    ),
    field("metadata.user_id", r#"{"metadata":{"user_id":"u"}}"#),
    field("service_tier", r#"{"service_tier":"standard_only"}"#),
    field("cache_control", r#"{"cache_control":{"type":"ephemeral"}}"#),
    field("container", r#"{"container":"container_1"}"#),
    field("context_management", r#"{"context_management":{"edits":[{"type":"clear_tool_uses_20250919"}]}}"#),
    field("compaction", r#"{"compaction":{"type":"summarize"}}"#),
    field("thread.create", r#"{"thread":{"type":"create"}}"#),
    field("thread.continue", r#"{"thread":{"type":"continue","previous_message_id":"msg_1"}}"#),
    field("mcp_servers", r#"{"mcp_servers":[{"type":"url","name":"s","url":"https://h"}]}"#),
    field("inference_geo", r#"{"inference_geo":"eu"}"#),
    field("speed", r#"{"speed":"fast"}"#),
    field("diagnostics", r#"{"diagnostics":{"previous_message_id":"msg_1"}}"#),
    field("fallbacks", r#"{"fallbacks":"default"}"#),
    field("fallback_credit_token", r#"{"fallback_credit_token":"t"}"#),
    field("billing_policy", r#"{"billing_policy":{"type":"billing_policy","bill_to":"user_profile"}}"#),
    field("user_profile_id", r#"{"user_profile_id":"u"}"#),
    field("workspace_id", r#"{"workspace_id":"w"}"#),
    field("betas", r#"{"betas":["b"]}"#),
];

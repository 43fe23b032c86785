//! Thoughts, calls and results of tools, and the instructions in front of the conversation.

use crate::fields::Field;

const fn field(name: &'static str, sample: &'static str) -> Field {
    Field { name, sample }
}

pub(super) const FIELDS: &[Field] = &[
    field(
        "messages.content.thinking",
        r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"thinking",
            "thinking":"Hm.","signature":"EqQBCg=="},{"type":"text","text":"Ho"}]},{"role":"user",
            "content":"Go on"}]}"#,
    ),
    field(
        "messages.content.redacted_thinking",
        r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{
            "type":"redacted_thinking","data":"EmwK"},{"type":"text","text":"Ho"}]},{"role":"user",
            "content":"Go on"}]}"#,
    ),
    field(
        "messages.content.tool_use",
        r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"tool_use",
            "id":"toolu_1","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result",
            "tool_use_id":"toolu_1","content":"done"}]}]}"#,
    ),
    field(
        "messages.content.tool_use.caller",
        r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"tool_use",
            "id":"toolu_1","name":"f","input":{"a":1},"caller":{"type":"direct"}}]},{"role":"user",
            "content":[{"type":"tool_result",
            "tool_use_id":"toolu_1","content":"done"}]}]}"#,
    ),
    field(
        "messages.content.tool_use.toolset_name",
        r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"tool_use",
            "id":"toolu_1","name":"f","input":{"a":1},"toolset_name":"agent"}]},{"role":"user",
            "content":[{"type":"tool_result",
            "tool_use_id":"toolu_1","content":"done"}]}]}"#,
    ),
    field(
        "messages.content.tool_use.cache_control",
        r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"tool_use",
            "id":"toolu_1","name":"f","input":{"a":1},"cache_control":{"type":"ephemeral"}}]},{
            "role":"user","content":[{"type":"tool_result",
            "tool_use_id":"toolu_1","content":"done"}]}]}"#,
    ),
    field(
        "messages.content.tool_result.content",
        r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"tool_use",
            "id":"toolu_1","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result",
            "tool_use_id":"toolu_1","content":[{"type":"text","text":"done"},{"type":"image",
            "source":{"type":"base64","media_type":"image/png","data":"iVBORw0KGgo="}}]}]}]}"#,
    ),
    field(
        "messages.content.tool_result.content.search_result",
        r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"tool_use",
            "id":"toolu_1","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result",
            "tool_use_id":"toolu_1","content":[{"type":"search_result","source":"https://h",
            "title":"T","content":[{"type":"text","text":"found"}]}]}]}]}"#,
    ),
    field(
        "messages.content.tool_result.content.document",
        r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"tool_use",
            "id":"toolu_1","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result",
            "tool_use_id":"toolu_1","content":[{"type":"document","source":{"type":"text",
            "media_type":"text/plain","data":"d"}}]}]}]}"#,
    ),
    field(
        "messages.content.tool_result.content.tool_reference",
        r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"tool_use",
            "id":"toolu_1","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result",
            "tool_use_id":"toolu_1","content":[{"type":"tool_reference","tool_name":"f"}]}]}]}"#,
    ),
    field(
        "messages.content.tool_result.content.browser_state",
        r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"tool_use",
            "id":"toolu_1","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result",
            "tool_use_id":"toolu_1","content":[{"type":"browser_state","tabs":[]}]}]}]}"#,
    ),
    field(
        "messages.content.tool_result.is_error",
        r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"tool_use",
            "id":"toolu_1","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result",
            "tool_use_id":"toolu_1","content":"no","is_error":true}]}]}"#,
    ),
    field(
        "messages.content.tool_result.toolset_name",
        r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"tool_use",
            "id":"toolu_1","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result",
            "tool_use_id":"toolu_1","content":"done","toolset_name":"agent"}]}]}"#,
    ),
    field(
        "messages.content.tool_result.cache_control",
        r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"tool_use",
            "id":"toolu_1","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result",
            "tool_use_id":"toolu_1","content":"done","cache_control":{"type":"ephemeral"}}]}]}"#,
    ),
    field(
        "messages.content.server_tool_use",
        r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{
            "type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{"query":"q"}},{
            "type":"text","text":"Ho"}]},{"role":"user","content":"Go on"}]}"#,
    ),
    field(
        "messages.content.web_search_tool_result",
        r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{
            "type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":[]},{"type":"text",
            "text":"Ho"}]},{"role":"user","content":"Go on"}]}"#,
    ),
    field(
        "messages.content.web_fetch_tool_result",
        r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{
            "type":"web_fetch_tool_result","tool_use_id":"srvtoolu_1","content":[]},{"type":"text",
            "text":"Ho"}]},{"role":"user","content":"Go on"}]}"#,
    ),
    field(
        "messages.content.code_execution_tool_result",
        r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{
            "type":"code_execution_tool_result","tool_use_id":"srvtoolu_1","content":[]},{
            "type":"text","text":"Ho"}]},{"role":"user","content":"Go on"}]}"#,
    ),
    field(
        "messages.content.bash_code_execution_tool_result",
        r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{
            "type":"bash_code_execution_tool_result","tool_use_id":"srvtoolu_1","content":[]},{
            "type":"text","text":"Ho"}]},{"role":"user","content":"Go on"}]}"#,
    ),
    field(
        "messages.content.text_editor_code_execution_tool_result",
        r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{
            "type":"text_editor_code_execution_tool_result","tool_use_id":"srvtoolu_1","content":[
            ]},{"type":"text","text":"Ho"}]},{"role":"user","content":"Go on"}]}"#,
    ),
    field(
        "messages.content.tool_search_tool_result",
        r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{
            "type":"tool_search_tool_result","tool_use_id":"srvtoolu_1","content":[]},{
            "type":"text","text":"Ho"}]},{"role":"user","content":"Go on"}]}"#,
    ),
    field(
        "messages.content.advisor_tool_result",
        r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{
            "type":"advisor_tool_result","tool_use_id":"srvtoolu_1","content":[]},{"type":"text",
            "text":"Ho"}]},{"role":"user","content":"Go on"}]}"#,
    ),
    field(
        "messages.content.mcp_tool_use",
        r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"mcp_tool_use",
            "id":"mcptoolu_1","name":"f","server_name":"s","input":{}},{"type":"text",
            "text":"Ho"}]},{"role":"user","content":"Go on"}]}"#,
    ),
    field(
        "messages.content.mcp_tool_result",
        r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{
            "type":"mcp_tool_result","tool_use_id":"mcptoolu_1","content":[],"is_error":false},{
            "type":"text","text":"Ho"}]},{"role":"user","content":"Go on"}]}"#,
    ),
    field(
        "messages.content.mcp_tool_listing",
        r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{
            "type":"mcp_tool_listing","mcp_server_name":"s","tools":[]},{"type":"text",
            "text":"Ho"}]},{"role":"user","content":"Go on"}]}"#,
    ),
    field(
        "messages.content.container_upload",
        r#"{"messages":[{"role":"user","content":[{"type":"container_upload","file_id":"file_1"}]}]}"#,
    ),
    field(
        "messages.content.compaction",
        r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"compaction",
            "content":"What came before."}]},{"role":"user","content":"Go on"}]}"#,
    ),
    field(
        "messages.content.fallback",
        r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"fallback",
            "from":{"model":"a"},"to":{"model":"b"}},{"type":"text","text":"Ho"}]},{"role":"user",
            "content":"Go on"}]}"#,
    ),
    field(
        "messages.content.mid_conv_system",
        r#"{"messages":[{"role":"user","content":[{"type":"text","text":"Hi"},{"type":"mid_conv_system",
            "content":[{"type":"text","text":"Be brief."}]}]}]}"#,
    ),
    field(
        "messages.content.tool_addition",
        r#"{"messages":[{"role":"user","content":"Hi"},{"role":"system","content":[{"type":"tool_addition",
            "tool":{"type":"tool_reference","tool_name":"f"}}]}]}"#,
    ),
    field(
        "messages.content.tool_removal",
        r#"{"messages":[{"role":"user","content":"Hi"},{"role":"system","content":[{"type":"tool_removal",
            "tool":{"type":"tool_reference","tool_name":"f"}}]}]}"#,
    ),
    field("system", r#"{"system":"Be brief."}"#),
    field("system.text", r#"{"system":[{"type":"text","text":"Be brief."}]}"#),
    field(
        "system.cache_control",
        r#"{"system":[{"type":"text","text":"Be brief.","cache_control":{"type":"ephemeral"}}]}"#,
    ),
    field(
        "system.attribution",
        r#"{"system":[{"type":"text","text":"x-anthropic-billing-header: cc_version=2; cch=1;"}]}"#,
    ),
];

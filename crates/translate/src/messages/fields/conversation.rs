//! What user and model say.

use crate::fields::Field;

const fn field(name: &'static str, sample: &'static str) -> Field {
    Field { name, sample }
}

pub(super) const FIELDS: &[Field] = &[
    field(
        "messages.role",
        r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Ho"},{"role":"user",
            "content":"?"}]}"#,
    ),
    field(
        "messages.role.system",
        r#"{"messages":[{"role":"user","content":"Hi"},{"role":"system","content":"Be brief."}]}"#,
    ),
    field(
        "messages.clear_at",
        r#"{"messages":[{"role":"user","content":"Hi"},{"role":"system","content":"Be brief.",
            "clear_at":"next_user_message"},{"role":"assistant","content":"Ho"},{"role":"user",
            "content":"Go on"}]}"#,
    ),
    field(
        "messages.output_config",
        r#"{"messages":[{"role":"user","content":"Hi"},{"role":"system","content":"Be brief.","output_config":{
            "effort":"low"}}]}"#,
    ),
    field("messages.content", r#"{"messages":[{"role":"user","content":"Other"}]}"#),
    field("messages.content.text", r#"{"messages":[{"role":"user","content":[{"type":"text","text":"Other"}]}]}"#),
    field(
        "messages.content.text.cache_control",
        r#"{"messages":[{"role":"user","content":[{"type":"text","text":"Hi","cache_control":{
            "type":"ephemeral"}}]}]}"#,
    ),
    field(
        "messages.content.text.cache_control.ttl",
        r#"{"messages":[{"role":"user","content":[{"type":"text","text":"Hi","cache_control":{
            "type":"ephemeral","ttl":"1h"}}]}]}"#,
    ),
    field(
        "messages.content.text.cache_control.scope",
        r#"{"messages":[{"role":"user","content":[{"type":"text","text":"Hi","cache_control":{
            "type":"ephemeral","scope":"global"}}]}]}"#,
    ),
    field(
        "messages.content.text.citations",
        r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"text",
            "text":"So.","citations":[{"type":"char_location","cited_text":"so","document_index":0,
            "document_title":"T","start_char_index":0,"end_char_index":2}]}]},{"role":"user",
            "content":"Go on"}]}"#,
    ),
    field(
        "messages.content.image.source.base64",
        r#"{"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64",
            "media_type":"image/png","data":"iVBORw0KGgo="}}]}]}"#,
    ),
    field(
        "messages.content.image.source.url",
        r#"{"messages":[{"role":"user","content":[{"type":"image","source":{"type":"url",
            "url":"https://h/p.png"}}]}]}"#,
    ),
    field(
        "messages.content.image.source.file",
        r#"{"messages":[{"role":"user","content":[{"type":"image","source":{"type":"file",
            "file_id":"file_1"}}]}]}"#,
    ),
    field(
        "messages.content.image.cache_control",
        r#"{"messages":[{"role":"user","content":[{"type":"image","source":{"type":"url",
            "url":"https://h/p.png"},"cache_control":{"type":"ephemeral"}}]}]}"#,
    ),
    field(
        "messages.content.image.transformations",
        r#"{"messages":[{"role":"user","content":[{"type":"image","source":{"type":"url",
            "url":"https://h/p.png"},"transformations":{"oversized":"downscale"}}]}]}"#,
    ),
    field(
        "messages.content.document.source.base64",
        r#"{"messages":[{"role":"user","content":[{"type":"document","source":{"type":"base64",
            "media_type":"application/pdf","data":"JVBERi0="}}]}]}"#,
    ),
    field(
        "messages.content.document.source.text",
        r#"{"messages":[{"role":"user","content":[{"type":"document","source":{"type":"text",
            "media_type":"text/plain","data":"d"}}]}]}"#,
    ),
    field(
        "messages.content.document.source.url",
        r#"{"messages":[{"role":"user","content":[{"type":"document","source":{"type":"url",
            "url":"https://h/d.pdf"}}]}]}"#,
    ),
    field(
        "messages.content.document.source.file",
        r#"{"messages":[{"role":"user","content":[{"type":"document","source":{"type":"file",
            "file_id":"file_1"}}]}]}"#,
    ),
    field(
        "messages.content.document.source.content",
        r#"{"messages":[{"role":"user","content":[{"type":"document","source":{"type":"content","content":[{
            "type":"text","text":"d"}]}}]}]}"#,
    ),
    field(
        "messages.content.document.title",
        r#"{"messages":[{"role":"user","content":[{"type":"document","source":{"type":"text",
            "media_type":"text/plain","data":"d"},"title":"T"}]}]}"#,
    ),
    field(
        "messages.content.document.context",
        r#"{"messages":[{"role":"user","content":[{"type":"document","source":{"type":"text",
            "media_type":"text/plain","data":"d"},"context":"C"}]}]}"#,
    ),
    field(
        "messages.content.document.citations",
        r#"{"messages":[{"role":"user","content":[{"type":"document","source":{"type":"text",
            "media_type":"text/plain","data":"d"},"citations":{"enabled":true}}]}]}"#,
    ),
    field(
        "messages.content.document.cache_control",
        r#"{"messages":[{"role":"user","content":[{"type":"document","source":{"type":"text",
            "media_type":"text/plain","data":"d"},"cache_control":{"type":"ephemeral"}}]}]}"#,
    ),
    field(
        "messages.content.search_result",
        r#"{"messages":[{"role":"user","content":[{"type":"search_result","source":"https://h","title":"T",
            "content":[{"type":"text","text":"found"}]}]}]}"#,
    ),
    field(
        "messages.content.search_result.citations",
        r#"{"messages":[{"role":"user","content":[{"type":"search_result","source":"https://h","title":"T",
            "content":[{"type":"text","text":"found"}],"citations":{"enabled":true}}]}]}"#,
    ),
    field(
        "messages.content.search_result.cache_control",
        r#"{"messages":[{"role":"user","content":[{"type":"search_result","source":"https://h","title":"T",
            "content":[{"type":"text","text":"found"}],"cache_control":{"type":"ephemeral"}}]}]}"#,
    ),
];

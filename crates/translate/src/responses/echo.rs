//! What replies repeat of their request, as the SDKs' types demand.
//!
//! <https://platform.openai.com/docs/api-reference/responses/object> (seen 2026-11).

use serde::{Deserialize, Serialize};

use crate::json::{self, Raw};

/// The members, in the request and in the reply; `None`: the provider's default stands in the reply.
#[derive(Debug, Deserialize, Serialize)]
struct Echo<'a> {
    #[serde(borrow, default)]
    instructions: Option<Raw<'a>>,
    #[serde(default)]
    max_output_tokens: Option<Raw<'a>>,
    #[serde(default)]
    max_tool_calls: Option<Raw<'a>>,
    #[serde(default)]
    metadata: Option<Raw<'a>>,
    #[serde(default)]
    parallel_tool_calls: Option<Raw<'a>>,
    #[serde(default)]
    prompt_cache_key: Option<Raw<'a>>,
    #[serde(default)]
    reasoning: Option<Raw<'a>>,
    #[serde(default)]
    safety_identifier: Option<Raw<'a>>,
    #[serde(default)]
    temperature: Option<Raw<'a>>,
    #[serde(default)]
    text: Option<Raw<'a>>,
    #[serde(default)]
    tool_choice: Option<Raw<'a>>,
    #[serde(default)]
    tools: Option<Raw<'a>>,
    #[serde(default)]
    top_logprobs: Option<Raw<'a>>,
    #[serde(default)]
    top_p: Option<Raw<'a>>,
    #[serde(default)]
    user: Option<Raw<'a>>,
    /// What was done, whatever was asked for.
    #[serde(skip_deserializing, default = "not_kept")]
    store: bool,
    #[serde(skip_deserializing)]
    background: bool,
    #[serde(skip_deserializing)]
    previous_response_id: Option<()>,
    #[serde(skip_deserializing, default = "disabled")]
    truncation: &'static str,
}

fn not_kept() -> bool {
    false
}

fn disabled() -> &'static str {
    "disabled"
}

/// The members of a request that its replies repeat, as one object; `None` if the body is not an object.
pub fn echo(body: &[u8]) -> Option<Raw<'static>> {
    // Serde would take a list too.
    let mut echo: Echo<'_> = json::read_reply(body).filter(|_| body.trim_ascii_start().starts_with(b"{"))?;
    fill(&mut echo.metadata, "{}");
    fill(&mut echo.parallel_tool_calls, "true");
    fill(&mut echo.reasoning, r#"{"effort":null,"summary":null}"#);
    fill(&mut echo.temperature, "1.0");
    fill(&mut echo.text, r#"{"format":{"type":"text"}}"#);
    fill(&mut echo.tool_choice, r#""auto""#);
    fill(&mut echo.tools, "[]");
    fill(&mut echo.top_logprobs, "0");
    fill(&mut echo.top_p, "1.0");
    // The client may have written its members on many lines.
    Raw::of(&echo).map(Raw::on_one_line)
}

fn fill(member: &mut Option<Raw<'_>>, default: &'static str) {
    if member.is_none() {
        *member = Raw::parse(default);
    }
}

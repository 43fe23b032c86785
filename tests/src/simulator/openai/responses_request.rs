//! Reads and checks a request for a response.
//! <https://platform.openai.com/docs/api-reference/responses/create> (seen 2026-11).

use serde_json::{Value, json};

use super::super::fields::{Kind, Message as Table};
use super::super::mind::{Format, Heard, Thinking};
use super::chat_request::json_schema;
use super::error::ApiError;
use super::{Call, check, count, digest, responses_input, tokens, tools};

static FIELDS: Table = Table::new(
    "request",
    &[
        ("access_programs", Kind::Any),
        ("background", Kind::Flag),
        ("background_options", Kind::Struct),
        ("context_management", Kind::Any),
        ("conversation", Kind::Any),
        ("image", Kind::Any),
        ("include", Kind::List(&Kind::Word(&INCLUDES))),
        ("input", Kind::Any),
        ("instructions", Kind::Text),
        ("max_output_tokens", Kind::Integer),
        ("max_tool_calls", Kind::Integer),
        ("metadata", Kind::Map(&Kind::Text)),
        ("model", Kind::Text),
        ("moderation", Kind::Struct),
        ("parallel_tool_calls", Kind::Flag),
        ("previous_response_id", Kind::Text),
        ("prompt", Kind::Struct),
        ("prompt_cache_key", Kind::Text),
        ("prompt_cache_options", Kind::Struct),
        ("prompt_cache_retention", Kind::Word(&["in_memory", "in-memory", "24h"])),
        ("reasoning", Kind::Message(&REASONING)),
        ("safety_identifier", Kind::Text),
        ("service_tier", Kind::Word(&["auto", "default", "flex", "scale", "priority", "fast"])),
        ("store", Kind::Flag),
        ("stream", Kind::Flag),
        ("stream_options", Kind::Message(&STREAM_OPTIONS)),
        ("temperature", Kind::Number),
        ("text", Kind::Message(&TEXT)),
        ("tool_choice", Kind::Any),
        ("tools", Kind::Any),
        ("top_logprobs", Kind::Integer),
        ("top_p", Kind::Number),
        ("truncation", Kind::Word(&["auto", "disabled"])),
        ("user", Kind::Text),
    ],
);
static STREAM_OPTIONS: Table = Table::new("stream options", &[("include_obfuscation", Kind::Flag)]);
static REASONING: Table = Table::new(
    "reasoning",
    &[
        ("context", Kind::Word(&["auto", "current_turn", "all_turns"])),
        ("effort", Kind::Word(&["none", "minimal", "low", "medium", "high", "xhigh", "max"])),
        ("generate_summary", Kind::Word(&["auto", "concise", "detailed"])),
        ("mode", Kind::Text),
        ("summary", Kind::Word(&["auto", "concise", "detailed"])),
    ],
);
static TEXT: Table =
    Table::new("text", &[("format", Kind::Message(&FORMAT)), ("verbosity", Kind::Word(&["low", "medium", "high"]))]);
static FORMAT: Table = Table::new(
    "format",
    &[
        ("type", Kind::Word(&["text", "json_object", "json_schema"])),
        ("name", Kind::Any),
        ("description", Kind::Text),
        ("schema", Kind::Struct),
        ("strict", Kind::Flag),
    ],
)
.required(&["type"]);
static INCLUDES: [&str; 8] = [
    "file_search_call.results",
    "web_search_call.results",
    "web_search_call.action.sources",
    "message.input_image.image_url",
    "computer_call_output.output.image_url",
    "code_interpreter_call.outputs",
    "reasoning.encrypted_content",
    "message.output_text.logprobs",
];

/// What the request says, and the items of the conversation so far.
pub(super) fn read(call: &Call<'_>, body: &Value) -> Result<(Heard, Vec<Value>), ApiError> {
    let model = call.model(body)?;
    let given = items(body)?;
    let open_fields = call.state.config.open_fields;
    if !open_fields {
        check::object(body, &FIELDS, "")?;
    }
    check::range(body, "temperature", 0.0, 2.0)?;
    check::range(body, "top_p", 0.0, 1.0)?;
    check::range(body, "top_logprobs", 0.0, 20.0)?;
    let mut items = previous(call, body)?;
    items.extend(given);
    let input = responses_input::read(&items, open_fields)?;
    let tools = tools::read(body, tools::Style::Responses)?;
    let mut system: Vec<String> = body["instructions"].as_str().map(str::to_owned).into_iter().collect();
    system.extend(input.system);
    let heard = Heard {
        digest: digest(&body["input"]),
        count: items.len(),
        system,
        messages: input.messages,
        input_tokens: Some(input_tokens(body, &items) + tools.tokens),
        tools: tools.tools,
        choice: tools.choice,
        single_call: tools.single,
        format: format(body)?,
        thinking: if shows_summary(body) { Thinking::Shown } else { Thinking::IfAny },
        max_tokens: count(body, "max_output_tokens", 16)?,
        stop: Vec::new(),
        model,
    };
    Ok((heard, items))
}

/// The conversation that the request continues.
fn previous(call: &Call<'_>, body: &Value) -> Result<Vec<Value>, ApiError> {
    let Some(id) = body["previous_response_id"].as_str() else { return Ok(Vec::new()) };
    call.state.responses.get(id).ok_or_else(|| {
        let error = ApiError::invalid(format!("Previous response with id '{id}' not found."));
        error.param("previous_response_id").code("previous_response_not_found")
    })
}

/// Whether a summary of thoughts is asked for.
pub(super) fn shows_summary(body: &Value) -> bool {
    ["summary", "generate_summary"].into_iter().any(|field| body["reasoning"][field].is_string())
}

/// The input as a list; a plain text is one item.
fn items(body: &Value) -> Result<Vec<Value>, ApiError> {
    match body.get("input") {
        None | Some(Value::Null) => Err(ApiError::missing("input")),
        Some(text @ Value::String(_)) => Ok(vec![json!({"role": "user", "content": text})]),
        Some(Value::Array(items)) => Ok(items.clone()),
        Some(_) => Err(ApiError::wrong_type("input", "a string or an array")),
    }
}

fn input_tokens(body: &Value, items: &[Value]) -> u64 {
    3 + tokens::count_content(&body["instructions"]) + items.iter().map(item_tokens).sum::<u64>()
}

fn item_tokens(item: &Value) -> u64 {
    let extra = ["arguments", "output"].into_iter().map(|field| tokens::count_content(&item[field])).sum::<u64>();
    4 + tokens::count_content(&item["content"]) + extra
}

fn format(body: &Value) -> Result<Format, ApiError> {
    let format = &body["text"]["format"];
    match format["type"].as_str() {
        Some("json_object") => Ok(Format::Object),
        Some("json_schema") => {
            if format["schema"].is_null() {
                return Err(ApiError::missing("text.format.schema"));
            }
            json_schema(format, "text.format", "text.format")
        }
        _ => Ok(Format::Text),
    }
}

//! Reads and checks a request for a chat completion.
//! <https://platform.openai.com/docs/api-reference/chat/create> (seen 2026-11).

use serde_json::Value;

use super::super::fields::{Kind, Message as Table};
use super::super::mind::{Format, Heard, Thinking};
use super::error::ApiError;
use super::{Call, chat_messages, check, count, digest, tokens, tools};

const EFFORTS: Kind = Kind::Word(&["none", "minimal", "low", "medium", "high", "xhigh", "max"]);
const TIERS: Kind = Kind::Word(&["auto", "default", "flex", "scale", "priority", "fast"]);
const STOPS_MAX: usize = 4;

static FIELDS: Table = Table::new(
    "request",
    &[
        ("messages", Kind::Any),
        ("model", Kind::Text),
        ("audio", Kind::Struct),
        ("frequency_penalty", Kind::Number),
        ("function_call", Kind::Any),
        ("functions", Kind::List(&Kind::Struct)),
        ("logit_bias", Kind::Map(&Kind::Number)),
        ("logprobs", Kind::Flag),
        ("max_completion_tokens", Kind::Integer),
        ("max_tokens", Kind::Integer),
        ("metadata", Kind::Map(&Kind::Text)),
        ("modalities", Kind::List(&Kind::Word(&["text", "audio"]))),
        ("moderation", Kind::Struct),
        ("n", Kind::Integer),
        ("parallel_tool_calls", Kind::Flag),
        ("prediction", Kind::Struct),
        ("presence_penalty", Kind::Number),
        ("prompt_cache_key", Kind::Text),
        ("prompt_cache_options", Kind::Struct),
        ("prompt_cache_retention", Kind::Word(&["in_memory", "in-memory", "24h"])),
        ("reasoning_effort", EFFORTS),
        ("response_format", Kind::Message(&RESPONSE_FORMAT)),
        ("safety_identifier", Kind::Text),
        ("seed", Kind::Integer),
        ("service_tier", TIERS),
        ("stop", Kind::Any),
        ("store", Kind::Flag),
        ("stream", Kind::Flag),
        ("stream_options", Kind::Message(&STREAM_OPTIONS)),
        ("temperature", Kind::Number),
        ("tool_choice", Kind::Any),
        ("tools", Kind::Any),
        ("top_logprobs", Kind::Integer),
        ("top_p", Kind::Number),
        ("user", Kind::Text),
        ("verbosity", Kind::Word(&["low", "medium", "high"])),
        ("web_search_options", Kind::Struct),
    ],
);
static STREAM_OPTIONS: Table =
    Table::new("stream options", &[("include_usage", Kind::Flag), ("include_obfuscation", Kind::Flag)]);
static RESPONSE_FORMAT: Table = Table::new(
    "format",
    &[("type", Kind::Word(&["text", "json_object", "json_schema"])), ("json_schema", Kind::Message(&JSON_SCHEMA))],
)
.required(&["type"]);
static JSON_SCHEMA: Table = Table::new(
    "schema",
    &[("name", Kind::Any), ("description", Kind::Text), ("schema", Kind::Struct), ("strict", Kind::Flag)],
);

/// Reads a request whose `stream` is known to be a flag.
pub(super) fn read(call: &Call<'_>, body: &Value, stream: bool) -> Result<Heard, ApiError> {
    let model = call.model(body)?;
    let messages = messages(body)?;
    if !stream && !body["stream_options"].is_null() {
        let error = ApiError::invalid("'stream_options' may only be given when 'stream' is on.");
        return Err(error.param("stream_options"));
    }
    if !call.state.config.open_fields {
        check::chat_request(body, &FIELDS)?;
    }
    bounds(body)?;
    reasoning(body, &model)?;
    let prompt = chat_messages::read(messages)?;
    let tools = tools::read(body, tools::Style::Chat)?;
    Ok(Heard {
        digest: digest(&body["messages"]),
        count: messages.len(),
        system: prompt.system,
        messages: prompt.messages,
        tools: tools.tools,
        choice: tools.choice,
        single_call: tools.single,
        format: format(body)?,
        thinking: Thinking::IfAny,
        max_tokens: max_tokens(body)?,
        stop: stop(body)?,
        input_tokens: Some(prompt_tokens(messages) + tools.tokens),
        model,
    })
}

fn messages(body: &Value) -> Result<&[Value], ApiError> {
    let messages = match body.get("messages") {
        None | Some(Value::Null) => return Err(ApiError::missing("messages")),
        Some(Value::Array(messages)) => messages,
        Some(_) => return Err(ApiError::wrong_type("messages", "an array")),
    };
    if messages.is_empty() {
        let error = ApiError::invalid("'messages' is an empty array: at least one message is needed.");
        return Err(error.param("messages").code("empty_array"));
    }
    for (at, message) in messages.iter().enumerate() {
        let role = message["role"].as_str().ok_or_else(|| ApiError::missing(&format!("messages[{at}].role")))?;
        if !matches!(role, "system" | "developer" | "user" | "assistant" | "tool" | "function") {
            let wanted = "'system', 'developer', 'user', 'assistant', 'tool' or 'function'";
            return Err(ApiError::invalid_value(&format!("messages[{at}].role"), wanted));
        }
    }
    Ok(messages)
}

fn max_tokens(body: &Value) -> Result<Option<u64>, ApiError> {
    let (newer, older) = (count(body, "max_completion_tokens", 1)?, count(body, "max_tokens", 1)?);
    if newer.is_some() && older.is_some() {
        let error = ApiError::invalid("'max_tokens' and 'max_completion_tokens' cannot both be set.");
        return Err(error.param("max_tokens").code("invalid_parameter_combination"));
    }
    Ok(newer.or(older))
}

fn bounds(body: &Value) -> Result<(), ApiError> {
    check::range(body, "temperature", 0.0, 2.0)?;
    check::range(body, "top_p", 0.0, 1.0)?;
    check::range(body, "frequency_penalty", -2.0, 2.0)?;
    check::range(body, "presence_penalty", -2.0, 2.0)?;
    check::range(body, "n", 1.0, 128.0)?;
    check::range(body, "top_logprobs", 0.0, 20.0)?;
    if !body["top_logprobs"].is_null() && body["logprobs"] != true {
        let error = ApiError::invalid("'top_logprobs' may only be given when 'logprobs' is on.");
        return Err(error.param("top_logprobs"));
    }
    Ok(())
}

/// Reasoning models refuse what would steer their sampling, and the older name of the limit.
/// <https://platform.openai.com/docs/guides/reasoning> (seen 2026-11).
fn reasoning(body: &Value, model: &str) -> Result<(), ApiError> {
    let name = model.rsplit('/').next().unwrap_or_default();
    let of = |family: &str| name == family || name.starts_with(&format!("{family}-"));
    if !["o1", "o3", "o4", "gpt-5"].into_iter().any(of) || name.contains("-chat") {
        return Ok(());
    }
    if !body["max_tokens"].is_null() {
        let message = "The parameter 'max_tokens' is not supported with this model: use 'max_completion_tokens'.";
        return Err(ApiError::invalid(message).param("max_tokens").code("unsupported_parameter"));
    }
    for field in ["temperature", "top_p"] {
        if body[field].as_f64().is_some_and(|number| number != 1.0) {
            let message = format!("This model takes no other value of '{field}' than 1.");
            return Err(ApiError::invalid(message).param(field).code("unsupported_value"));
        }
    }
    for field in ["logprobs", "logit_bias"] {
        if !matches!(body[field], Value::Null | Value::Bool(false)) {
            let message = format!("The parameter '{field}' is not supported with this model.");
            return Err(ApiError::invalid(message).param(field).code("unsupported_parameter"));
        }
    }
    Ok(())
}

fn stop(body: &Value) -> Result<Vec<String>, ApiError> {
    match &body["stop"] {
        Value::Null => Ok(Vec::new()),
        Value::String(stop) => Ok(vec![stop.clone()]),
        Value::Array(stops) if stops.len() <= STOPS_MAX => {
            let text = |stop: &Value| stop.as_str().map(str::to_owned);
            let texts: Option<Vec<String>> = stops.iter().map(text).collect();
            texts.ok_or_else(|| ApiError::wrong_type("stop", "a string or an array of strings"))
        }
        Value::Array(_) => {
            let error = ApiError::invalid(format!("'stop' may have at most {STOPS_MAX} strings."));
            Err(error.param("stop").code("array_above_max_length"))
        }
        _ => Err(ApiError::wrong_type("stop", "a string or an array of strings")),
    }
}

fn format(body: &Value) -> Result<Format, ApiError> {
    let format = &body["response_format"];
    match format["type"].as_str() {
        Some("json_object") => {
            if !body["messages"].to_string().to_lowercase().contains("json") {
                let message = "To use 'response_format' of type 'json_object', 'messages' must say the word 'json'.";
                return Err(ApiError::invalid(message).param("messages"));
            }
            Ok(Format::Object)
        }
        Some("json_schema") => {
            let schema = &format["json_schema"];
            if schema.is_null() {
                return Err(ApiError::missing("response_format.json_schema"));
            }
            json_schema(schema, "response_format.json_schema", "response_format")
        }
        _ => Ok(Format::Text),
    }
}

/// A named schema that the text must fit; `param` is what its refusals name.
pub(super) fn json_schema(format: &Value, path: &str, param: &str) -> Result<Format, ApiError> {
    let name = check::name(&format["name"], &format!("{path}.name"))?;
    if format["strict"] == true
        && let Err(problem) = check::strict_schema(&format["schema"])
    {
        let message = format!("The schema of {param} '{name}' is not strict: {problem}");
        return Err(ApiError::invalid(message).param(param).code("invalid_json_schema"));
    }
    Ok(Format::Schema(format["schema"].clone()))
}

fn prompt_tokens(messages: &[Value]) -> u64 {
    3 + messages.iter().map(|message| 4 + tokens::count_content(&message["content"])).sum::<u64>()
}

//! The rules of a conversation with Gemini that its fields alone do not tell.

use serde_json::Value;

use super::super::fields::decode;
use super::super::google_error::GoogleError;
use super::{Named, schema};

/// What stands before a signature of the simulator's own, once decoded.
const SIGNATURE_MARK: &[u8] = b"ditto simulator, thought ";
/// Signatures that are taken in place of a real one, for calls that the model did not make.
///
/// <https://ai.google.dev/gemini-api/docs/thought-signatures> (seen 2026-11).
const DUMMY_SIGNATURES: [&str; 2] = ["skip_thought_signature_validator", "context_engineering_is_the_way_to_go"];

type Check = Result<(), GoogleError>;

/// A signature as the model puts on a part.
pub(super) fn signature(digest: &str, order: u64) -> String {
    use base64::Engine;
    let mark = String::from_utf8_lossy(SIGNATURE_MARK);
    base64::engine::general_purpose::STANDARD.encode(format!("{mark}{digest}{order:016x}"))
}

/// Checks a request whose fields are known, for a model.
pub(super) fn request(body: &Value, model: &Named) -> Check {
    let contents = list(&body["contents"]);
    if contents.is_empty() {
        return Err(GoogleError::rule("GenerateContentRequest.contents", "contents is not specified"));
    }
    for (at, content) in contents.iter().enumerate() {
        self::content(content, &format!("GenerateContentRequest.contents[{at}]"))?;
        if !matches!(content["role"].as_str().unwrap_or_default(), "" | "user" | "model" | "function") {
            return Err(GoogleError::invalid("Please use a valid role: user, model."));
        }
    }
    turns(contents)?;
    if model.thinks_in_signatures() {
        signatures(contents)?;
    }
    schema::tools(body)?;
    calling(body)?;
    generation(&body["generationConfig"], model)
}

/// Checks that each part is one thing and no content is empty.
pub(super) fn content(content: &Value, path: &str) -> Check {
    let parts = list(&content["parts"]);
    if parts.is_empty() {
        return Err(GoogleError::rule(&format!("{path}.parts"), "contents.parts must not be empty."));
    }
    for (at, part) in parts.iter().enumerate() {
        let names = super::fields::PART_DATA.iter().map(|name| super::super::fields::camel(name));
        let set: Vec<String> = names.filter(|name| part.get(name).is_some()).collect();
        if set.len() != 1 {
            let rule = "required oneof field 'data' must have one initialized field";
            return Err(GoogleError::rule(&format!("{path}.parts[{at}].data"), rule));
        }
        for (name, field) in [("functionCall", "function_call"), ("functionResponse", "function_response")] {
            let named = part[name]["name"].as_str().is_some_and(|name| !name.is_empty());
            if part.get(name).is_some() && !named {
                return Err(GoogleError::rule(&format!("{path}.parts[{at}].{field}.name"), "Name cannot be empty."));
            }
        }
    }
    Ok(())
}

/// Calls come after the user, answers after calls, as many as there were and by their names.
fn turns(contents: &[Value]) -> Check {
    let mut open: Vec<&str> = Vec::new();
    for (at, content) in contents.iter().enumerate() {
        let answers = names(content, "functionResponse");
        if answers.len() != open.len() {
            return Err(GoogleError::invalid(if open.is_empty() {
                "Please ensure that function response turn comes immediately after a function call turn."
            } else {
                "Please ensure that the number of function response parts is equal to the number of function call \
                 parts of the function call turn."
            }));
        }
        if let Some(stranger) = answers.iter().find(|name| !open.contains(name)) {
            let asked = open.join(", ");
            return Err(GoogleError::invalid(format!(
                "Please ensure that function response parts answer the functions that were called: `{stranger}` is \
                 not among {asked}."
            )));
        }
        open = names(content, "functionCall");
        let after_model = at.checked_sub(1).and_then(|before| contents.get(before)).is_none_or(is_model);
        if !open.is_empty() && (after_model || !is_model(content)) {
            return Err(GoogleError::invalid(
                "Please ensure that function call turn comes immediately after a user turn or after a function \
                 response turn.",
            ));
        }
    }
    Ok(())
}

/// In the turn under way, the first call of each step needs its signature.
fn signatures(contents: &[Value]) -> Check {
    let begun =
        contents.iter().rposition(|content| !is_model(content) && names(content, "functionResponse").is_empty());
    for (at, content) in contents.iter().enumerate() {
        for signature in list(&content["parts"]).iter().filter_map(|part| part["thoughtSignature"].as_str()) {
            let own = || decode(signature).is_some_and(|bytes| bytes.starts_with(SIGNATURE_MARK));
            if !is_dummy(signature) && !own() {
                return Err(GoogleError::invalid("Corrupted thought signature."));
            }
        }
        let current = begun.is_none_or(|begun| at > begun);
        let first = list(&content["parts"]).iter().find(|part| part.get("functionCall").is_some());
        match first {
            Some(part) if current && part["thoughtSignature"].as_str().is_none_or(str::is_empty) => {
                let name = part["functionCall"]["name"].as_str().unwrap_or_default();
                return Err(GoogleError::invalid(format!(
                    "Function call is missing a thought_signature in functionCall parts. This is required for tools \
                     to work correctly, and missing thought_signature may lead to degraded model performance. \
                     Additional data, function call `default_api:{name}` , position {}. Please refer to \
                     https://ai.google.dev/gemini-api/docs/thought-signatures for more details.",
                    at + 1
                )));
            }
            _ => {}
        }
    }
    Ok(())
}

/// A dummy comes as it is, or in base64 from a client whose type is bytes.
fn is_dummy(signature: &str) -> bool {
    let decoded = || decode(signature).and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    DUMMY_SIGNATURES.contains(&signature) || DUMMY_SIGNATURES.contains(&decoded().as_str())
}

fn calling(body: &Value) -> Check {
    let config = &body["toolConfig"]["functionCallingConfig"];
    let allowed = list(&config["allowedFunctionNames"]);
    if !allowed.is_empty() && !matches!(config["mode"].as_str(), Some("ANY" | "VALIDATED")) {
        return Err(GoogleError::invalid(
            "Function calling mode should be ANY or VALIDATED when allowed_function_names is set.",
        ));
    }
    let declared: Vec<&Value> = schema::declarations(body).map(|declaration| &declaration["name"]).collect();
    match allowed.iter().find(|name| !declared.contains(name)) {
        Some(name) => Err(GoogleError::invalid(format!(
            "Allowed function name {name} is not among the function declarations of the request."
        ))),
        None => Ok(()),
    }
}

fn generation(config: &Value, model: &Named) -> Check {
    let path = |name: &str| format!("GenerateContentRequest.generation_config.{name}");
    for (name, field, range) in [
        ("candidateCount", "candidate_count", 1.0..=8.0),
        ("maxOutputTokens", "max_output_tokens", 1.0..=f64::MAX),
        ("temperature", "temperature", 0.0..=2.0),
        ("topP", "top_p", 0.0..=1.0),
        ("topK", "top_k", 1.0..=f64::MAX),
    ] {
        if config[name].as_f64().is_some_and(|number| !range.contains(&number)) {
            let (least, most) = range.into_inner();
            return Err(GoogleError::rule(&path(field), &format!("must be in the range [{least}, {most}]")));
        }
    }
    if list(&config["stopSequences"]).len() > 5 {
        return Err(GoogleError::rule(&path("stop_sequences"), "must have at most 5 entries"));
    }
    if config.get("logprobs").is_some() && config["responseLogprobs"] != true {
        return Err(GoogleError::rule(&path("logprobs"), "may only be set if response_logprobs is true"));
    }
    schema::reply(config)?;
    let thinking = &config["thinkingConfig"];
    if thinking.get("thinkingBudget").is_some() && thinking.get("thinkingLevel").is_some() {
        return Err(GoogleError::invalid("You can only set only one of thinking budget and thinking level."));
    }
    if thinking.get("thinkingLevel").is_some() && !model.thinks_in_signatures() {
        return Err(GoogleError::invalid("Thinking level is not supported for this model."));
    }
    Ok(())
}

fn is_model(content: &Value) -> bool {
    content["role"] == "model"
}

fn names<'a>(content: &'a Value, kind: &str) -> Vec<&'a str> {
    list(&content["parts"]).iter().filter_map(|part| part[kind]["name"].as_str()).collect()
}

pub(super) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

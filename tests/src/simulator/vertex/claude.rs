//! Claude on Vertex: Anthropic's body without `model`, with the version in it.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::super::anthropic::{self, Envelope};
use super::super::call::Call;
use super::super::reply::Reply;
use super::{Target, missing, nowhere, refuse};

const VERSION: &str = "vertex-2023-10-16";

pub(super) fn answer(call: &Call<'_>, target: &Target) -> Reply {
    if call.parts.method != Method::POST {
        return refuse(call, nowhere(call));
    }
    match (target.model.as_str(), target.method.as_str()) {
        ("count-tokens", "rawPredict") => count(call),
        (_, "rawPredict" | "streamRawPredict") if !call.serves(&target.model) => refuse(call, missing(call, target)),
        (model, "rawPredict") => message(call, model),
        (model, "streamRawPredict") => message(call, model),
        _ => refuse(call, nowhere(call)),
    }
}

fn message(call: &Call<'_>, model: &str) -> Reply {
    let body = match body(call) {
        Ok(body) if body.get("model").is_some() => {
            return invalid(call, "model: Extra inputs are not permitted".to_owned());
        }
        Ok(body) => body,
        Err(message) => return invalid(call, message),
    };
    let betas = call.header("anthropic-beta").unwrap_or_default();
    anthropic::enveloped(call, Envelope { body, model, betas }).map_or_else(
        |(status, message)| anthropic::failure(status, message, call),
        |exchange| anthropic::written(&exchange),
    )
}

/// Counting names the model in its body.
fn count(call: &Call<'_>) -> Reply {
    let counted = body(call).and_then(|body| {
        let betas = call.header("anthropic-beta").unwrap_or_default();
        anthropic::counted(&body, betas).map_err(|(_, message)| message)
    });
    match counted {
        Ok(tokens) => {
            Reply::bytes(StatusCode::OK, "application/json", json!({"input_tokens": tokens}).to_string().into())
        }
        Err(message) => invalid(call, message),
    }
}

/// The body without its version, which is checked.
fn body(call: &Call<'_>) -> Result<Value, String> {
    let mut body: Value = serde_json::from_slice(&call.body).map_err(|error| format!("Invalid JSON: {error}"))?;
    let fields = body.as_object_mut().ok_or("The request body must be an object")?;
    match fields.remove("anthropic_version") {
        Some(version) if version == VERSION => Ok(body),
        // Counting is taken without a version, as its examples show it.
        None if call.parts.uri.path().contains("/count-tokens:") => Ok(body),
        None => Err("anthropic_version: Field required".to_owned()),
        Some(version) => Err(format!("anthropic_version: {version} is not `{VERSION}`")),
    }
}

fn invalid(call: &Call<'_>, message: String) -> Reply {
    anthropic::failure(StatusCode::BAD_REQUEST, message, call)
}

//! `GET /v1beta/models` and `GET /v1beta/models/{model}`.

use serde_json::{Value, json};

use super::super::call::Call;
use super::super::google_error::GoogleError;
use super::generate::json_reply;
use super::{Answer, nowhere};

/// The page size when none is asked for, and the largest.
const PAGE: usize = 50;
const PAGE_MAX: usize = 1000;

pub(super) fn list(call: &Call<'_>) -> Answer {
    if call.parts.method != http::Method::GET {
        return Err(nowhere(call.parts.uri.path()));
    }
    let models = &call.state.config.models;
    let size = match call.query("pageSize").map(|size| size.parse::<usize>()) {
        None | Some(Ok(0)) => PAGE,
        Some(Ok(size)) => size.min(PAGE_MAX),
        Some(Err(_)) => return Err(GoogleError::invalid("Invalid value at 'page_size' (TYPE_INT32)")),
    };
    let start = match call.query("pageToken").filter(|token| !token.is_empty()) {
        None => 0,
        Some(token) => token
            .strip_prefix("after-")
            .and_then(|at| at.parse().ok())
            .ok_or_else(|| GoogleError::invalid("Invalid page token."))?,
    };
    let page: Vec<Value> = models.iter().skip(start).take(size).map(|name| model(name)).collect();
    let mut reply = json!({"models": page});
    if start + size < models.len() {
        reply["nextPageToken"] = json!(format!("after-{}", start + size));
    }
    Ok(json_reply(&reply))
}

pub(super) fn one(call: &Call<'_>, name: &str) -> Answer {
    if call.serves(name) {
        return Ok(json_reply(&model(name)));
    }
    Err(GoogleError::not_found(format!("Model is not found: models/{name} for api version v1beta")))
}

fn model(name: &str) -> Value {
    let methods = match name.contains("embedding") {
        true => json!(["embedContent", "countTextTokens", "countTokens", "asyncBatchEmbedContent"]),
        false => json!(["generateContent", "countTokens", "createCachedContent", "batchGenerateContent"]),
    };
    json!({
        "name": format!("models/{name}"),
        "version": "001",
        "displayName": name,
        "description": format!("The simulator's {name}"),
        "inputTokenLimit": 1_048_576,
        "outputTokenLimit": 65_536,
        "supportedGenerationMethods": methods,
        "temperature": 1,
        "topP": 0.95,
        "topK": 64,
        "maxTemperature": 2,
        "thinking": true,
    })
}

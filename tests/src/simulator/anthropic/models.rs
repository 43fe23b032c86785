//! `GET /v1/models` and `GET /v1/models/{id}`.
//! <https://platform.claude.com/docs/en/api/models/list> (seen 2026-11).

use serde_json::{Value, json};

use super::super::call::Call;
use super::super::reply::Reply;
use super::error::ApiError;

/// When all models came out: replies are the same every day.
const CREATED_AT: &str = "2025-06-15T15:06:40Z";
const LIMIT_DEFAULT: usize = 20;
const LIMIT_MAX: usize = 1000;

pub(super) fn list(call: &Call<'_>) -> Result<Reply, ApiError> {
    let all = &call.state.config.models;
    let limit = match call.query("limit") {
        None => LIMIT_DEFAULT,
        Some(text) => match text.parse() {
            Ok(limit @ 1..=LIMIT_MAX) => limit,
            _ => return Err(ApiError::at("limit", format_args!("Input should be from 1 to {LIMIT_MAX}"))),
        },
    };
    let place = |name: &str| call.query(name).and_then(|id| all.iter().position(|listed| *listed == id));
    let begin = place("after_id").map_or(0, |at| at + 1);
    let end = place("before_id").unwrap_or(all.len()).max(begin);
    let page: Vec<&String> = all[begin..end].iter().take(limit).collect();
    Ok(Reply::compact_ok(&json!({
        "data": page.iter().map(|id| model(id)).collect::<Vec<Value>>(),
        "has_more": begin + page.len() < end,
        "first_id": page.first(),
        "last_id": page.last(),
    })))
}

pub(super) fn one(call: &Call<'_>, id: &str) -> Result<Reply, ApiError> {
    let id = percent_encoding::percent_decode_str(id).decode_utf8_lossy();
    match call.state.config.models.iter().find(|listed| **listed == id) {
        Some(id) => Ok(Reply::compact_ok(&model(id))),
        None => Err(ApiError::not_found(&format!("model: {id}"))),
    }
}

fn model(id: &str) -> Value {
    json!({
        "type": "model",
        "id": id,
        "display_name": id,
        "created_at": CREATED_AT,
        "lifecycle": "active",
        "line": null,
        "deprecated_at": null,
        "retires_at": null,
        "max_input_tokens": 200_000,
        "max_tokens": 64_000,
        "capabilities": null,
    })
}

//! `GET /v1/models` and `GET /v1/models/{id}`.

use serde_json::{Value, json};

use super::error::ApiError;
use super::{Answer, CREATED, Call, Reply};

pub(super) fn list(call: &Call<'_>) -> Reply {
    let data: Vec<Value> = call.state.config.models.iter().map(|id| model(call, id)).collect();
    Reply::ok(&json!({"object": "list", "data": data}))
}

pub(super) fn one(call: &Call<'_>, id: &str) -> Answer {
    let id = percent_encoding::percent_decode_str(id).decode_utf8_lossy();
    if call.state.config.models.iter().any(|listed| *listed == id) {
        Ok(Reply::ok(&model(call, &id)))
    } else {
        Err(ApiError::model_not_found(&id).param("model"))
    }
}

fn model(call: &Call<'_>, id: &str) -> Value {
    json!({"id": id, "object": "model", "created": CREATED, "owned_by": call.state.config.name})
}

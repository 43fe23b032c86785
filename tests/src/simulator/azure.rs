//! Azure OpenAI: OpenAI's dialect under deployments, with Azure's keys, filters and refusals.
//!
//! <https://learn.microsoft.com/azure/ai-foundry/openai/reference> and
//! <https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle> (seen 2026-11). A request is rewritten
//! to OpenAI's path, with the deployment for a model, and the reply is added to.

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Request, StatusCode};
use serde_json::{Value, json};

use super::call::Call;
use super::oauth::Standing;
use super::openai;
use super::reply::{Body, Reply};

const NO_ACCESS: &str = "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a \
                         valid key for an active subscription and use a correct regional API endpoint for your \
                         resource.";
const NO_DEPLOYMENT: &str = "The API deployment for this resource does not exist. If you created the deployment within \
                             the last 5 minutes, please wait a moment and try again.";

/// Whether a request is for this API.
pub(super) fn owns(path: &str) -> bool {
    path.starts_with("/openai/")
}

pub(super) async fn answer(call: &Call<'_>) -> Reply {
    if !authorized(call) {
        return refusal(StatusCode::UNAUTHORIZED, "401", NO_ACCESS);
    }
    let Some(target) = Target::of(call) else {
        return refusal(StatusCode::NOT_FOUND, "404", "Resource not found");
    };
    if target.deployment.as_ref().is_some_and(|deployment| !call.serves(deployment)) {
        return refusal(StatusCode::NOT_FOUND, "DeploymentNotFound", NO_DEPLOYMENT);
    }
    let (parts, body) = target.rewritten(call);
    let mut reply = openai::answer(&Call { parts: &parts, body, ..*call }).await;
    if target.path == "/v1/chat/completions" && reply.status == StatusCode::OK {
        add_filters(&mut reply);
    }
    reply
}

/// What a path stands for in OpenAI's dialect.
struct Target {
    path: String,
    /// The deployment that the path names; otherwise the body does.
    deployment: Option<String>,
}

impl Target {
    /// All paths but those of `v1` need a version.
    fn of(call: &Call<'_>) -> Option<Self> {
        let rest = call.parts.uri.path().strip_prefix("/openai/")?;
        if let Some(rest) = rest.strip_prefix("v1/") {
            return Some(Self { path: format!("/v1/{rest}"), deployment: None });
        }
        call.query("api-version").filter(|version| !version.is_empty())?;
        match rest.strip_prefix("deployments/") {
            Some(rest) => {
                let (deployment, rest) = rest.split_once('/')?;
                Some(Self { path: format!("/v1/{rest}"), deployment: Some(deployment.to_owned()) })
            }
            None => Some(Self { path: format!("/v1/{rest}"), deployment: None }),
        }
    }

    /// The request as OpenAI would have it. The deployment takes the place of whatever model the body names.
    fn rewritten(&self, call: &Call<'_>) -> (Parts, Bytes) {
        let mut request = Request::builder().method(call.parts.method.clone()).uri(self.path.as_str());
        for (name, value) in &call.parts.headers {
            request = request.header(name, value);
        }
        let mut parts = request.body(()).unwrap_or_default().into_parts().0;
        if let Some(Ok(key)) =
            call.state.config.api_key.as_ref().map(|key| HeaderValue::from_str(&format!("Bearer {key}")))
        {
            parts.headers.insert(http::header::AUTHORIZATION, key);
        }
        let body = match (&self.deployment, serde_json::from_slice::<Value>(&call.body)) {
            (Some(deployment), Ok(mut body @ Value::Object(_))) => {
                body["model"] = json!(deployment);
                Bytes::from(body.to_string())
            }
            _ => call.body.clone(),
        };
        (parts, body)
    }
}

/// A key in `api-key`, or a bearer token: the key again, or one that was issued.
fn authorized(call: &Call<'_>) -> bool {
    let bearer = call.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let issued = || bearer.is_some_and(|token| call.state.tokens.standing(token) == Standing::Good);
    call.accepts(call.header("api-key").or(bearer)) || issued()
}

/// What the content filter says of prompt and answer: nothing bad.
fn filters() -> Value {
    let safe = json!({"filtered": false, "severity": "safe"});
    json!({"hate": safe, "self_harm": safe, "sexual": safe, "violence": safe})
}

fn add_filters(reply: &mut Reply) {
    let prompt = json!([{"prompt_index": 0, "content_filter_results": filters()}]);
    match &mut reply.body {
        Body::Whole(piece) => {
            let Ok(mut body) = serde_json::from_slice::<Value>(&piece.bytes) else { return };
            for choice in body["choices"].as_array_mut().into_iter().flatten() {
                choice["content_filter_results"] = filters();
            }
            body["prompt_filter_results"] = prompt;
            piece.bytes = Bytes::from(body.to_string());
        }
        Body::Pieces(pieces) => {
            let first = json!({
                "choices": [], "created": 0, "id": "", "model": "", "object": "", "prompt_filter_results": prompt,
            });
            pieces.insert(0, Bytes::from(format!("data: {first}\n\n")).into());
        }
    }
}

fn refusal(status: StatusCode, code: &str, message: &str) -> Reply {
    Reply::compact(status, &json!({"error": {"code": code, "message": message}}))
}

/// What the API says with a bare status.
pub(super) fn failure(status: StatusCode, message: &str) -> Reply {
    let code = match status.as_u16() {
        429 => "RateLimitReached".to_owned(),
        500 => "InternalServerError".to_owned(),
        503 => "ServiceUnavailable".to_owned(),
        status => status.to_string(),
    };
    refusal(status, &code, message)
}

/// What the API sends when it fails in the middle of a stream.
pub(super) fn stream_failure(status: StatusCode, message: String, pieces: usize, call: &Call<'_>) -> Bytes {
    let Some(target) = Target::of(call) else { return Bytes::new() };
    let (parts, body) = target.rewritten(call);
    openai::stream_failure(status, message, pieces, &Call { parts: &parts, body, ..*call })
}

/// Headers that every reply of Azure's has.
pub(super) fn add_headers(reply: &mut Reply, call: &Call<'_>) {
    let id = format!("00000000-0000-4000-8000-{:012x}", call.order);
    let deployment = Target::of(call).and_then(|target| target.deployment).unwrap_or_default();
    let headers = [
        ("apim-request-id", id.as_str()),
        ("x-request-id", id.as_str()),
        ("x-ms-region", "Simulated"),
        ("x-ms-deployment-name", deployment.as_str()),
    ];
    for (name, value) in headers.into_iter().filter(|(_, value)| !value.is_empty()) {
        if let Ok(value) = HeaderValue::from_str(value) {
            reply.set_header(HeaderName::from_static(name), value);
        }
    }
}

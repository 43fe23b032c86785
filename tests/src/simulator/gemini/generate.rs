//! `generateContent`, `streamGenerateContent` and `countTokens`.

use serde_json::{Value, json};

use super::super::call::Call;
use super::super::google_error::{GoogleError, Service};
use super::super::reply::{Bill, Reply};
use super::{Answer, Named, body, check, fields, listen, speak, wants_events};

pub(in super::super) fn generate(call: &Call<'_>, service: Service, model: &Named) -> Answer {
    let (spoken, bill) = spoken(call, service, model)?;
    Ok(speak::whole(&spoken).billed(bill))
}

pub(in super::super) fn stream(call: &Call<'_>, service: Service, model: &Named) -> Answer {
    let (spoken, mut bill) = spoken(call, service, model)?;
    bill.stream = true;
    let chunks = speak::chunks(&spoken);
    let reply = if wants_events(call) { speak::events(chunks) } else { speak::array(chunks) };
    Ok(reply.billed(bill))
}

pub(in super::super) fn count(call: &Call<'_>, service: Service, model: &Named) -> Answer {
    let (read, raw) = match service {
        Service::Studio => body(call, service, &fields::COUNT)?,
        Service::Vertex => body(call, service, &fields::GENERATE)?,
    };
    let (read, raw) = match (read.get("generateContentRequest"), read.get("contents")) {
        (Some(_), Some(_)) => {
            let rule = "only one of contents and generate_content_request may be set";
            return Err(GoogleError::rule("CountTokensRequest", rule));
        }
        (Some(whole), None) => {
            let inner = raw.get("generateContentRequest").or_else(|| raw.get("generate_content_request"));
            (whole, inner.unwrap_or(&Value::Null))
        }
        _ => (&read, &raw),
    };
    check::request(read, model)?;
    let tokens = listen::heard(read, raw, model).tokens();
    let mut counted = json!({"totalTokens": tokens});
    counted["promptTokensDetails"] = json!([{"modality": "TEXT", "tokenCount": tokens}]);
    if service == Service::Vertex {
        counted["totalBillableCharacters"] = json!(call.body.len());
    }
    Ok(json_reply(&counted))
}

fn spoken(call: &Call<'_>, service: Service, model: &Named) -> Result<(speak::Spoken, Bill), GoogleError> {
    let (body, raw) = body(call, service, &fields::GENERATE)?;
    check::request(&body, model)?;
    let heard = listen::heard(&body, &raw, model);
    let said = call.think(&heard, "");
    let usage = said.usage();
    let bill = Bill {
        model: model.name.clone(),
        service_tier: body["serviceTier"].as_str().map(str::to_owned),
        stream: false,
        prompt_tokens: usage.input,
        cached_tokens: usage.cached_read,
    };
    let spoken = speak::Spoken {
        id: call.id("", &heard.digest),
        model: model.name.clone(),
        signature: model.thinks_in_signatures().then(|| check::signature(&heard.digest, call.order)),
        candidates: body["generationConfig"]["candidateCount"].as_u64().unwrap_or(1),
        tell_usage: !call.manner.no_usage,
        traffic: (service == Service::Vertex).then_some("ON_DEMAND"),
        said,
    };
    Ok((spoken, bill))
}

/// A reply in Google's indentation.
pub(in super::super) fn json_reply(value: &Value) -> Reply {
    let text = format!("{value:#}\n");
    Reply::bytes(http::StatusCode::OK, "application/json; charset=UTF-8", text.into())
}

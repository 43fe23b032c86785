//! `POST /v1/moderations`. An input is flagged when it contains the word "violence".

use serde_json::{Map, Value, json};

use super::error::ApiError;
use super::{Answer, Call, Reply, digest, text_of};

const CATEGORIES: [&str; 13] = [
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
];

pub(super) fn answer(call: &Call<'_>) -> Answer {
    let body = call.json()?;
    let input = body.get("input").filter(|input| !input.is_null()).ok_or_else(|| ApiError::missing("input"))?;
    // The model is optional here.
    let model = match body.get("model") {
        None | Some(Value::Null) => "omni-moderation-latest".to_owned(),
        Some(_) => call.model(&body)?,
    };
    // A list of strings has one result each; a list of parts is one input.
    let texts: Vec<String> = match input {
        Value::Array(list) if list.iter().all(Value::is_string) => list.iter().map(text_of).collect(),
        other => vec![text_of(other)],
    };
    let results: Vec<Value> = texts.iter().map(|text| result(text)).collect();
    Ok(Reply::ok(&json!({"id": call.id("modr-", &digest(input)), "model": model, "results": results})))
}

fn result(text: &str) -> Value {
    let flagged = text.to_lowercase().contains("violence");
    let hit = |category: &str| flagged && category == "violence";
    let each = |value: &dyn Fn(&str) -> Value| -> Value {
        Value::Object(
            CATEGORIES.iter().map(|category| ((*category).to_owned(), value(category))).collect::<Map<_, _>>(),
        )
    };
    json!({
        "flagged": flagged,
        "categories": each(&|category| json!(hit(category))),
        "category_scores": each(&|category| json!(if hit(category) { 0.97 } else { 0.0001 })),
        "category_applied_input_types": each(&|_| json!(["text"])),
    })
}

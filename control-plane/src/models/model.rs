//! One model, and reading lists of them in providers' own forms.

use ditto_llm::time;
use serde_json::Value;

use super::catalogue::Form;

/// A name is at most this long.
const ID_BYTES_MAX: usize = 512;

/// What is known of a model.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Model {
    /// What a request names it by.
    pub(super) id: String,
    /// The backend that it was first seen at.
    pub(super) backend: String,
    /// When it was made, in seconds of Unix time.
    pub(super) created: Option<u64>,
    /// For people.
    pub(super) display_name: Option<String>,
    /// As the provider describes it, in its own form.
    pub(super) own: Option<(Form, Value)>,
}

impl Model {
    /// A model that an operator names.
    pub(super) fn named(id: &str, backend: &str) -> Self {
        Self { id: id.to_owned(), backend: backend.to_owned(), created: None, display_name: None, own: None }
    }
}

/// Reads a list; `None` if it is none. What has no name in it is left out.
pub(super) fn read(body: &[u8], form: Form, backend: &str) -> Option<Vec<Model>> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let list = match (&body, form) {
        // Some servers answer with the list alone.
        (Value::Array(list), Form::OpenAi) => list,
        (body, Form::OpenAi | Form::Anthropic) => body.get("data")?.as_array()?,
        (body, Form::Gemini | Form::Cohere) => body.get("models")?.as_array()?,
    };
    Some(list.iter().filter_map(|item| model(item, form, backend)).collect())
}

fn model(item: &Value, form: Form, backend: &str) -> Option<Model> {
    let text = |name: &str| item.get(name).and_then(Value::as_str);
    let id = match form {
        Form::OpenAi | Form::Anthropic => text("id"),
        Form::Gemini => text("name").map(|name| name.strip_prefix("models/").unwrap_or(name)),
        Form::Cohere => text("name"),
    };
    let id = id.filter(|id| !id.trim().is_empty() && id.len() <= ID_BYTES_MAX)?;
    let created = match form {
        Form::OpenAi => item.get("created").and_then(Value::as_u64),
        Form::Anthropic => text("created_at").and_then(time::of_rfc3339),
        Form::Gemini | Form::Cohere => None,
    };
    let display_name = text("display_name").or(text("displayName")).map(str::to_owned);
    let own = (form != Form::Cohere).then(|| (form, item.clone()));
    Some(Model { created, display_name, own, ..Model::named(id, backend) })
}

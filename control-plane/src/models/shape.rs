//! How answers look in each dialect: <https://platform.openai.com/docs/api-reference/models>,
//! <https://platform.claude.com/docs/en/api/models-list>, <https://ai.google.dev/api/models> (all seen 2026-11).

use std::collections::BTreeMap;
use std::ops::Bound;

use ditto_llm::dialect::Dialect;
use ditto_llm::fault::Fault;
use ditto_llm::time;
use serde_json::{Value, json};

use super::catalogue::Form;
use super::model::Model;

/// Items of a page: the default and the most, in Anthropic's dialect.
const ANTHROPIC_PAGE: (usize, usize) = (20, 1_000);
/// Items of a page: the default and the most, in Gemini's dialect.
const GEMINI_PAGE: (usize, usize) = (50, 1_000);

/// The part of a list that a client asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Page {
    /// `None`: everything.
    limit: Option<usize>,
    after: Option<String>,
    before: Option<String>,
}

impl Page {
    /// Reads it from a query. OpenAI's list has no pages.
    ///
    /// # Errors
    /// A number that is none, or out of range.
    pub(super) fn of_query(query: &str, dialect: Dialect) -> Result<Self, Fault> {
        let (name, (default, most)) = match dialect {
            Dialect::OpenAi => return Ok(Self::default()),
            Dialect::Anthropic => ("limit", ANTHROPIC_PAGE),
            Dialect::Gemini => ("pageSize", GEMINI_PAGE),
        };
        let limit = match parameter(query, name) {
            None => default,
            Some(text) => match text.parse::<usize>() {
                // Gemini's own server takes the most for more, and its default for 0.
                Ok(0) if dialect == Dialect::Gemini => default,
                Ok(number) if dialect == Dialect::Gemini => number.min(most),
                Ok(number) if (1..=most).contains(&number) => number,
                _ => {
                    let message = format!("Query parameter '{name}': it is a whole number from 1 to {most}.");
                    return Err(Fault::InvalidRequest(message));
                }
            },
        };
        let (after, before) = match dialect {
            Dialect::Anthropic => (parameter(query, "after_id"), parameter(query, "before_id")),
            _ => (parameter(query, "pageToken"), None),
        };
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        Ok(Self { limit: Some(limit), after: given(after), before: given(before) })
    }

    /// The models of the page, and whether there are more.
    fn of<'m>(&self, models: &'m BTreeMap<String, Model>) -> (Vec<&'m Model>, bool) {
        let lower = self.after.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
        let after = models.range::<String, _>((lower, Bound::Unbounded)).map(|(_, model)| model);
        let limit = self.limit.unwrap_or(usize::MAX);
        match &self.before {
            // The page that ends before this one.
            Some(before) => {
                let all: Vec<_> = after.take_while(|model| model.id < *before).collect();
                let start = all.len().saturating_sub(limit);
                (all.get(start..).unwrap_or_default().to_vec(), start > 0)
            }
            None => {
                let mut page: Vec<_> = after.take(limit.saturating_add(1)).collect();
                let more = page.len() > limit;
                page.truncate(limit);
                (page, more)
            }
        }
    }
}

/// The first value of a parameter, decoded.
pub(super) fn parameter(query: &str, name: &str) -> Option<String> {
    let uri = axum::http::Uri::builder().path_and_query(format!("/?{query}")).build().ok()?;
    let axum::extract::Query(pairs) = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&uri).ok()?;
    pairs.into_iter().find(|(known, _)| known == name).map(|(_, value)| value)
}

/// A list of models.
pub(super) fn list(models: &BTreeMap<String, Model>, dialect: Dialect, page: &Page) -> Value {
    let (page, more) = page.of(models);
    let data: Vec<Value> = page.iter().map(|model| one(model, dialect)).collect();
    let id = |model: Option<&&Model>| model.map(|model| model.id.clone());
    match dialect {
        Dialect::OpenAi => json!({"object": "list", "data": data}),
        Dialect::Anthropic => json!({
            "data": data, "has_more": more, "first_id": id(page.first()), "last_id": id(page.last()),
        }),
        Dialect::Gemini if more => json!({"models": data, "nextPageToken": id(page.last())}),
        Dialect::Gemini => json!({"models": data}),
    }
}

/// One model: as its provider describes it, if that is the client's dialect.
pub(super) fn one(model: &Model, dialect: Dialect) -> Value {
    let created = model.created.unwrap_or_default();
    let display_name = model.display_name.as_ref().unwrap_or(&model.id);
    match (dialect, &model.own) {
        (Dialect::OpenAi, Some((Form::OpenAi, own)))
        | (Dialect::Anthropic, Some((Form::Anthropic, own)))
        | (Dialect::Gemini, Some((Form::Gemini, own))) => own.clone(),
        (Dialect::OpenAi, _) => {
            json!({"id": model.id, "object": "model", "created": created, "owned_by": model.backend})
        }
        (Dialect::Anthropic, _) => json!({
            "type": "model",
            "id": model.id,
            "display_name": display_name,
            "created_at": time::to_rfc3339(created),
        }),
        (Dialect::Gemini, _) => json!({
            "name": format!("models/{}", model.id),
            "version": "",
            "displayName": display_name,
            "supportedGenerationMethods": ["generateContent", "streamGenerateContent", "countTokens"],
        }),
    }
}

/// The answer for a model that is not there, or not for this key: which of the two is nobody's business.
pub(super) fn not_found(id: &str, dialect: Dialect) -> Value {
    let shown: String = id.chars().take(128).flat_map(char::escape_debug).collect();
    let message = format!("The model '{shown}' does not exist, or this key may not use it.");
    error(&message, dialect, "model_not_found", ("not_found_error", 404, "NOT_FOUND"))
}

/// The answer for anything but reading.
pub(super) fn method_not_allowed(dialect: Dialect) -> Value {
    let message = "This endpoint is read with GET.";
    error(message, dialect, "method_not_allowed", ("invalid_request_error", 405, "INVALID_ARGUMENT"))
}

fn error(message: &str, dialect: Dialect, code: &str, (kind, status, name): (&str, u16, &str)) -> Value {
    match dialect {
        Dialect::OpenAi => json!({"error": {
            "message": message, "type": "invalid_request_error", "param": null, "code": code,
        }}),
        Dialect::Anthropic => json!({"type": "error", "error": {"type": kind, "message": message}}),
        Dialect::Gemini => json!({"error": {"code": status, "message": message, "status": name}}),
    }
}

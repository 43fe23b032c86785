//! `POST /v2/rerank`. A document is the more relevant the more words of the query it has.

use std::cmp::Ordering;

use serde_json::{Value, json};

use super::super::call::Call;
use super::super::reply::{Bill, Meter, Reply};
use super::super::tokens;
use super::check::list;
use super::error::ApiError;
use super::{Answer, body, fields, model};

const DOCUMENTS_MAX: usize = 10_000;
/// Documents that one search unit covers.
const UNIT: u64 = 100;

pub(super) fn answer(call: &Call<'_>) -> Answer {
    let (body, _) = body(call, &fields::RERANK, "rerank")?;
    let model = model(call, &body)?;
    let query = body["query"].as_str().unwrap_or_default();
    let documents: Vec<&str> = list(&body["documents"]).iter().filter_map(Value::as_str).collect();
    if query.is_empty() {
        return Err(ApiError::invalid("query must not be an empty string."));
    }
    if documents.is_empty() || documents.len() > DOCUMENTS_MAX {
        return Err(ApiError::invalid(format!("documents must have from 1 to {DOCUMENTS_MAX} elements.")));
    }
    let top = match body.get("top_n").map(Value::as_u64) {
        None => documents.len(),
        Some(Some(top)) if top > 0 => usize::try_from(top).unwrap_or(usize::MAX),
        Some(_) => return Err(ApiError::invalid("top_n must be at least 1.")),
    };
    let mut ranked: Vec<(usize, f64)> =
        documents.iter().map(|document| relevance(query, document)).enumerate().collect();
    ranked.sort_by(|(_, a), (_, b)| b.partial_cmp(a).unwrap_or(Ordering::Equal));
    let results = ranked.into_iter().take(top).map(|(index, score)| json!({"index": index, "relevance_score": score}));
    let results: Value = results.collect();
    let units = (documents.len() as u64).div_ceil(UNIT);
    let meta = json!({"api_version": {"version": "2"}, "billed_units": {"search_units": units}});
    let prompt_tokens = tokens::count(query) + documents.iter().map(|text| tokens::count(text)).sum::<u64>();
    let bill = Bill { model, prompt_tokens, ..Bill::default() };
    let reply = json!({"id": super::id(call), "results": results, "meta": meta});
    Ok(Reply::compact_ok(&reply).metered(Meter::usage(0)).billed(bill))
}

/// From 0 to 1: the part of the query's words that the document has.
fn relevance(query: &str, document: &str) -> f64 {
    let words = |text: &str| -> Vec<String> {
        let words = text.split(|char: char| !char.is_alphanumeric()).filter(|word| !word.is_empty());
        words.map(str::to_lowercase).collect()
    };
    let (wanted, there) = (words(query), words(document));
    let found = wanted.iter().filter(|word| there.contains(word)).count();
    if wanted.is_empty() { 0.0 } else { found as f64 / wanted.len() as f64 }
}

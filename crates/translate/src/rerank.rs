//! Ranking documents by a query, as Cohere and most after it have it: the same words on both sides, but for what
//! Cohere's second version left out.
//!
//! Clients: <https://docs.cohere.com/v1/reference/rerank>, <https://api.jina.ai/redoc#tag/rerank>; the backend:
//! <https://docs.cohere.com/reference/rerank> (all seen 2026-11).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::json::{self, Extra, TextOr};
use crate::loss::{Losses, Refusal};
use crate::target::{Outgoing, Target};
use crate::text::Text;

/// Documents of one request, as Cohere bounds them.
const DOCUMENTS_MAX: usize = 10_000;

#[derive(Debug, Deserialize)]
struct Request<'a> {
    #[serde(borrow)]
    query: Text<'a>,
    #[serde(borrow)]
    documents: Vec<TextOr<'a, Fields>>,
    #[serde(default)]
    top_n: Option<u64>,
    #[serde(default)]
    max_tokens_per_doc: Option<u64>,
    #[serde(default)]
    return_documents: Option<bool>,
    #[serde(default)]
    priority: Option<u64>,
    #[serde(flatten)]
    extra: Extra,
}

/// A document in parts.
type Fields = serde_json::Map<String, Value>;

#[derive(Debug, Serialize)]
struct Body<'a> {
    model: &'a str,
    query: &'a str,
    documents: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_n: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens_per_doc: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<u64>,
}

/// What a client wants back beside the ranks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wanted {
    /// The documents by their places, where they are wanted.
    documents: Vec<String>,
}

/// Writes a client's request for Cohere.
///
/// # Errors
/// A body that is none, or has documents that are no text.
pub fn write_request(body: &[u8], target: &Target<'_>, losses: &mut Losses) -> Result<(Outgoing, Wanted), Refusal> {
    let request: Request<'_> = json::read(body)?;
    if request.documents.len() > DOCUMENTS_MAX {
        return Err(Refusal::new("documents", "there may be 10,000 of them at most"));
    }
    for name in request.extra.iter().filter(|(name, value)| *name != "model" && !value.is_null()).map(|(name, _)| name)
    {
        losses.drop_field(name.clone(), "unknown to Cohere");
    }
    let documents: Vec<&str> = request.documents.iter().enumerate().map(text).collect::<Result<_, _>>()?;
    let wanted = request.return_documents.unwrap_or(false);
    let wanted = if wanted { documents.iter().map(|text| (*text).to_owned()).collect() } else { Vec::new() };
    let (top_n, max_tokens_per_doc) = (request.top_n, request.max_tokens_per_doc);
    let body = Body {
        model: target.model,
        query: &request.query,
        documents,
        top_n,
        max_tokens_per_doc,
        priority: request.priority,
    };
    let outgoing = Outgoing { path: "/v2/rerank".to_owned(), body: json::write(&body), headers: Vec::new() };
    Ok((outgoing, Wanted { documents: wanted }))
}

fn text<'a>((at, document): (usize, &'a TextOr<'_, Fields>)) -> Result<&'a str, Refusal> {
    let text = match document {
        TextOr::Text(text) => Some(text.as_str()),
        TextOr::List(list) => list.first().and_then(|fields| fields.get("text")).and_then(Value::as_str),
    };
    text.ok_or_else(|| Refusal::new(format!("documents[{at}]"), "a document is a string, or an object with `text`"))
}

#[derive(Debug, Deserialize)]
struct Reply<'a> {
    #[serde(borrow, default)]
    id: Text<'a>,
    results: Vec<Ranked>,
    #[serde(default)]
    meta: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Ranked {
    index: usize,
    relevance_score: f64,
}

#[derive(Debug, Serialize)]
struct Written<'a> {
    id: &'a str,
    model: &'a str,
    results: Vec<WrittenRank<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<&'a Value>,
}

#[derive(Debug, Serialize)]
struct WrittenRank<'a> {
    index: usize,
    relevance_score: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<WrittenDocument<'a>>,
}

#[derive(Debug, Serialize)]
struct WrittenDocument<'a> {
    text: &'a str,
}

/// The client's form of Cohere's reply; `None`: it is none.
pub fn write_reply(body: &[u8], model: &str, wanted: &Wanted) -> Option<Vec<u8>> {
    let reply: Reply<'_> = json::read_reply(body)?;
    let results = reply.results.iter().map(|ranked| WrittenRank {
        index: ranked.index,
        relevance_score: ranked.relevance_score,
        document: wanted.documents.get(ranked.index).map(|text| WrittenDocument { text }),
    });
    let results = results.collect();
    Some(json::write(&Written { id: &reply.id, model, results, meta: reply.meta.as_ref() }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::client::Client;
    use crate::target::Host;

    const TARGET: Target<'static> = Target { model: "rerank-v3.5", host: Host::Own, default_max_output: 1 };

    #[test]
    fn documents_are_ranked_and_given_back() {
        let body = json!({"model": "m", "query": "capital", "top_n": 1, "return_documents": true, "rank_fields": ["text"],
            "documents": ["Carson City", {"text": "Washington, D.C."}]});
        let mut losses = Losses::new(Client::Chat, false);
        let (outgoing, wanted) = write_request(body.to_string().as_bytes(), &TARGET, &mut losses).unwrap();
        let sent: Value = serde_json::from_slice(&outgoing.body).unwrap();
        let documents = json!(["Carson City", "Washington, D.C."]);
        let expected = json!({"model": "rerank-v3.5", "query": "capital", "documents": documents, "top_n": 1});
        assert_eq!((outgoing.path.as_str(), sent), ("/v2/rerank", expected));
        assert_eq!(losses.header().as_deref(), Some("rank_fields"));
        let meta = json!({"billed_units": {"search_units": 1}});
        let reply = json!({"id": "r", "results": [{"index": 1, "relevance_score": 0.9}], "meta": meta});
        let written = write_reply(reply.to_string().as_bytes(), "m", &wanted).unwrap();
        let ranked = json!({"index": 1, "relevance_score": 0.9, "document": {"text": "Washington, D.C."}});
        let expected = json!({"id": "r", "model": "m", "results": [ranked], "meta": meta});
        assert_eq!(serde_json::from_slice::<Value>(&written).unwrap(), expected);
        assert_eq!(write_reply(b"{}", "m", &wanted), None);
    }

    #[test]
    fn a_document_without_text_is_refused_by_its_place() {
        let body = json!({"query": "q", "documents": ["a", {"title": "b"}]}).to_string();
        let refused = write_request(body.as_bytes(), &TARGET, &mut Losses::new(Client::Chat, false)).unwrap_err();
        assert_eq!(refused.field, "documents[1]");
        let refused = write_request(b"{}", &TARGET, &mut Losses::new(Client::Chat, false)).unwrap_err();
        assert!(refused.message.contains("query"), "{refused}");
    }
}

//! A request to a backend.

use serde::Serialize;

use super::{Asked, Backend, PURPOSES};
use crate::json;
use crate::loss::{Losses, Refusal};
use crate::target::{Host, Outgoing, Target};
use crate::url::segment;
use crate::vertex;

#[derive(Serialize)]
struct OpenAi<'a> {
    model: &'a str,
    input: Vec<&'a str>,
    encoding_format: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    dimensions: Option<u64>,
}

#[derive(Serialize)]
struct Gemini<'a> {
    requests: Vec<GeminiOne<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GeminiOne<'a> {
    model: &'a str,
    content: GeminiContent<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    task_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_dimensionality: Option<u64>,
}

#[derive(Serialize)]
struct GeminiContent<'a> {
    parts: [GeminiPart<'a>; 1],
}

#[derive(Serialize)]
struct GeminiPart<'a> {
    text: &'a str,
}

#[derive(Serialize)]
struct Vertex<'a> {
    instances: Vec<Instance<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<Parameters>,
}

#[derive(Serialize)]
struct Instance<'a> {
    content: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    task_type: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Parameters {
    output_dimensionality: u64,
}

#[derive(Serialize)]
struct Cohere<'a> {
    model: &'a str,
    texts: Vec<&'a str>,
    input_type: &'static str,
    embedding_types: [&'static str; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    output_dimension: Option<u64>,
}

/// Cohere wants to know what vectors are for; where nobody says it, they are put into a store.
const USUAL: &str = "search_document";
/// <https://docs.cohere.com/reference/embed#request.body.texts> (seen 2026-11)
const COHERE_TEXTS_MAX: usize = 96;

/// Writes a request: <https://ai.google.dev/api/embeddings>,
/// <https://docs.cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api>,
/// <https://docs.cohere.com/reference/embed> and
/// <https://platform.openai.com/docs/api-reference/embeddings/create> (seen 2026-11).
///
/// # Errors
/// More texts than the backend takes at once.
pub fn write_request(
    asked: &Asked<'_>,
    backend: Backend,
    target: &Target<'_>,
    losses: &mut Losses,
) -> Result<Outgoing, Refusal> {
    let model = target.model;
    let texts: Vec<&str> = asked.texts.iter().map(|text| text.as_str()).collect();
    let purpose = asked.input_type.and_then(|word| PURPOSES.into_iter().find(|(_, known)| *known == word));
    let purpose = purpose.map(|(word, _)| word);
    let (path, body) = match backend {
        Backend::OpenAi => {
            let path = match target.host {
                Host::Azure { deployments: true } => format!("/openai/deployments/{}/embeddings", segment(model)),
                _ => "/v1/embeddings".to_owned(),
            };
            let request = OpenAi { model, input: texts, encoding_format: "float", dimensions: asked.dimensions };
            (path, json::write(&request))
        }
        Backend::Gemini => {
            let plain = model.strip_prefix("models/").unwrap_or(model);
            let named = format!("models/{plain}");
            let one = |text| GeminiOne {
                model: &named,
                content: GeminiContent { parts: [GeminiPart { text }] },
                task_type: purpose,
                output_dimensionality: asked.dimensions,
            };
            let body = json::write(&Gemini { requests: texts.into_iter().map(one).collect() });
            (format!("/v1beta/models/{}:batchEmbedContents", segment(plain)), body)
        }
        Backend::Vertex => {
            let Host::Vertex { project, location } = target.host else {
                return Err(Refusal::new("model", "the backend has no project"));
            };
            let parameters = asked.dimensions.map(|output_dimensionality| Parameters { output_dimensionality });
            let instances = texts.into_iter().map(|content| Instance { content, task_type: purpose }).collect();
            let path = format!("{}:predict", vertex::model(project, location, "google", model));
            (path, json::write(&Vertex { instances, parameters }))
        }
        Backend::Cohere => {
            if texts.len() > COHERE_TEXTS_MAX {
                return Err(Refusal::new("input", "Cohere embeds 96 texts at once: send fewer"));
            }
            if asked.input_type.is_none() {
                losses.drop_field("input_type", "Cohere wants one; `search_document` is taken where none is given");
            }
            let request = Cohere {
                model,
                texts,
                input_type: asked.input_type.unwrap_or(USUAL),
                embedding_types: ["float"],
                output_dimension: asked.dimensions,
            };
            ("/v2/embed".to_owned(), json::write(&request))
        }
    };
    Ok(Outgoing { path, body, headers: Vec::new() })
}

//! A client's request.

use serde::Deserialize;
use serde_json::Value;

use super::{Asked, Form, PURPOSES};
use crate::json::{self, Extra, TextOr};
use crate::loss::{Losses, Refusal};
use crate::text::Text;

/// OpenAI's bound: <https://platform.openai.com/docs/api-reference/embeddings/create> (seen 2026-11).
const TEXTS_MAX: usize = 2_048;

#[derive(Debug, Deserialize)]
struct OpenAi<'a> {
    #[serde(borrow)]
    input: TextOr<'a, Input<'a>>,
    #[serde(default)]
    dimensions: Option<u64>,
    #[serde(borrow, default)]
    encoding_format: Option<Text<'a>>,
    #[serde(borrow, default)]
    input_type: Option<Text<'a>>,
    #[serde(flatten)]
    extra: Extra,
}

/// A text, or what takes the place of one.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Input<'a> {
    #[serde(borrow)]
    Text(Text<'a>),
    Other(serde::de::IgnoredAny),
}

/// Reads OpenAI's.
///
/// # Errors
/// A body that is none, and tokens in place of texts.
pub fn read_openai<'a>(body: &'a [u8], losses: &mut Losses) -> Result<Asked<'a>, Refusal> {
    let request: OpenAi<'a> = json::read(body)?;
    let texts = match request.input {
        TextOr::Text(text) => vec![text],
        TextOr::List(list) => list.into_iter().map(text).collect::<Result<_, _>>()?,
    };
    let form = match request.encoding_format.as_deref() {
        None | Some("float") => Form::Numbers,
        Some("base64") => Form::Base64,
        Some(_) => return Err(Refusal::new("encoding_format", "use `float` or `base64`")),
    };
    let input_type = request.input_type.and_then(|word| {
        let known = PURPOSES.into_iter().map(|(_, known)| known).find(|known| *known == word.as_str());
        if known.is_none() {
            losses.drop_field("input_type", "only Cohere's words are known");
        }
        known
    });
    for (name, _) in request.extra.into_iter().filter(|(name, value)| name != "model" && !value.is_null()) {
        losses.drop_field(name, "the backend's embeddings have no such member");
    }
    bounded(Asked { texts, dimensions: request.dimensions, input_type, title: None, form }, "input")
}

fn text(input: Input<'_>) -> Result<Text<'_>, Refusal> {
    match input {
        Input::Text(text) => Ok(text),
        Input::Other(_) => Err(Refusal::new("input", "tokens have a meaning for OpenAI's models only: send the text")),
    }
}

fn bounded<'a>(asked: Asked<'a>, field: &str) -> Result<Asked<'a>, Refusal> {
    match asked.texts.len() {
        0 => Err(Refusal::new(field, "there is no text")),
        1..=TEXTS_MAX => Ok(asked),
        _ => Err(Refusal::new(field, "there may be 2,048 texts at most")),
    }
}

#[derive(Debug, Deserialize)]
struct Batch<'a> {
    #[serde(borrow)]
    requests: Vec<Gemini<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Gemini<'a> {
    #[serde(borrow)]
    content: Content<'a>,
    #[serde(borrow, default, alias = "task_type")]
    task_type: Option<Text<'a>>,
    #[serde(borrow, default)]
    title: Option<Text<'a>>,
    #[serde(default, alias = "output_dimensionality")]
    output_dimensionality: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Content<'a> {
    #[serde(borrow, default)]
    parts: Vec<Part<'a>>,
}

#[derive(Debug, Deserialize)]
struct Part<'a> {
    #[serde(borrow, default)]
    text: Option<Text<'a>>,
    #[serde(flatten)]
    extra: serde_json::Map<String, Value>,
}

/// Reads Gemini's: <https://ai.google.dev/api/embeddings> (seen 2026-11). `batch`: of several texts.
///
/// # Errors
/// A body that is none, and parts that are no text.
pub fn read_gemini<'a>(body: &'a [u8], batch: bool, losses: &mut Losses) -> Result<Asked<'a>, Refusal> {
    let requests = match batch {
        true => json::read::<Batch<'a>>(body)?.requests,
        false => vec![json::read::<Gemini<'a>>(body)?],
    };
    let mut asked = Asked { form: if batch { Form::Batch } else { Form::One }, ..Asked::default() };
    for request in requests {
        let mut texts = Vec::with_capacity(request.content.parts.len());
        for part in request.content.parts {
            if let Some((name, _)) = part.extra.iter().find(|(_, value)| !value.is_null()) {
                losses.refuse_field(format!("content.parts.{name}"), "only texts are embedded")?;
            }
            texts.extend(part.text);
        }
        asked.texts.push(Text::join(texts, "\n"));
        if !asked.texts.is_empty() && asked.texts.len() > 1 && asked.dimensions != request.output_dimensionality {
            return Err(Refusal::new("requests.outputDimensionality", "it must be the same for all texts"));
        }
        asked.dimensions = request.output_dimensionality;
        if request.task_type.is_some() {
            losses.drop_field("taskType", "OpenAI's embeddings are for every purpose");
        }
        if request.title.is_some() {
            losses.drop_field("title", "OpenAI's embeddings have no titles");
        }
    }
    bounded(asked, "content")
}

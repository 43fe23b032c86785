//! Parts of content, for a backend.

use std::borrow::Cow;

use serde::Serialize;

use crate::content::{Document, Media, Part, Source};
use crate::loss::{Feature, Losses, Refusal};
use crate::request::Role;

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum InPart<'a> {
    InputText {
        text: &'a str,
    },
    OutputText {
        text: &'a str,
    },
    SummaryText {
        text: &'a str,
    },
    ReasoningText {
        text: &'a str,
    },
    Refusal {
        refusal: &'a str,
    },
    InputImage {
        #[serde(skip_serializing_if = "Option::is_none")]
        image_url: Option<Cow<'a, str>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        file_id: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        detail: Option<&'a str>,
    },
    InputFile {
        #[serde(skip_serializing_if = "Option::is_none")]
        filename: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        file_data: Option<Cow<'a, str>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        file_url: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        file_id: Option<&'a str>,
    },
}

impl<'a> InPart<'a> {
    pub(super) fn summary(text: &'a str) -> Self {
        Self::SummaryText { text }
    }

    pub(super) fn thought(text: &'a str) -> Self {
        Self::ReasoningText { text }
    }
}

/// One part of a message or of what a tool said; `None` for an empty text.
pub(super) fn part<'a>(part: &'a Part<'_>, role: Role, losses: &mut Losses) -> Result<Option<InPart<'a>>, Refusal> {
    let is_cached = match part {
        Part::Text(part) => part.cache.is_some(),
        Part::Image(media) | Part::Document(Document { media, .. }) => media.cache.is_some(),
        _ => false,
    };
    if is_cached {
        losses.drop(Feature::CacheControl, "OpenAI caches by itself");
    }
    match part {
        Part::Text(part) if part.text.is_empty() => Ok(None),
        Part::Text(part) => {
            if !part.citations.is_empty() {
                losses.drop(Feature::Citations, "references of former replies are not repeated");
            }
            let text = part.text.as_str();
            Ok(Some(if role == Role::Assistant { InPart::OutputText { text } } else { InPart::InputText { text } }))
        }
        Part::Refusal(refusal) => Ok(Some(match role {
            Role::Assistant => InPart::Refusal { refusal },
            _ => InPart::InputText { text: refusal },
        })),
        Part::Image(media) if role == Role::User => image(media, losses),
        Part::Document(document) if role == Role::User => file(document, losses),
        Part::Image(_) => refused(losses, Feature::Image, "OpenAI takes pictures only in user messages"),
        Part::Document(_) => refused(losses, Feature::Document, "OpenAI takes documents only in user messages"),
        Part::Audio(_) => refused(losses, Feature::Audio, "OpenAI's Responses takes no sound"),
        Part::Video(_) => refused(losses, Feature::Video, "OpenAI takes no moving pictures"),
        Part::ToolCall(_) | Part::ToolResult(_) | Part::Thinking(_) => {
            refused(losses, Feature::ToolResultMedia, "tools can only say text, pictures and documents")
        }
    }
}

fn refused<'a>(losses: &mut Losses, feature: Feature, why: &'static str) -> Result<Option<InPart<'a>>, Refusal> {
    losses.refuse(feature, why).map(|()| None)
}

fn image<'a>(media: &'a Media<'_>, losses: &mut Losses) -> Result<Option<InPart<'a>>, Refusal> {
    let (image_url, file_id) = match &media.source {
        Source::File(id) => (None, Some(id.as_str())),
        Source::Text(_) => return refused(losses, Feature::Image, "a picture must have bytes or a URL"),
        _ => (media.url("image/png").map(|url| url.0), None),
    };
    Ok(Some(InPart::InputImage { image_url, file_id, detail: media.detail.as_deref() }))
}

fn file<'a>(document: &'a Document<'_>, losses: &mut Losses) -> Result<Option<InPart<'a>>, Refusal> {
    if document.citations {
        losses.drop(Feature::Citations, "OpenAI does not refer to places of documents");
    }
    if document.context.is_some() {
        losses.drop(Feature::Document, "OpenAI has no place for what a document is about");
    }
    let filename = document.title.as_deref();
    let media = &document.media;
    let (mut file_data, mut file_url, mut file_id) = (None, None, None);
    match &media.source {
        Source::Text(text) => {
            if filename.is_some() {
                losses.drop(Feature::Document, "a document of text is sent as text, without its title");
            }
            return Ok(Some(InPart::InputText { text }));
        }
        Source::Base64(_) => file_data = media.url("application/pdf").map(|url| url.0),
        Source::Url(url) => file_url = Some(url.as_str()),
        Source::File(id) => file_id = Some(id.as_str()),
    }
    let filename = match &file_data {
        // Bytes need a name.
        Some(_) => Some(filename.unwrap_or_else(|| default_name(media))),
        None => {
            if filename.is_some() {
                losses.drop(Feature::Document, "OpenAI takes the name of a document only with its bytes");
            }
            None
        }
    };
    Ok(Some(InPart::InputFile { filename, file_data, file_url, file_id }))
}

fn default_name(media: &Media<'_>) -> &'static str {
    match media.mime.as_deref() {
        Some("text/plain") => "document.txt",
        Some("text/markdown") => "document.md",
        Some("text/html") => "document.html",
        Some("text/csv") => "document.csv",
        _ => "document.pdf",
    }
}

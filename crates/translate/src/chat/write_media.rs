//! Parts of messages, as they go to a backend.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::server::Server;
use super::write_tools::{CacheControl, mark};
use crate::content::{Document, Media, Part, Source};
use crate::loss::{Feature, Losses, Refusal};
use crate::text::Text;

/// A part of a message's content.
#[derive(Debug, Serialize)]
pub(super) struct Piece<'a> {
    #[serde(flatten)]
    pub(super) said: Said<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cache_control: Option<CacheControl<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Said<'a> {
    Text { text: Cow<'a, str> },
    ImageUrl { image_url: ImageUrl<'a> },
    VideoUrl { video_url: Url<'a> },
    InputAudio { input_audio: InputAudio<'a> },
    File { file: File<'a> },
}

#[derive(Debug, Serialize)]
pub(super) struct ImageUrl<'a> {
    url: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
}

#[derive(Debug, Serialize)]
pub(super) struct Url<'a> {
    url: Text<'a>,
}

#[derive(Debug, Serialize)]
pub(super) struct InputAudio<'a> {
    data: &'a str,
    format: &'a str,
}

#[derive(Debug, Serialize)]
pub(super) struct File<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    filename: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_data: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_id: Option<&'a str>,
}

impl<'a> Piece<'a> {
    fn new(said: Said<'a>) -> Self {
        Self { said, cache_control: None }
    }

    /// A text with nothing on it.
    pub(super) fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::new(Said::Text { text: text.into() })
    }
}

/// Writes what a user says. Nothing for parts that a user cannot say, and for those whose loss is allowed.
pub(super) fn pieces<'a>(
    part: &'a Part<'_>,
    server: Server,
    losses: &mut Losses,
    pieces: &mut Vec<Piece<'a>>,
) -> Result<(), Refusal> {
    let before = pieces.len();
    let cache = match part {
        Part::Text(text) => {
            pieces.push(Piece::text(text.text.as_str()));
            text.cache.as_ref()
        }
        Part::Image(media) => {
            pieces.extend(image(media, losses)?);
            media.cache.as_ref()
        }
        Part::Audio(media) => {
            pieces.extend(audio(media, server, losses)?);
            media.cache.as_ref()
        }
        Part::Video(media) => {
            pieces.extend(video(media, server, losses)?);
            media.cache.as_ref()
        }
        Part::Document(document) => {
            write_document(document, server, losses, pieces)?;
            document.media.cache.as_ref()
        }
        Part::Refusal(text) => {
            pieces.push(Piece::text(text.as_str()));
            None
        }
        Part::Thinking(_) | Part::ToolCall(_) | Part::ToolResult(_) => None,
    };
    if pieces.len() > before
        && let Some(last) = pieces.last_mut()
    {
        last.cache_control = mark(cache, server, losses);
    }
    Ok(())
}

fn image<'a>(media: &'a Media<'_>, losses: &mut Losses) -> Result<Option<Piece<'a>>, Refusal> {
    let Some(url) = media.url("image/png") else {
        losses.refuse(Feature::FileId, "chat completions takes pictures by URL or in base64")?;
        return Ok(None);
    };
    let mut detail = media.detail.as_deref();
    if detail.is_some_and(|detail| !["auto", "low", "high"].contains(&detail)) {
        detail = None;
        losses.drop(Feature::ImageDetail, "chat completions has auto, low and high");
    }
    Ok(Some(Piece::new(Said::ImageUrl { image_url: ImageUrl { url, detail } })))
}

fn audio<'a>(media: &'a Media<'_>, server: Server, losses: &mut Losses) -> Result<Option<Piece<'a>>, Refusal> {
    let Source::Base64(data) = &media.source else {
        losses.refuse(Feature::Audio, "chat completions takes sound in base64 only")?;
        return Ok(None);
    };
    let subtype = media.mime.as_deref().and_then(|mime| mime.split_once('/')).map(|(_, subtype)| subtype);
    let format = match subtype.unwrap_or("wav") {
        "wav" | "x-wav" | "wave" | "vnd.wave" => "wav",
        "mpeg" | "mp3" => "mp3",
        other if server.is_open() => other.strip_prefix("x-").unwrap_or(other),
        _ => {
            losses.refuse(Feature::Audio, "chat completions takes sound as WAV and MP3")?;
            return Ok(None);
        }
    };
    Ok(Some(Piece::new(Said::InputAudio { input_audio: InputAudio { data, format } })))
}

fn video<'a>(media: &'a Media<'_>, server: Server, losses: &mut Losses) -> Result<Option<Piece<'a>>, Refusal> {
    match media.url("video/mp4").filter(|_| !server.is_openai()) {
        Some(url) => Ok(Some(Piece::new(Said::VideoUrl { video_url: Url { url } }))),
        None => {
            losses.refuse(Feature::Video, "OpenAI takes no moving pictures")?;
            Ok(None)
        }
    }
}

fn write_document<'a>(
    document: &'a Document<'_>,
    server: Server,
    losses: &mut Losses,
    pieces: &mut Vec<Piece<'a>>,
) -> Result<(), Refusal> {
    if document.citations {
        losses.drop(Feature::Citations, "chat completions does not cite documents");
    }
    if let Some(text) = text_of(document) {
        pieces.push(Piece::text(text));
        return Ok(());
    }
    let filename = document.title.as_deref();
    let file = match &document.media.source {
        _ if server == Server::Zhipu => return losses.refuse(Feature::Document, "GLM takes documents as text only"),
        Source::Url(_) => return losses.refuse(Feature::DocumentUrl, "chat completions takes no documents by URL"),
        Source::File(id) if server.is_openai() => File { filename: None, file_data: None, file_id: Some(id) },
        Source::File(_) => return losses.refuse(Feature::FileId, "the file is with another provider"),
        Source::Base64(_) | Source::Text(_) => {
            let filename = Some(filename.unwrap_or("document.pdf"));
            File { filename, file_data: document.media.url("application/pdf"), file_id: None }
        }
    };
    pieces.extend(document.context.as_deref().map(Piece::text));
    pieces.push(Piece::new(Said::File { file }));
    Ok(())
}

/// A document that is text, as text: files are PDF to OpenAI.
fn text_of<'a>(document: &'a Document<'_>) -> Option<Cow<'a, str>> {
    let text = match &document.media.source {
        Source::Text(text) => Cow::Borrowed(text.as_str()),
        Source::Base64(data) if document.media.mime.as_deref().is_some_and(|mime| mime.starts_with("text/")) => {
            Cow::Owned(String::from_utf8(STANDARD.decode(data.as_bytes()).ok()?).ok()?)
        }
        _ => return None,
    };
    let about = [document.title.as_deref(), document.context.as_deref()];
    let head: String = about.into_iter().flatten().map(|line| format!("{line}\n")).collect();
    Some(if head.is_empty() { text } else { Cow::Owned(format!("{head}\n{text}")) })
}

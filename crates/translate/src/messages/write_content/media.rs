//! Pictures and documents.

use super::super::wire_request::{Block, Source as WireSource};
use super::mark;
use crate::content::{Document, Media, Part, Source};
use crate::json::{Raw, TextOr};
use crate::loss::{Feature, Losses, Refusal};
use crate::request::{Role, Turn};
use crate::target::Host;
use crate::text::Text;

/// Whether files that were uploaded before are named, which is a beta there.
pub(in super::super) fn names_files(turns: &[Turn<'_>]) -> bool {
    turns.iter().flat_map(|turn| &turn.parts).any(|part| match part {
        Part::ToolResult(result) => result.parts.iter().any(names_file),
        part => names_file(part),
    })
}

fn names_file(part: &Part<'_>) -> bool {
    match part {
        Part::Image(media) => matches!(media.source, Source::File(_)),
        Part::Document(document) => matches!(document.media.source, Source::File(_)),
        _ => false,
    }
}

pub(super) fn block<'a>(
    part: &'a Part<'_>,
    role: Role,
    host: Host<'_>,
    losses: &mut Losses,
) -> Result<Option<Block<'a>>, Refusal> {
    let (block, feature) = match part {
        Part::Image(media) => (image(media, host, losses)?, Feature::Image),
        Part::Document(document) => (self::document(document, host, losses)?, Feature::Document),
        Part::Audio(_) => return losses.refuse(Feature::Audio, "Anthropic takes no sound").map(|()| None),
        Part::Video(_) => return losses.refuse(Feature::Video, "Anthropic takes no moving pictures").map(|()| None),
        _ => return Ok(None),
    };
    if role == Role::Assistant {
        losses.refuse(feature, "Anthropic takes it from the user only")?;
        return Ok(None);
    }
    Ok(block)
}

fn image<'a>(media: &'a Media<'_>, host: Host<'_>, losses: &mut Losses) -> Result<Option<Block<'a>>, Refusal> {
    if media.detail.as_deref().is_some_and(|detail| detail != "auto") {
        losses.drop(Feature::ImageDetail, "Anthropic has one way of looking at pictures");
    }
    let source = match &media.source {
        Source::Base64(data) => {
            let mime = media.mime.as_deref().or_else(|| sniff(data)).unwrap_or("image/jpeg");
            let mime = if mime == "image/jpg" { "image/jpeg" } else { mime };
            if !matches!(mime, "image/jpeg" | "image/png" | "image/gif" | "image/webp") {
                losses.refuse(Feature::Image, "Anthropic takes JPEG, PNG, GIF and WebP")?;
                return Ok(None);
            }
            base64(data, mime.to_owned().into())
        }
        Source::Url(url) if has_urls(host) => by_url(url),
        Source::Url(_) => {
            losses.refuse(Feature::ImageUrl, "Claude takes URLs from Anthropic's own API only")?;
            return Ok(None);
        }
        Source::File(id) if has_urls(host) => file(id),
        Source::File(_) => {
            losses.refuse(Feature::FileId, "Claude takes files from Anthropic's own API only")?;
            return Ok(None);
        }
        Source::Text(_) => {
            losses.refuse(Feature::Image, "Claude takes the bytes of a picture or its URL")?;
            return Ok(None);
        }
    };
    let source = Some(TextOr::List(vec![source]));
    Ok(Some(Block {
        kind: "image".into(),
        source,
        cache_control: mark(media.cache.as_ref(), losses),
        ..Block::default()
    }))
}

/// Amazon and Google take bytes only: <https://platform.claude.com/docs/en/build-with-claude/vision> (seen 2026-11).
fn has_urls(host: Host<'_>) -> bool {
    !matches!(host, Host::Vertex { .. } | Host::Bedrock)
}

/// The type of a picture by its first bytes, in base64.
fn sniff(data: &str) -> Option<&'static str> {
    let kinds = [("iVBOR", "image/png"), ("/9j/", "image/jpeg"), ("R0lGOD", "image/gif"), ("UklGR", "image/webp")];
    kinds.into_iter().find(|(begin, _)| data.starts_with(begin)).map(|(_, mime)| mime)
}

fn base64<'a>(data: &'a Text<'_>, mime: Text<'a>) -> WireSource<'a> {
    let data = Some(data.borrowed());
    WireSource { kind: "base64".into(), media_type: Some(mime), data, ..WireSource::default() }
}

fn by_url<'a>(url: &'a Text<'_>) -> WireSource<'a> {
    WireSource { kind: "url".into(), url: Some(url.borrowed()), ..WireSource::default() }
}

fn file<'a>(id: &'a Text<'_>) -> WireSource<'a> {
    WireSource { kind: "file".into(), file_id: Some(id.borrowed()), ..WireSource::default() }
}

fn document<'a>(document: &'a Document<'_>, host: Host<'_>, losses: &mut Losses) -> Result<Option<Block<'a>>, Refusal> {
    let media = &document.media;
    let source = match &media.source {
        Source::Text(text) => WireSource {
            kind: "text".into(),
            media_type: Some("text/plain".into()),
            data: Some(text.borrowed()),
            ..WireSource::default()
        },
        Source::Base64(data) if media.mime.as_deref().is_none_or(|mime| mime == "application/pdf") => {
            base64(data, "application/pdf".into())
        }
        Source::Base64(_) => {
            losses.refuse(Feature::Document, "Anthropic takes PDF and plain text")?;
            return Ok(None);
        }
        Source::Url(url) if has_urls(host) => by_url(url),
        Source::File(id) if has_urls(host) => file(id),
        Source::Url(_) => {
            losses.refuse(Feature::DocumentUrl, "Claude takes URLs from Anthropic's own API only")?;
            return Ok(None);
        }
        Source::File(_) => {
            losses.refuse(Feature::FileId, "Claude takes files from Anthropic's own API only")?;
            return Ok(None);
        }
    };
    Ok(Some(Block {
        kind: "document".into(),
        source: Some(TextOr::List(vec![source])),
        title: document.title.as_ref().map(Text::borrowed),
        context: document.context.as_ref().map(Text::borrowed),
        citations: if document.citations { Raw::parse(r#"{"enabled":true}"#) } else { None },
        cache_control: mark(media.cache.as_ref(), losses),
        ..Block::default()
    }))
}

//! Parts of content.

use std::fmt;

use super::read_request::drop_extra;
use super::wire_request::{File, Item, Link, Piece};
use crate::content::{Cache, Document, Media, Part, Source, TextPart};
use crate::json::TextOr;
use crate::loss::{Losses, Refusal};
use crate::text::Text;

/// An item that is a part of content by itself.
pub(super) fn bare<'a>(kind: &str, item: Item<'a>) -> Option<Piece<'a>> {
    let known = [
        "input_text",
        "output_text",
        "text",
        "input_image",
        "image_url",
        "input_file",
        "file",
        "input_audio",
        "refusal",
    ];
    let kind = known.into_iter().find(|known| *known == kind)?;
    Some(Piece {
        kind: Some(kind.into()),
        text: item.text,
        image_url: item.image_url,
        detail: item.detail,
        file: item.file,
        file_id: item.file_id,
        file_data: item.file_data,
        file_url: item.file_url,
        filename: item.filename,
        input_audio: item.input_audio,
        refusal: item.refusal,
        prompt_cache_breakpoint: item.prompt_cache_breakpoint,
        ..Piece::default()
    })
}

/// The text of a part, if it has one.
pub(super) fn only_text<'a>(piece: TextOr<'a, Piece<'a>>) -> Option<Text<'a>> {
    match piece {
        TextOr::Text(text) => Some(text),
        TextOr::List(list) => list.into_iter().next()?.text,
    }
}

/// One part; `None` for one with nothing in it.
pub(super) fn part<'a>(
    place: &dyn fmt::Display,
    mut piece: Piece<'a>,
    losses: &mut Losses,
) -> Result<Option<Part<'a>>, Refusal> {
    drop_extra("input.content", &piece.extra, losses);
    if piece.annotations.as_ref().is_some_and(|list| !list.is_empty()) {
        losses.drop_field("input.content.annotations", "references of former replies have no place elsewhere");
    }
    if piece.logprobs.as_ref().is_some_and(|list| !list.is_empty()) {
        losses.drop_field("input.content.logprobs", "probabilities of former replies have no place elsewhere");
    }
    let cache = piece.prompt_cache_breakpoint.take().map(|mark| Cache { ttl: mark.ttl });
    let kind = piece.kind.take();
    let part = match kind.as_deref() {
        Some("input_text" | "output_text" | "text" | "summary_text" | "reasoning_text") | None => {
            let text = piece.text.ok_or_else(|| Refusal::new(format!("{place}.text"), "is missing"))?;
            Part::Text(TextPart { text, citations: Vec::new(), cache })
        }
        Some("refusal") => Part::Refusal(piece.refusal.unwrap_or_default()),
        Some("input_image" | "image_url") => Part::Image(Media { cache, ..image(place, piece)? }),
        Some("input_file" | "file") => {
            if piece.detail.is_some() {
                losses.drop_field("input.content.input_file.detail", "how closely files are looked at cannot be said");
            }
            let document = document(place, piece)?;
            Part::Document(Document { media: Media { cache, ..document.media }, ..document })
        }
        Some("input_audio") => {
            let sound = piece.input_audio.ok_or_else(|| Refusal::new(format!("{place}.input_audio"), "is missing"))?;
            let mime = sound.format.map(|format| Text::from(format!("audio/{format}")));
            Part::Audio(Media::new(Source::Base64(sound.data), mime))
        }
        Some(other) => {
            let message = format!("{other:?} is unknown: use input_text, input_image or input_file");
            return Err(Refusal::new(format!("{place}.type"), message));
        }
    };
    Ok(Some(part))
}

fn image<'a>(place: &dyn fmt::Display, piece: Piece<'a>) -> Result<Media<'a>, Refusal> {
    let (url, inner) = match piece.image_url {
        Some(Link::Text(url)) => (Some(url), None),
        Some(Link::List(list)) => list.into_iter().next().map_or((None, None), |link| (Some(link.url), link.detail)),
        None => (None, None),
    };
    let media = match (url, piece.file_id) {
        (Some(url), _) => Media::of_url(url),
        (None, Some(id)) => Media::new(Source::File(id), None),
        (None, None) => return Err(Refusal::new(format!("{place}.image_url"), "is missing: give it, or file_id")),
    };
    Ok(Media { detail: piece.detail.or(inner), ..media })
}

fn document<'a>(place: &dyn fmt::Display, piece: Piece<'a>) -> Result<Document<'a>, Refusal> {
    let inner = piece.file.map(|file| *file).unwrap_or_default();
    let File { file_id, file_data, filename } = inner;
    let (file_id, file_data) = (piece.file_id.or(file_id), piece.file_data.or(file_data));
    let title = piece.filename.or(filename);
    let media = match (file_data, piece.file_url, file_id) {
        (Some(data), ..) => bytes(data, title.as_deref()),
        (None, Some(url), _) => Media::new(Source::Url(url), None),
        (None, None, Some(id)) => Media::new(Source::File(id), None),
        (None, None, None) => {
            let message = "is missing: give file_data, file_url or file_id";
            return Err(Refusal::new(format!("{place}.file_data"), message));
        }
    };
    Ok(Document { media, title, context: None, citations: false })
}

/// The bytes of a file: a `data:` URL, or base64 alone.
fn bytes<'a>(data: Text<'a>, name: Option<&str>) -> Media<'a> {
    if data.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:")) {
        return Media::of_url(data);
    }
    let is_pdf = name.and_then(|name| name.rsplit_once('.')).is_some_and(|(_, end)| end.eq_ignore_ascii_case("pdf"));
    Media::new(Source::Base64(data), is_pdf.then(|| "application/pdf".into()))
}

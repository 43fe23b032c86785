//! Pictures, documents, sound and moving pictures.

use super::wire_request as wire;
use crate::content::{Cache, Document, Media, Part, Source};
use crate::loss::{Feature, Losses, Refusal};
use crate::request::Role;
use crate::text::Text;

/// The mark that hangs on it.
pub(super) fn cache<'a>(part: &'a Part<'_>) -> Option<&'a Cache<'a>> {
    match part {
        Part::Image(media) | Part::Audio(media) | Part::Video(media) => media.cache.as_ref(),
        Part::Document(document) => document.media.cache.as_ref(),
        _ => None,
    }
}

/// A block of it; `at` is its place, by which documents without a name are told apart.
pub(super) fn block<'a>(
    part: &'a Part<'_>,
    role: Role,
    at: usize,
    losses: &mut Losses,
) -> Result<Option<wire::Block<'a>>, Refusal> {
    let (block, feature) = match part {
        Part::Image(image) => {
            if image.detail.as_deref().is_some_and(|detail| detail != "auto") {
                losses.drop(Feature::ImageDetail, "Converse has one way of looking at pictures");
            }
            let why = "Converse takes the bytes of PNG, JPEG, GIF and WebP";
            let block = media(image, image_format, [Feature::Image, Feature::ImageUrl], why, losses)?;
            (block.map(wire::Block::Image), Feature::Image)
        }
        Part::Audio(audio) => {
            let why = "Converse takes the bytes of MP3, WAV, FLAC, AAC, OGG and Opus";
            let block = media(audio, audio_format, [Feature::Audio, Feature::Audio], why, losses)?;
            (block.map(wire::Block::Audio), Feature::Audio)
        }
        Part::Video(video) => {
            let why = "Converse takes the bytes of MP4, MOV, MKV, WebM, FLV, MPEG, WMV and 3GP";
            let block = media(video, video_format, [Feature::Video, Feature::Video], why, losses)?;
            (block.map(wire::Block::Video), Feature::Video)
        }
        Part::Document(document) => {
            (self::document(document, at, losses)?.map(wire::Block::Document), Feature::Document)
        }
        _ => return Ok(None),
    };
    if role == Role::Assistant {
        losses.refuse(feature, "Converse takes it from the user only")?;
        return Ok(None);
    }
    Ok(block)
}

fn media<'a>(
    media: &'a Media<'_>,
    format: impl Fn(&str) -> Option<&'static str>,
    [feature, elsewhere]: [Feature; 2],
    why: &'static str,
    losses: &mut Losses,
) -> Result<Option<wire::Media<'a>>, Refusal> {
    let mime = media.mime.as_deref().unwrap_or_default();
    let by_name = |url: &str| url.rsplit_once('.').and_then(|(_, end)| format(end));
    let (format, source) = match &media.source {
        Source::Base64(data) => (format(mime).or_else(|| sniff(data)), wire::Source::Bytes(data.borrowed())),
        Source::Url(url) if url.starts_with("s3://") => {
            (format(mime).or_else(|| by_name(url)), wire::Source::S3Location { uri: url.borrowed() })
        }
        Source::Url(_) => {
            losses.refuse(elsewhere, "Converse takes bytes, or what lies in Amazon's S3")?;
            return Ok(None);
        }
        Source::File(_) => {
            losses.refuse(Feature::FileId, "Converse knows no files of other providers")?;
            return Ok(None);
        }
        Source::Text(_) => (None, wire::Source::Text(Text::default())),
    };
    match format {
        Some(format) => Ok(Some(wire::Media { format, source })),
        None => losses.refuse(feature, why).map(|()| None),
    }
}

/// The format of a media type or of a file name's end.
fn image_format(name: &str) -> Option<&'static str> {
    Some(match name.rsplit('/').next()? {
        "png" => "png",
        "jpeg" | "jpg" => "jpeg",
        "gif" => "gif",
        "webp" => "webp",
        _ => return None,
    })
}

/// The format of a picture by its first bytes, in base64.
fn sniff(data: &str) -> Option<&'static str> {
    let kinds = [("iVBOR", "png"), ("/9j/", "jpeg"), ("R0lGOD", "gif"), ("UklGR", "webp")];
    kinds.into_iter().find(|(begin, _)| data.starts_with(begin)).map(|(_, format)| format)
}

fn audio_format(name: &str) -> Option<&'static str> {
    Some(match name.rsplit('/').next()? {
        "mp3" | "mpeg" => "mp3",
        "wav" | "x-wav" => "wav",
        "flac" => "flac",
        "aac" => "aac",
        "ogg" => "ogg",
        "opus" => "opus",
        "mp4" | "m4a" => "m4a",
        _ => return None,
    })
}

fn video_format(name: &str) -> Option<&'static str> {
    Some(match name.rsplit('/').next()? {
        "mp4" => "mp4",
        "mov" | "quicktime" => "mov",
        "mkv" | "x-matroska" => "mkv",
        "webm" => "webm",
        "flv" | "x-flv" => "flv",
        "mpeg" => "mpeg",
        "mpg" => "mpg",
        "wmv" | "x-ms-wmv" => "wmv",
        "3gp" | "3gpp" => "three_gp",
        _ => return None,
    })
}

/// The format of a document by its media type, or by the end of its name.
fn document_format(name: &str) -> Option<&'static str> {
    Some(match name {
        "application/pdf" | "pdf" => "pdf",
        "text/csv" | "csv" => "csv",
        "application/msword" | "doc" => "doc",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document" | "docx" => "docx",
        "application/vnd.ms-excel" | "xls" => "xls",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" | "xlsx" => "xlsx",
        "text/html" | "html" => "html",
        "text/plain" | "txt" => "txt",
        "text/markdown" | "md" => "md",
        _ => return None,
    })
}

fn document<'a>(
    document: &'a Document<'_>,
    at: usize,
    losses: &mut Losses,
) -> Result<Option<wire::Document<'a>>, Refusal> {
    let media = &document.media;
    let title = document.title.as_deref().unwrap_or_default();
    let by_name = || title.rsplit_once('.').and_then(|(_, end)| document_format(end));
    let format = media.mime.as_deref().and_then(document_format).or_else(by_name);
    let (format, source) = match &media.source {
        Source::Text(text) => (Some(format.unwrap_or("txt")), wire::Source::Text(text.borrowed())),
        // What most clients send without saying so.
        Source::Base64(data) if media.mime.is_none() => {
            (Some(format.unwrap_or("pdf")), wire::Source::Bytes(data.borrowed()))
        }
        Source::Base64(data) => (format, wire::Source::Bytes(data.borrowed())),
        Source::Url(url) if url.starts_with("s3://") => (format, wire::Source::S3Location { uri: url.borrowed() }),
        Source::Url(_) => {
            losses.refuse(Feature::DocumentUrl, "Converse takes bytes, or what lies in Amazon's S3")?;
            return Ok(None);
        }
        Source::File(_) => {
            losses.refuse(Feature::FileId, "Converse knows no files of other providers")?;
            return Ok(None);
        }
    };
    if format.is_none() {
        losses.refuse(Feature::Document, "Converse takes PDF, text, HTML and the files of offices")?;
        return Ok(None);
    }
    let context = document.context.as_ref().map(Text::borrowed);
    let citations = Some(wire::Citing { enabled: true }).filter(|_| document.citations);
    Ok(Some(wire::Document { format, name: name(title, at), source, context, citations }))
}

/// Names have letters, digits, single spaces, `-`, `()` and `[]` only, and each is there once:
/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_DocumentBlock.html> (seen 2026-11).
fn name(title: &str, at: usize) -> String {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "-()[]".contains(letter);
    let safe: String = title.chars().take(NAME_MAX).map(|letter| if fits(letter) { letter } else { ' ' }).collect();
    let words: Vec<&str> = safe.split_whitespace().collect();
    match words.is_empty() {
        true => format!("document {at}"),
        false => words.join(" "),
    }
}

/// Of Amazon's 200.
const NAME_MAX: usize = 180;

//! Pictures, sounds, films and documents, both ways.

use super::base64;
use super::read_request::unknown;
use super::wire_request as wire;
use crate::content::{Document, Media, Part, Source};
use crate::loss::Losses;
use crate::text::Text;

/// What kind of part a medium is, by its type. Only documents have a name.
fn part_of<'a>(media: Media<'a>, title: Option<Text<'a>>, path: &str, losses: &mut Losses) -> Part<'a> {
    let mime = media.mime.as_deref().unwrap_or_default();
    let part = match mime.split('/').next().unwrap_or_default() {
        "image" => Part::Image(media),
        "audio" => Part::Audio(media),
        "video" => Part::Video(media),
        _ => return Part::Document(Document { media, title, context: None, citations: false }),
    };
    if title.is_some() {
        losses.drop_field(format!("{path}.displayName"), "only documents have names");
    }
    part
}

/// A client's bytes, which stand at this path.
pub(super) fn read_blob<'a>(
    blob: wire::Blob<'a>,
    detail: Option<Text<'a>>,
    path: &str,
    losses: &mut Losses,
) -> Part<'a> {
    unknown(&blob.extra, path, losses);
    let media = Media { detail, ..Media::new(Source::Base64(base64::standard(blob.data)), blob.mime_type) };
    part_of(media, blob.display_name, path, losses)
}

/// A client's file: Google's own, or one on the web.
pub(super) fn read_file<'a>(
    file: wire::FileData<'a>,
    detail: Option<Text<'a>>,
    path: &str,
    losses: &mut Losses,
) -> Part<'a> {
    unknown(&file.extra, path, losses);
    let is_video = file.file_uri.contains("youtube.com/") || file.file_uri.contains("youtu.be/");
    let mime = file.mime_type.or_else(|| mime_of_name(&file.file_uri).map(Text::from));
    let mime = mime.or_else(|| is_video.then(|| Text::from("video/*")));
    let source = if is_googles(&file.file_uri) { Source::File(file.file_uri) } else { Source::Url(file.file_uri) };
    part_of(Media { detail, ..Media::new(source, mime) }, file.display_name, path, losses)
}

/// Whether only Google can read the file: one of its Files API, or of Cloud Storage.
pub(super) fn is_googles(uri: &str) -> bool {
    ["files/", "gs://", "https://generativelanguage.googleapis.com/"].iter().any(|start| uri.starts_with(start))
}

/// The type of a file, by the end of its name.
pub(super) fn mime_of_name(uri: &str) -> Option<&'static str> {
    let path = uri.split(['?', '#']).next().unwrap_or_default();
    let (_, end) = path.rsplit_once('.')?;
    Some(match end.to_ascii_lowercase().as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "gif" => "image/gif",
        "heic" => "image/heic",
        "pdf" => "application/pdf",
        "txt" => "text/plain",
        "mp3" => "audio/mp3",
        "wav" => "audio/wav",
        "ogg" => "audio/ogg",
        "flac" => "audio/flac",
        "mp4" => "video/mp4",
        "mov" => "video/mov",
        "webm" => "video/webm",
        _ => return None,
    })
}

/// The type of bytes in base64, by how they begin.
pub(super) fn mime_of_bytes(data: &str) -> Option<&'static str> {
    const BEGINNINGS: [(&str, &str); 6] = [
        ("iVBORw0KGgo", "image/png"),
        ("/9j/", "image/jpeg"),
        ("R0lGOD", "image/gif"),
        ("UklGR", "image/webp"),
        ("JVBERi0", "application/pdf"),
        ("SUQz", "audio/mp3"),
    ];
    BEGINNINGS.iter().find(|(beginning, _)| data.starts_with(beginning)).map(|(_, mime)| *mime)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Client;

    #[test]
    fn a_file_is_what_its_type_says_else_what_its_name_says() {
        let file = |mime: Option<&'static str>, uri: &'static str| {
            let mime_type = mime.map(Text::from);
            let file = wire::FileData { mime_type, file_uri: uri.into(), ..Default::default() };
            read_file(file, None, "", &mut Losses::new(Client::Gemini, false))
        };
        assert!(matches!(file(Some("image/png"), "https://h/a.pdf"), Part::Image(_)));
        assert!(matches!(file(None, "https://h/a.PNG?x=1"), Part::Image(_)));
        assert!(matches!(file(None, "https://www.youtube.com/watch?v=1"), Part::Video(_)));
        assert!(matches!(file(None, "files/abc"), Part::Document(d) if matches!(d.media.source, Source::File(_))));
    }
}

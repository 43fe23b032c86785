//! Parts of messages, read.

use super::read_request::unknown;
use super::wire_request::{CacheControl, ContentPart, File, InputAudio, Url};
use crate::content::{Cache, Document, Media, Part, Source, TextPart};
use crate::json::TextOr;
use crate::loss::{Losses, Refusal};
use crate::text::Text;

/// A mark of what to cache.
pub(super) fn cache(mark: CacheControl<'_>) -> Cache<'_> {
    Cache { ttl: mark.ttl }
}

/// Where a part stands, for what is said of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) message: usize,
    pub(super) part: usize,
}

impl Place {
    fn refusal(self, member: &str, message: &str) -> Refusal {
        Refusal::new(format!("messages[{}].content[{}].{member}", self.message, self.part), message)
    }
}

/// Reads content: a string, which may be empty, or parts.
pub(super) fn content<'a>(
    content: Option<TextOr<'a, ContentPart<'a>>>,
    message: usize,
    losses: &mut Losses,
) -> Result<Vec<Part<'a>>, Refusal> {
    match content {
        None => Ok(Vec::new()),
        Some(TextOr::Text(text)) => Ok(vec![Part::text(text)]),
        Some(TextOr::List(parts)) => {
            let mut read = Vec::with_capacity(parts.len());
            for (part, at) in parts.into_iter().zip(0_usize..) {
                read.push(read_part(part, Place { message, part: at }, losses)?);
            }
            Ok(read)
        }
    }
}

fn read_part<'a>(part: ContentPart<'a>, place: Place, losses: &mut Losses) -> Result<Part<'a>, Refusal> {
    unknown("messages.content", &part.extra, losses);
    let mark = part.cache_control.map(cache).or(part.prompt_cache_breakpoint.map(|_| Cache::default()));
    match part.kind.as_deref() {
        Some("text") => {
            let text = part.text.ok_or_else(|| place.refusal("text", "give the text"))?;
            Ok(Part::Text(TextPart { text, citations: Vec::new(), cache: mark }))
        }
        Some("refusal") => part.refusal.map(Part::Refusal).ok_or_else(|| place.refusal("refusal", "give the text")),
        Some("image_url") => {
            let media = url(part.image_url, "messages.content.image_url", losses);
            let media = media.ok_or_else(|| place.refusal("image_url.url", "give the URL"))?;
            Ok(Part::Image(Media { cache: mark, ..media }))
        }
        Some("video_url") => {
            let media = url(part.video_url, "messages.content.video_url", losses);
            let media = media.ok_or_else(|| place.refusal("video_url.url", "give the URL"))?;
            Ok(Part::Video(Media { cache: mark, ..media }))
        }
        Some("input_audio") => {
            let audio = part.input_audio.and_then(|audio| read_audio(audio, losses));
            let media = audio.ok_or_else(|| place.refusal("input_audio.data", "give the sound in base64"))?;
            Ok(Part::Audio(Media { cache: mark, ..media }))
        }
        Some("file") => {
            let file = part.file.and_then(|file| read_file(file, mark, losses));
            file.map(Part::Document).ok_or_else(|| place.refusal("file", "give file_data or file_id"))
        }
        _ => Err(place.refusal("type", "say text, image_url, input_audio, file or refusal")),
    }
}

fn url<'a>(url: Option<TextOr<'a, Url<'a>>>, path: &str, losses: &mut Losses) -> Option<Media<'a>> {
    match url? {
        // Not in the reference, but servers take it.
        TextOr::Text(url) => Some(Media::of_url(url)),
        TextOr::List(objects) => {
            let object = objects.into_iter().next()?;
            unknown(path, &object.extra, losses);
            Some(Media { detail: object.detail, ..Media::of_url(object.url?) })
        }
    }
}

fn read_audio<'a>(audio: InputAudio<'a>, losses: &mut Losses) -> Option<Media<'a>> {
    unknown("messages.content.input_audio", &audio.extra, losses);
    let mime = match audio.format.as_deref() {
        Some("mp3") => Some("audio/mpeg".into()),
        Some(format) => Some(Text::from(format!("audio/{format}"))),
        None => None,
    };
    Some(Media::new(Source::Base64(audio.data?), mime))
}

fn read_file<'a>(file: File<'a>, mark: Option<Cache<'a>>, losses: &mut Losses) -> Option<Document<'a>> {
    unknown("messages.content.file", &file.extra, losses);
    let media = match (file.file_data, file.file_id) {
        (Some(data), _) => match Media::of_url(data) {
            // The reference speaks of a data URL in its examples and of base64 in its words.
            Media { source: Source::Url(data), .. } if !data.contains("://") => {
                Media::new(Source::Base64(data), Some("application/pdf".into()))
            }
            media => media,
        },
        (None, Some(id)) => Media::new(Source::File(id), None),
        (None, None) => return None,
    };
    Some(Document { media: Media { cache: mark, ..media }, title: file.filename, context: None, citations: false })
}

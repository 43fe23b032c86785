//! What turns and replies are made of.

use crate::json::Raw;
use crate::text::Text;

/// A piece of a turn or of a reply.
#[derive(Debug, Clone, PartialEq)]
pub enum Part<'a> {
    /// Text for everybody.
    Text(TextPart<'a>),
    /// A picture.
    Image(Media<'a>),
    /// Sound.
    Audio(Media<'a>),
    /// Moving pictures.
    Video(Media<'a>),
    /// A document.
    Document(Document<'a>),
    /// The model calls a tool.
    ToolCall(ToolCall<'a>),
    /// What a tool said; always in a user's turn.
    ToolResult(ToolResult<'a>),
    /// What the model thought before it answered.
    Thinking(Thinking<'a>),
    /// The model declines to answer, in these words.
    Refusal(Text<'a>),
}

/// Text, with what hangs on it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TextPart<'a> {
    /// The text.
    pub text: Text<'a>,
    /// References in a reply's text.
    pub citations: Vec<Citation<'a>>,
    /// Everything up to here should be cached.
    pub cache: Option<Cache<'a>>,
}

/// A mark: the provider should cache everything up to here.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cache<'a> {
    /// For how long (`5m`, `1h`); `None`: as the provider likes.
    pub ttl: Option<Text<'a>>,
}

/// A reference to where something was found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Citation<'a> {
    /// Where, on the web.
    pub url: Option<Text<'a>>,
    /// What it is called.
    pub title: Option<Text<'a>>,
    /// The words that are cited.
    pub cited: Option<Text<'a>>,
    /// The cited place in the reply's text, in characters from its start.
    pub span: Option<(u64, u64)>,
    /// The reference as the provider wrote it, for a client of the same dialect.
    pub native: Option<Raw<'a>>,
}

/// Bytes of a kind, or where they are.
#[derive(Debug, Clone, PartialEq)]
pub struct Media<'a> {
    /// Where the bytes are.
    pub source: Source<'a>,
    /// `image/png` and the like; `None`: not said.
    pub mime: Option<Text<'a>>,
    /// `low`, `high`, `auto`: how closely to look.
    pub detail: Option<Text<'a>>,
    /// Everything up to here should be cached.
    pub cache: Option<Cache<'a>>,
}

/// Where the bytes of a medium are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source<'a> {
    /// Here, in base64.
    Base64(Text<'a>),
    /// At a URL.
    Url(Text<'a>),
    /// With the provider, under this id.
    File(Text<'a>),
    /// Here, as text.
    Text(Text<'a>),
}

/// A document.
#[derive(Debug, Clone, PartialEq)]
pub struct Document<'a> {
    /// Its bytes.
    pub media: Media<'a>,
    /// Its file name or title.
    pub title: Option<Text<'a>>,
    /// What it is about.
    pub context: Option<Text<'a>>,
    /// The reply should refer to its places.
    pub citations: bool,
}

/// The model calls a tool.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolCall<'a> {
    /// Ties the result to the call; see [`crate::signature`] for what it may carry.
    pub id: Text<'a>,
    /// The tool.
    pub name: Text<'a>,
    /// JSON text as the model wrote it; empty stands for `{}`. For a custom tool, free text.
    pub arguments: Text<'a>,
    /// The tool takes free text.
    pub custom: bool,
    /// Everything up to here should be cached.
    pub cache: Option<Cache<'a>>,
}

/// What a tool said.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolResult<'a> {
    /// The call that it answers.
    pub id: Text<'a>,
    /// The tool, where the dialect says it.
    pub name: Option<Text<'a>>,
    /// What it said: text, pictures, documents.
    pub parts: Vec<Part<'a>>,
    /// The tool failed.
    pub is_error: bool,
    /// The tool takes free text.
    pub custom: bool,
    /// Everything up to here should be cached.
    pub cache: Option<Cache<'a>>,
}

/// What the model thought.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Thinking<'a> {
    /// In words, or a summary of it; empty when the provider shows nothing.
    pub text: Text<'a>,
    /// The provider's own proof, which it wants back; see [`crate::signature`].
    pub signature: Option<Text<'a>>,
    /// The provider gives no words, and the signature is all there is (Anthropic's `redacted_thinking`).
    pub redacted: bool,
}

impl<'a> Part<'a> {
    /// A text with nothing on it.
    pub fn text(text: impl Into<Text<'a>>) -> Self {
        Self::Text(TextPart { text: text.into(), ..TextPart::default() })
    }
}

impl<'a> Media<'a> {
    /// A medium with nothing more said about it.
    pub fn new(source: Source<'a>, mime: Option<Text<'a>>) -> Self {
        Self { source, mime, detail: None, cache: None }
    }

    /// A medium by a URL, which may be a `data:` URL with the bytes in it.
    pub fn of_url(url: Text<'a>) -> Self {
        match data_url(&url) {
            Some((mime, at)) => {
                let data = match url.0 {
                    std::borrow::Cow::Borrowed(url) => Text::from(url.get(at..).unwrap_or_default()),
                    std::borrow::Cow::Owned(url) => Text::from(url.get(at..).unwrap_or_default().to_owned()),
                };
                Self::new(Source::Base64(data), Some(mime.into()))
            }
            None => Self::new(Source::Url(url), None),
        }
    }

    /// A URL for it: its own, or a `data:` URL. `None` for what has neither URL nor bytes here.
    pub fn url(&self, default_mime: &str) -> Option<Text<'_>> {
        match &self.source {
            Source::Url(url) => Some(url.borrowed()),
            Source::Base64(data) => {
                let mime = self.mime.as_deref().unwrap_or(default_mime);
                Some(format!("data:{mime};base64,{data}").into())
            }
            Source::File(_) | Source::Text(_) => None,
        }
    }
}

/// The media type of a `data:` URL in base64, and where its data begin.
fn data_url(url: &str) -> Option<(String, usize)> {
    let scheme = url.get(..5)?;
    if !scheme.eq_ignore_ascii_case("data:") {
        return None;
    }
    let comma = memchr::memchr(b',', url.as_bytes())?;
    let head = url.get(5..comma)?;
    let mime = head.strip_suffix(";base64")?;
    let mime = mime.split(';').next().unwrap_or_default();
    Some((mime.to_owned(), comma.checked_add(1)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_urls_hold_their_bytes() {
        let media = Media::of_url("data:image/png;name=x;base64,AAAA".into());
        assert_eq!(media.mime.as_deref(), Some("image/png"));
        assert_eq!(media.source, Source::Base64("AAAA".into()));
        assert_eq!(media.url("x/y").as_deref(), Some("data:image/png;base64,AAAA"));
        for url in ["https://h/data:image/png;base64,AA", "data:text/plain,hello", "data:", "ünd"] {
            assert_eq!(Media::of_url(url.into()).source, Source::Url(url.into()), "{url}");
        }
    }
}

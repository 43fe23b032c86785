//! Content blocks of a request.
//! <https://platform.claude.com/docs/en/api/messages/create> (seen 2026-11).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::super::mind::{Media, Part, ToolCall, ToolResult, is_signed};
use super::cache::Breakpoints;
use super::error::ApiError;
use super::node::Node;
use super::tools;
use super::version::Version;

const IMAGE_TYPES: [&str; 4] = ["image/jpeg", "image/png", "image/gif", "image/webp"];

/// Reads blocks and gathers their cache breakpoints.
#[derive(Debug)]
pub(super) struct Reader {
    version: Version,
    pub(super) breakpoints: Breakpoints,
}

impl Reader {
    pub(super) fn new(version: Version) -> Self {
        Self { version, breakpoints: Breakpoints::default() }
    }

    /// A message's content: a text, or blocks.
    pub(super) fn content(&mut self, node: &Node<'_>, assistant: bool) -> Result<Vec<Part>, ApiError> {
        if let Some(text) = node.value.as_str() {
            return Ok(vec![Part::Text(text.to_owned())]);
        }
        let mut parts = Vec::new();
        for block in node.list()? {
            parts.extend(self.block(block, assistant)?);
        }
        Ok(parts)
    }

    /// A text, or a list of text blocks: what prompts are made of.
    pub(super) fn texts(&mut self, node: &Node<'_>) -> Result<Vec<String>, ApiError> {
        if let Some(text) = node.value.as_str() {
            return Ok(vec![text.to_owned()]);
        }
        let text = |block: Node<'_>| match block.kind()? {
            "text" => self.text(&block.tagged("text")),
            kind => Err(block.no_such_kind(kind)),
        };
        node.list()?.into_iter().map(text).collect()
    }

    fn block(&mut self, block: Node<'_>, assistant: bool) -> Result<Vec<Part>, ApiError> {
        let kind = block.kind()?;
        let tagged = block.clone().tagged(kind);
        let part = match kind {
            "text" => {
                self.check_citations(&tagged, assistant)?;
                Part::Text(self.text(&tagged)?)
            }
            "document" if assistant && self.version.takes_misplaced_content() => self.document(&tagged)?,
            "image" | "document" | "search_result" if assistant => {
                return Err(block.error(format_args!("`{kind}` blocks may only be in `user` messages")));
            }
            "image" => Part::Media(self.image(&tagged)?),
            "document" => self.document(&tagged)?,
            "search_result" => self.search_result(&tagged)?,
            "tool_use" if assistant => Part::Call(self.tool_use(&tagged)?),
            "tool_use" => return Err(block.error("`tool_use` blocks can only be in `assistant` messages")),
            "tool_result" if !assistant => Part::Result(self.tool_result(&tagged)?),
            "tool_result" => return Err(block.error("`tool_result` blocks can only be in `user` messages")),
            "thinking" | "redacted_thinking" if !assistant => {
                return Err(block.error(format_args!("`{kind}` blocks may only be in `assistant` messages")));
            }
            "thinking" => thought(&tagged)?,
            "redacted_thinking" => redacted(&tagged)?,
            "mid_conv_system" if !assistant => {
                tagged.fields(&["type", "content", "cache_control"])?;
                Part::Text(self.texts(&tagged.need("content")?)?.join("\n"))
            }
            // Blocks of tools that run at the provider come back as they were; the model has no use for them here.
            _ if tools::is_server_block(kind) => return Ok(Vec::new()),
            _ => return Err(block.no_such_kind(kind)),
        };
        Ok(vec![part])
    }

    fn check_citations(&self, block: &Node<'_>, assistant: bool) -> Result<(), ApiError> {
        let Some(citations) = block.given("citations") else { return Ok(()) };
        if assistant || self.version.takes_misplaced_content() || citations.list()?.is_empty() {
            return Ok(());
        }
        Err(citations.error("`citations` may only be in `assistant` messages"))
    }

    fn text(&mut self, block: &Node<'_>) -> Result<String, ApiError> {
        block.fields(&["type", "text", "cache_control", "citations"])?;
        let text = block.need("text")?;
        if text.text()?.is_empty() {
            return Err(text.error("text content blocks must be non-empty"));
        }
        self.breakpoints.read(block)?;
        Ok(text.text()?.to_owned())
    }

    fn image(&mut self, block: &Node<'_>) -> Result<Media, ApiError> {
        block.fields(&["type", "source", "cache_control", "transformations"])?;
        self.breakpoints.read(block)?;
        let source = block.need("source")?;
        let kind = source.kind()?;
        let source = source.tagged(kind);
        match kind {
            "base64" => {
                source.fields(&["type", "media_type", "data"])?;
                let mime = source.need("media_type")?.word(&IMAGE_TYPES)?;
                let bytes = decoded(&source.need("data")?)?;
                check_image(&source, mime, &bytes)?;
                Ok(Media::inline(mime, bytes.len()))
            }
            "url" => elsewhere(&source, "image", "url"),
            "file" => elsewhere(&source, "image", "file_id"),
            _ => Err(source.no_such_kind(kind)),
        }
    }

    fn document(&mut self, block: &Node<'_>) -> Result<Part, ApiError> {
        block.fields(&["type", "source", "cache_control", "citations", "context", "title"])?;
        self.breakpoints.read(block)?;
        let source = block.need("source")?;
        let kind = source.kind()?;
        let source = source.tagged(kind);
        let media = match kind {
            "base64" => {
                source.fields(&["type", "media_type", "data"])?;
                let mime = source.need("media_type")?.word(&["application/pdf"])?;
                let bytes = decoded(&source.need("data")?)?;
                if !bytes.starts_with(b"%PDF-") {
                    return Err(source.error("The PDF specified was not valid."));
                }
                Media::inline(mime, bytes.len())
            }
            "text" => {
                source.fields(&["type", "media_type", "data"])?;
                let mime = source.need("media_type")?.word(&["text/plain"])?;
                Media::inline(mime, source.need("data")?.filled()?.len())
            }
            "content" => {
                source.fields(&["type", "content"])?;
                let parts = self.content(&source.need("content")?, false)?;
                Media::elsewhere("document", &format!("{} blocks", parts.len()))
            }
            "url" => elsewhere(&source, "document", "url")?,
            "file" => elsewhere(&source, "document", "file_id")?,
            _ => return Err(source.no_such_kind(kind)),
        };
        Ok(Part::Media(media))
    }

    fn search_result(&mut self, block: &Node<'_>) -> Result<Part, ApiError> {
        block.fields(&["type", "content", "source", "title", "cache_control", "citations"])?;
        self.breakpoints.read(block)?;
        block.need("source")?.text()?;
        block.need("title")?.text()?;
        Ok(Part::Text(self.texts(&block.need("content")?)?.join("\n")))
    }

    fn tool_use(&mut self, block: &Node<'_>) -> Result<ToolCall, ApiError> {
        block.fields(&["type", "id", "name", "input", "cache_control", "caller", "toolset_name"])?;
        self.breakpoints.read(block)?;
        let id = block.need("id")?;
        tools::check_id(&id)?;
        let name = block.need("name")?;
        tools::check_name(&name)?;
        let arguments = block.need("input")?;
        arguments.object()?;
        Ok(ToolCall {
            id: id.text()?.to_owned(),
            name: name.text()?.to_owned(),
            arguments: arguments.value.to_string(),
        })
    }

    fn tool_result(&mut self, block: &Node<'_>) -> Result<ToolResult, ApiError> {
        block.fields(&["type", "tool_use_id", "content", "is_error", "cache_control", "toolset_name"])?;
        self.breakpoints.read(block)?;
        let id = block.need("tool_use_id")?;
        tools::check_id(&id)?;
        let mut result = ToolResult { id: id.text()?.to_owned(), ..ToolResult::default() };
        result.is_error = block.at("is_error").map(|node| node.flag()).transpose()?.unwrap_or(false);
        let Some(content) = block.at("content") else { return Ok(result) };
        if let Some(text) = content.value.as_str() {
            result.text = text.to_owned();
            return Ok(result);
        }
        let mut texts = Vec::new();
        for inner in content.list()? {
            match inner.kind()? {
                kind @ ("text" | "image" | "document" | "search_result") => {
                    if result.is_error && kind != "text" {
                        return Err(block.error("all content must be type \"text\" if `is_error` is true"));
                    }
                    for part in self.block(inner, false)? {
                        match part {
                            Part::Media(media) => result.media.push(media),
                            Part::Text(text) => texts.push(text),
                            _ => {}
                        }
                    }
                }
                "tool_reference" => {}
                kind => return Err(inner.no_such_kind(kind)),
            }
        }
        result.text = texts.join("\n");
        Ok(result)
    }
}

fn thought(block: &Node<'_>) -> Result<Part, ApiError> {
    block.fields(&["type", "thinking", "signature"])?;
    let text = block.need("thinking")?.text()?;
    let signature = block.need("signature")?;
    if !is_signed(text, signature.text()?) {
        return Err(block.error("Invalid `signature` in `thinking` block"));
    }
    Ok(Part::Thought { text: text.to_owned(), signature: Some(signature.text()?.to_owned()) })
}

fn redacted(block: &Node<'_>) -> Result<Part, ApiError> {
    block.fields(&["type", "data"])?;
    let data = block.need("data")?;
    if !is_signed("", data.text()?) {
        return Err(block.error("Invalid `data` in `redacted_thinking` block"));
    }
    Ok(Part::Thought { text: String::new(), signature: Some(data.text()?.to_owned()) })
}

fn elsewhere(source: &Node<'_>, mime: &str, field: &str) -> Result<Media, ApiError> {
    source.fields(&["type", field])?;
    let place = source.need(field)?;
    let text = place.text()?;
    if field == "url" && !text.starts_with("https://") && !text.starts_with("http://") {
        return Err(place.error("Only HTTPS URLs are supported."));
    }
    Ok(Media::elsewhere(mime, text))
}

fn decoded(data: &Node<'_>) -> Result<Vec<u8>, ApiError> {
    let text = data.filled()?;
    STANDARD.decode(text).map_err(|_| data.error("Invalid base64 data"))
}

/// The provider looks at the first bytes and refuses an image that is of another type than it says.
fn check_image(source: &Node<'_>, mime: &str, bytes: &[u8]) -> Result<(), ApiError> {
    let found = match bytes {
        [0x89, b'P', b'N', b'G', ..] => "image/png",
        [0xff, 0xd8, 0xff, ..] => "image/jpeg",
        [b'G', b'I', b'F', b'8', ..] => "image/gif",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "image/webp",
        _ => return Err(source.error("Could not process image")),
    };
    if found == mime {
        return Ok(());
    }
    Err(source.error(format_args!("the image is said to be {mime} and seems to be {found}")))
}

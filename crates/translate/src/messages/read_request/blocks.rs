//! Blocks of content.

use super::super::read_reply::read_citation;
use super::super::wire_request::{Block, CacheControl, Source as WireSource};
use crate::content::{Cache, Citation, Document, Media, Part, Source, TextPart, Thinking, ToolCall, ToolResult};
use crate::json::{Raw, TextOr};
use crate::loss::{Losses, Refusal};
use crate::request::{Request, Role, Turn};
use crate::signature::{self, Maker};
use crate::text::Text;

/// A turn; instructions inside it become turns of their own.
pub(super) fn read_turn<'a>(
    role: Role,
    blocks: Vec<Block<'a>>,
    request: &mut Request<'a>,
    losses: &mut Losses,
) -> Result<(), Refusal> {
    let mut parts = Vec::with_capacity(blocks.len());
    for block in blocks {
        if block.kind == "mid_conv_system" {
            flush(role, &mut parts, request);
            let mut inside = Vec::new();
            for part in list(block.content) {
                read(part, &mut inside, losses)?;
            }
            flush(Role::System, &mut inside, request);
        } else {
            read(block, &mut parts, losses)?;
        }
    }
    flush(role, &mut parts, request);
    Ok(())
}

fn flush<'a>(role: Role, parts: &mut Vec<Part<'a>>, request: &mut Request<'a>) {
    if !parts.is_empty() {
        request.turns.push(Turn::new(role, std::mem::take(parts)));
    }
}

fn list<'a>(content: Option<TextOr<'a, Block<'a>>>) -> Vec<Block<'a>> {
    match content {
        None => Vec::new(),
        Some(TextOr::Text(text)) => vec![Block { kind: "text".into(), text: Some(text), ..Block::default() }],
        Some(TextOr::List(blocks)) => blocks,
    }
}

fn read<'a>(block: Block<'a>, parts: &mut Vec<Part<'a>>, losses: &mut Losses) -> Result<(), Refusal> {
    for name in block.extra.keys() {
        // The only caller is the model itself where Anthropic's own tools are refused.
        if name != "caller" || block.kind != "tool_use" {
            losses.drop_field(format!("messages.content.{}.{name}", block.kind), "unknown to other dialects");
        }
    }
    match block.kind.as_str() {
        "text" => parts.push(Part::Text(text_part(block, losses))),
        "image" => parts.extend(read_image(block, losses)?),
        "document" => parts.extend(read_document(block, losses)?),
        "search_result" => parts.push(read_search_result(block, losses)),
        "thinking" | "redacted_thinking" => parts.push(read_thinking(block)),
        "tool_use" => parts.push(Part::ToolCall(ToolCall {
            id: block.id.unwrap_or_default(),
            name: block.name.unwrap_or_default(),
            arguments: block.input.map(Raw::into_text).unwrap_or_default(),
            custom: false,
            cache: cache(block.cache_control, losses),
        })),
        "tool_result" => parts.push(read_tool_result(block, losses)?),
        "tool_reference" => {
            losses.drop_field("messages.content.tool_reference", "all tools are given at once; the name stays");
            parts.push(Part::text(block.tool_name.unwrap_or_default()));
        }
        // A summary of what came before: without it the model would know nothing of that.
        "compaction" => {
            parts.extend(list(block.content).into_iter().map(|summary| Part::Text(text_part(summary, losses))));
        }
        "tool_addition" => losses.drop_field("messages.content.tool_addition", "all tools are given at once"),
        "fallback" => losses.drop_field("messages.content.fallback", "it only marks a place for Anthropic"),
        "server_tool_use" | "mcp_tool_use" => {
            losses.drop_field(format!("messages.content.{}", block.kind), "calls of Anthropic's own tools stay with it")
        }
        kind if kind.ends_with("_tool_result") => {
            losses.drop_field(format!("messages.content.{kind}"), "results of Anthropic's own tools stay with it")
        }
        kind => losses.refuse_field(format!("messages.content.{kind}"), "only Anthropic knows blocks of this type")?,
    }
    Ok(())
}

/// A block of text in front of the conversation.
pub(super) fn read_text<'a>(block: Block<'a>, losses: &mut Losses) -> Part<'a> {
    for name in block.extra.keys() {
        losses.drop_field(format!("system.{name}"), "unknown to other dialects");
    }
    Part::Text(text_part(block, losses))
}

fn text_part<'a>(block: Block<'a>, losses: &mut Losses) -> TextPart<'a> {
    let citations = block.citations.and_then(|list| serde_json::from_str::<Vec<Raw<'_>>>(list.get()).ok().map(statics));
    TextPart {
        text: block.text.unwrap_or_default(),
        citations: citations.unwrap_or_default(),
        cache: cache(block.cache_control, losses),
    }
}

fn statics(citations: Vec<Raw<'_>>) -> Vec<Citation<'static>> {
    citations.into_iter().map(|raw| read_citation(raw.into_static())).collect()
}

/// A mark of what to cache.
pub(super) fn cache<'a>(control: Option<CacheControl<'a>>, losses: &mut Losses) -> Option<Cache<'a>> {
    let control = control?;
    for name in control.extra.keys() {
        losses.drop_field(format!("cache_control.{name}"), "unknown to other dialects");
    }
    Some(Cache { ttl: control.ttl })
}

fn read_source<'a>(source: Option<TextOr<'a, WireSource<'a>>>, field: &str) -> Result<WireSource<'a>, Refusal> {
    match source {
        Some(TextOr::List(list)) => list.into_iter().next(),
        _ => None,
    }
    .ok_or_else(|| Refusal::new(field, "must be an object that says where the bytes are"))
}

fn read_media<'a>(
    source: WireSource<'a>,
    control: Option<CacheControl<'a>>,
    losses: &mut Losses,
) -> Result<Option<Media<'a>>, Refusal> {
    for name in source.extra.keys() {
        losses.drop_field(format!("messages.content.source.{name}"), "unknown to other dialects");
    }
    let from = match source.kind.as_str() {
        "base64" => Source::Base64(source.data.unwrap_or_default()),
        "url" => Source::Url(source.url.unwrap_or_default()),
        "file" => Source::File(source.file_id.unwrap_or_default()),
        "text" => Source::Text(source.data.unwrap_or_default()),
        "content" => Source::Text(read_content(list(source.content), losses)?),
        _ => {
            losses.refuse_field("messages.content.source", "only Anthropic knows sources of this type")?;
            return Ok(None);
        }
    };
    let media = Media { source: from, mime: source.media_type, detail: None, cache: cache(control, losses) };
    Ok(Some(media))
}

/// The text of blocks that stand for a document.
fn read_content<'a>(blocks: Vec<Block<'a>>, losses: &mut Losses) -> Result<Text<'a>, Refusal> {
    let mut texts = Vec::with_capacity(blocks.len());
    for block in blocks {
        match block.text {
            Some(text) if block.kind == "text" => texts.push(text),
            _ => losses.refuse_field("messages.content.source.content", "a document of blocks can have text only")?,
        }
    }
    Ok(Text::join(texts, "\n"))
}

fn read_image<'a>(block: Block<'a>, losses: &mut Losses) -> Result<Option<Part<'a>>, Refusal> {
    let source = read_source(block.source, "messages.content.image.source")?;
    Ok(read_media(source, block.cache_control, losses)?.map(Part::Image))
}

fn read_document<'a>(block: Block<'a>, losses: &mut Losses) -> Result<Option<Part<'a>>, Refusal> {
    let source = read_source(block.source, "messages.content.document.source")?;
    let media = read_media(source, block.cache_control, losses)?;
    let citations = wants_citations(block.citations.as_ref());
    Ok(media.map(|media| Part::Document(Document { media, title: block.title, context: block.context, citations })))
}

fn wants_citations(config: Option<&Raw<'_>>) -> bool {
    #[derive(serde::Deserialize)]
    struct Config {
        #[serde(default)]
        enabled: Option<bool>,
    }
    let config = config.and_then(|raw| serde_json::from_str::<Config>(raw.get()).ok());
    config.and_then(|config| config.enabled).unwrap_or_default()
}

/// What a search of the client's found: a document whose context is where it was found.
fn read_search_result<'a>(block: Block<'a>, losses: &mut Losses) -> Part<'a> {
    let texts = list(block.content).into_iter().filter_map(|text| text.text);
    let media = Media {
        source: Source::Text(Text::join(texts, "\n")),
        mime: Some("text/plain".into()),
        detail: None,
        cache: cache(block.cache_control, losses),
    };
    let context = match block.source {
        Some(TextOr::Text(place)) => Some(place),
        _ => None,
    };
    let citations = wants_citations(block.citations.as_ref());
    Part::Document(Document { media, title: block.title, context, citations })
}

fn read_thinking(block: Block<'_>) -> Part<'_> {
    let redacted = block.kind == "redacted_thinking";
    let proof = if redacted { block.data } else { block.signature };
    let tagged = proof.filter(|proof| !proof.is_empty()).map(|proof| match signature::untag(&proof, None) {
        Some(_) => proof,
        None => signature::tag(Maker::Anthropic, &proof).into(),
    });
    Part::Thinking(Thinking { text: block.thinking.unwrap_or_default(), signature: tagged, redacted })
}

fn read_tool_result<'a>(block: Block<'a>, losses: &mut Losses) -> Result<Part<'a>, Refusal> {
    let mut parts = Vec::new();
    for block in list(block.content) {
        if block.kind == "tool_result" {
            return Err(Refusal::new("messages.content.tool_result.content", "a tool's result cannot hold another"));
        }
        read(block, &mut parts, losses)?;
    }
    Ok(Part::ToolResult(ToolResult {
        id: block.tool_use_id.unwrap_or_default(),
        name: None,
        parts,
        is_error: block.is_error.unwrap_or_default(),
        custom: false,
        cache: cache(block.cache_control, losses),
    }))
}

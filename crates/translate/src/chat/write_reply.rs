//! A whole reply, as clients get it.

use serde::Serialize;

use super::finish::word;
use super::usage::Written;
use crate::content::{Citation, Part, Thinking, ToolCall};
use crate::json;
use crate::reply::{Choice, Logprob, Reply};
use crate::target::ReplyContext;

#[derive(Debug, Serialize)]
struct Body<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: Vec<WrittenChoice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Written>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct WrittenChoice<'a> {
    index: usize,
    message: Message<'a>,
    logprobs: Option<Logprobs<'a>>,
    finish_reason: &'static str,
}

#[derive(Debug, Serialize, Default)]
struct Message<'a> {
    role: &'static str,
    content: Option<String>,
    refusal: Option<&'a str>,
    annotations: Vec<Annotation<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    thinking_blocks: Vec<Block<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Call<'a>>,
    /// OpenRouter's and LiteLLM's place for what was drawn.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    images: Vec<Image>,
}

/// What LiteLLM calls a thinking block.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Block<'a> {
    Thinking { thinking: &'a str, signature: &'a str },
    RedactedThinking { data: &'a str },
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Annotation<'a> {
    UrlCitation { url_citation: UrlCitation<'a> },
}

#[derive(Debug, Serialize)]
pub(super) struct UrlCitation<'a> {
    start_index: u64,
    end_index: u64,
    title: &'a str,
    url: &'a str,
}

#[derive(Debug, Serialize)]
struct Call<'a> {
    id: &'a str,
    #[serde(flatten)]
    called: Called<'a>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Called<'a> {
    Function { function: Function<'a> },
    Custom { custom: Custom<'a> },
}

#[derive(Debug, Serialize)]
pub(super) struct Function<'a> {
    pub(super) name: &'a str,
    pub(super) arguments: &'a str,
}

#[derive(Debug, Serialize)]
pub(super) struct Custom<'a> {
    pub(super) name: &'a str,
    pub(super) input: &'a str,
}

#[derive(Debug, Serialize)]
struct Image {
    r#type: &'static str,
    image_url: ImageUrl,
}

#[derive(Debug, Serialize)]
struct ImageUrl {
    url: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Logprobs<'a> {
    pub(super) content: Vec<WrittenLogprob<'a>>,
    pub(super) refusal: Option<()>,
}

#[derive(Debug, Serialize)]
pub(super) struct WrittenLogprob<'a> {
    #[serde(flatten)]
    token: Token<'a>,
    top_logprobs: Vec<Token<'a>>,
}

#[derive(Debug, Serialize)]
struct Token<'a> {
    token: &'a str,
    logprob: f64,
    bytes: Option<&'a [u8]>,
}

/// Writes a reply: <https://platform.openai.com/docs/api-reference/chat/object> (seen 2026-11).
pub fn write_reply(reply: &Reply<'_>, context: &ReplyContext) -> Vec<u8> {
    // Clients look at the first choice without asking whether there is one.
    let none = [Choice::default()];
    let choices = if reply.choices.is_empty() { &none } else { reply.choices.as_slice() };
    let choices = choices.iter().zip(0_usize..);
    json::write(&Body {
        id: id(&reply.id, context),
        object: "chat.completion",
        created: reply.created.unwrap_or(context.now_seconds),
        model: model(&reply.model, context),
        choices: choices.map(|(choice, index)| write_choice(choice, index)).collect(),
        usage: reply.usage.as_ref().map(Written::from),
        service_tier: reply.service_tier.as_deref().map(service_tier),
    })
}

/// The backend's id, or the request's.
pub(crate) fn id<'a>(id: &'a str, context: &'a ReplyContext) -> &'a str {
    if id.is_empty() { &context.request_id } else { id }
}

/// The backend's model, or the client's.
pub(crate) fn model<'a>(model: &'a str, context: &'a ReplyContext) -> &'a str {
    if model.is_empty() { &context.model } else { model }
}

/// OpenAI's word for a class of service.
pub(super) fn service_tier(tier: &str) -> &str {
    if tier.eq_ignore_ascii_case("standard") { "default" } else { tier }
}

fn write_choice<'a>(choice: &'a Choice<'_>, index: usize) -> WrittenChoice<'a> {
    let message = write_message(choice);
    let refuses = message.refusal.is_some();
    let logprobs = Some(choice.logprobs.as_slice()).filter(|tokens| !tokens.is_empty()).map(logprobs);
    WrittenChoice { index, message, logprobs, finish_reason: word(&choice.finish, refuses) }
}

fn write_message<'a>(choice: &'a Choice<'_>) -> Message<'a> {
    let mut message = Message { role: "assistant", ..Message::default() };
    for part in &choice.parts {
        match part {
            Part::Text(text) => {
                message.content.get_or_insert_default().push_str(&text.text);
                message.annotations.extend(text.citations.iter().filter_map(annotation));
            }
            Part::Thinking(thinking) => write_thinking(thinking, &mut message),
            Part::Refusal(text) => message.refusal = Some(text),
            Part::ToolCall(call) => message.tool_calls.push(Call { id: &call.id, called: called(call) }),
            Part::Image(media) => message.images.extend(
                media
                    .url("image/png")
                    .map(|url| Image { r#type: "image_url", image_url: ImageUrl { url: url.into_string() } }),
            ),
            Part::Audio(_) | Part::Video(_) | Part::Document(_) | Part::ToolResult(_) => {}
        }
    }
    if message.refusal.is_none() && message.tool_calls.is_empty() {
        message.content.get_or_insert_default();
    }
    message
}

fn write_thinking<'a>(thinking: &'a Thinking<'_>, message: &mut Message<'a>) {
    let signature = thinking.signature.as_deref();
    if thinking.redacted {
        message.thinking_blocks.extend(signature.map(|data| Block::RedactedThinking { data }));
        return;
    }
    if !thinking.text.is_empty() {
        message.reasoning_content.get_or_insert_default().push_str(&thinking.text);
    }
    if let Some(signature) = signature {
        message.thinking_blocks.push(Block::Thinking { thinking: &thinking.text, signature });
    }
}

fn called<'a>(call: &'a ToolCall<'_>) -> Called<'a> {
    let name = call.name.as_str();
    match (call.custom, call.arguments.as_str()) {
        (true, input) => Called::Custom { custom: Custom { name, input } },
        (false, "") => Called::Function { function: Function { name, arguments: "{}" } },
        (false, arguments) => Called::Function { function: Function { name, arguments } },
    }
}

/// A reference as an annotation; only the web's have a form.
pub(super) fn annotation<'a>(citation: &'a Citation<'_>) -> Option<Annotation<'a>> {
    let (start_index, end_index) = citation.span.unwrap_or_default();
    let title = citation.title.as_deref().unwrap_or_default();
    Some(Annotation::UrlCitation {
        url_citation: UrlCitation { start_index, end_index, title, url: citation.url.as_deref()? },
    })
}

/// Probabilities of tokens.
pub(super) fn logprobs<'a>(tokens: &'a [Logprob<'_>]) -> Logprobs<'a> {
    let top = |token: &'a Logprob<'_>| token.top.iter().map(write_token).collect();
    let content = tokens.iter().map(|token| WrittenLogprob { token: write_token(token), top_logprobs: top(token) });
    Logprobs { content: content.collect(), refusal: None }
}

fn write_token<'a>(token: &'a Logprob<'_>) -> Token<'a> {
    Token { token: &token.token, logprob: token.logprob, bytes: token.bytes.as_deref() }
}

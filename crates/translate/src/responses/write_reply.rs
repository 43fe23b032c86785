//! A whole reply for a client, and the response object that streams hold too.

use std::io::Write as _;

use ditto_llm::usage::Usage;
use serde_json::json;

use super::failure_code::response_code;
use super::write_stream::Writer;
use crate::failure::Failure;
use crate::fold;
use crate::json;
use crate::reply::{Finish, Reply};
use crate::stream::{Start, StreamWriter as _};
use crate::target::ReplyContext;

/// Writes a reply.
pub fn write_reply(reply: &Reply<'_>, context: &ReplyContext) -> Vec<u8> {
    let mut writer = Writer::whole(context);
    fold::play(reply, &mut writer);
    std::mem::take(writer.output())
}

/// Members of the response object that are known from its start.
#[derive(Debug, Default)]
pub(super) struct Head {
    /// `{"id": …, "model": …`, without an end.
    start: Vec<u8>,
    /// Members of the request, without braces.
    echo: Vec<u8>,
    service_tier: Option<String>,
}

impl Head {
    /// For a reply that begins so.
    pub(super) fn new(start: &Start<'_>, context: &ReplyContext) -> (Self, String) {
        let id = if start.id.is_empty() { format!("resp_{}", context.request_id) } else { start.id.to_string() };
        let model = if start.model.is_empty() { context.model.as_str() } else { start.model.as_str() };
        let created = start.created.unwrap_or(context.now_seconds);
        let mut head = json::write(&json!({"id": id, "object": "response", "created_at": created, "model": model}));
        head.pop();
        let echo = match &context.echo {
            Some(echo) => inside(echo.get()),
            None => super::echo(b"{}").map(|echo| inside(echo.get())).unwrap_or_default(),
        };
        let service_tier = start.service_tier.as_deref().map(|tier| match tier {
            "standard" | "on_demand" => "default".to_owned(),
            tier => tier.to_owned(),
        });
        (Self { start: head, echo, service_tier }, id)
    }
}

/// An object's members, without its braces.
fn inside(object: &str) -> Vec<u8> {
    let members = object.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    members.unwrap_or_default().as_bytes().to_vec()
}

/// How a response stands.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stand<'a> {
    InProgress,
    Over(&'a Finish<'static>),
    Failed(&'a Failure),
}

impl Stand<'_> {
    /// The status's word.
    pub(super) fn status(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Over(Finish::Length | Finish::ContentFilter | Finish::Pause) => "incomplete",
            Self::Over(_) => "completed",
            Self::Failed(_) => "failed",
        }
    }

    /// Why the response is not complete, as JSON.
    fn incomplete(self) -> &'static str {
        match self {
            Self::Over(Finish::ContentFilter) => r#"{"reason":"content_filter"}"#,
            // A paused turn has no word of its own; it is to be continued like a reply that is cut off.
            Self::Over(Finish::Length | Finish::Pause) => r#"{"reason":"max_output_tokens"}"#,
            _ => "null",
        }
    }
}

/// Appends the response object.
pub(super) fn response(
    out: &mut Vec<u8>,
    head: &Head,
    stand: Stand<'_>,
    items: &[u8],
    text: Option<&[u8]>,
    usage: Option<&Usage>,
) {
    out.extend_from_slice(&head.start);
    for piece in [",\"status\":\"", stand.status(), "\",\"incomplete_details\":", stand.incomplete(), ",\"error\":"] {
        out.extend_from_slice(piece.as_bytes());
    }
    match stand {
        Stand::Failed(failure) => {
            let code = failure.code.as_deref().unwrap_or_else(|| response_code(failure.kind));
            json::append(out, &json!({"code": code, "message": failure.message}));
        }
        _ => out.extend_from_slice(b"null"),
    }
    out.extend_from_slice(b",\"output\":[");
    out.extend_from_slice(items);
    out.push(b']');
    if let Some(text) = text {
        out.extend_from_slice(b",\"output_text\":\"");
        out.extend_from_slice(text);
        out.push(b'"');
    }
    out.extend_from_slice(b",\"usage\":");
    match usage {
        Some(usage) => write_usage(out, usage),
        None => out.extend_from_slice(b"null"),
    }
    if let Some(tier) = &head.service_tier {
        out.extend_from_slice(b",\"service_tier\":");
        json::append(out, tier);
    }
    if !head.echo.is_empty() {
        out.push(b',');
        out.extend_from_slice(&head.echo);
    }
    out.push(b'}');
}

fn write_usage(out: &mut Vec<u8>, usage: &Usage) {
    // Writing into a vector cannot fail.
    let _ = write!(
        out,
        "{{\"input_tokens\":{},\"input_tokens_details\":{{\"cached_tokens\":{},\"cache_write_tokens\":{}}},\
         \"output_tokens\":{},\"output_tokens_details\":{{\"reasoning_tokens\":{}}},\"total_tokens\":{}}}",
        usage.input,
        usage.cached_input,
        usage.cache_creation,
        usage.output,
        usage.reasoning,
        usage.total(),
    );
}

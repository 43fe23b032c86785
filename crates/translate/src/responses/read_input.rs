//! The input's items into turns.

use std::fmt;

use super::read_request::drop_extra;
use super::wire_request::{ChatCall, Content, Input, Item};
use super::{REDACTED, read_parts};
use crate::content::{Part, Thinking, ToolCall, ToolResult};
use crate::json::TextOr;
use crate::loss::{Losses, Refusal};
use crate::request::{Role, Turn};
use crate::signature::{self, Maker};
use crate::text::Text;

/// Collects the conversation.
pub(super) struct Conversation<'a, 'l> {
    losses: &'l mut Losses,
    system: Vec<Part<'a>>,
    turns: Vec<Turn<'a>>,
    calls: usize,
}

/// One side's items that follow each other are one turn, but for a user's messages.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Model,
    Tools,
}

impl<'a, 'l> Conversation<'a, 'l> {
    pub(super) fn new(losses: &'l mut Losses) -> Self {
        Self { losses, system: Vec::new(), turns: Vec::new(), calls: 0 }
    }

    /// Instructions in front, and the turns.
    pub(super) fn finish(self) -> (Vec<Part<'a>>, Vec<Turn<'a>>) {
        (self.system, self.turns)
    }

    pub(super) fn instructions(&mut self, text: Option<Text<'a>>) {
        self.system.extend(text.filter(|text| !text.is_empty()).map(Part::text));
    }

    /// The input, which stands at `at`.
    pub(super) fn input(&mut self, at: &'static str, input: Input<'a>) -> Result<(), Refusal> {
        let items = match input {
            TextOr::Text(text) => vec![TextOr::Text(text)],
            TextOr::List(items) => items,
        };
        for (place, item) in items.into_iter().enumerate() {
            match item {
                TextOr::Text(text) => self.turns.push(Turn::new(Role::User, vec![Part::text(text)])),
                TextOr::List(items) => {
                    for item in items {
                        self.item(&format_args!("{at}[{place}]"), item)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn item(&mut self, place: &dyn fmt::Display, mut item: Item<'a>) -> Result<(), Refusal> {
        self.drop_marks(&item);
        let kind = item.kind.take();
        match kind.as_deref() {
            None | Some("message") if item.role.is_some() => self.message(place, item),
            Some("function_call") => self.call(place, item, false),
            Some("custom_tool_call") => self.call(place, item, true),
            Some("function_call_output") => self.result(place, item, false),
            Some("custom_tool_call_output") => self.result(place, item, true),
            Some("reasoning") => self.reasoning(item),
            None if item.id.is_some() => self.unknown(place, "item_reference"),
            None | Some("message") => Err(Refusal::new(format!("{place}.role"), "is missing")),
            Some(kind) => match read_parts::bare(kind, item) {
                Some(piece) => {
                    let parts = read_parts::part(place, piece, self.losses)?.into_iter().collect();
                    self.turns.push(Turn::new(Role::User, parts));
                    Ok(())
                }
                None => self.unknown(place, kind),
            },
        }
    }

    /// What items carry along, which nobody but the provider has a use for.
    fn drop_marks(&mut self, item: &Item<'a>) {
        if item.id.is_some() {
            self.losses.drop_field("input.id", "items are not kept");
        }
        if item.status.as_deref().is_some_and(|status| status != "completed") {
            self.losses.drop_field("input.status", "items are taken as complete");
        }
        if item.phase.is_some() {
            self.losses.drop_field("input.phase", "messages have no phase elsewhere");
        }
        if item.namespace.is_some() {
            self.losses.drop_field("input.namespace", "tools have no namespaces elsewhere");
        }
        if item.caller.is_some() {
            self.losses.drop_field("input.caller", "only the model itself calls tools elsewhere");
        }
        drop_extra("input", &item.extra, self.losses);
    }

    fn unknown(&mut self, place: &dyn fmt::Display, kind: &str) -> Result<(), Refusal> {
        let why = match kind {
            "item_reference" => "it keeps no items: send the items themselves instead of item_reference",
            "compaction" | "compaction_trigger" => {
                "it cannot read compacted conversations: send the conversation itself"
            }
            _ => "items of this type are OpenAI's own: leave them out",
        };
        self.losses.refuse_field(format!("{place}.type"), why)
    }

    fn message(&mut self, place: &dyn fmt::Display, item: Item<'a>) -> Result<(), Refusal> {
        let parts = self.parts(place, item.content, "content")?;
        let role = item.role.unwrap_or_default();
        match role.as_str() {
            "assistant" => {
                self.add(Side::Model, item.name, parts);
                for call in item.tool_calls.into_iter().flatten() {
                    self.chat_call(call);
                }
            }
            "system" | "developer" if self.turns.is_empty() && item.name.is_none() => self.system.extend(parts),
            "system" | "developer" => self.turns.push(Turn { role: Role::System, name: item.name, parts }),
            "user" => self.turns.push(Turn { role: Role::User, name: item.name, parts }),
            "tool" => {
                let id = item.tool_call_id.or(item.call_id);
                let id = id.ok_or_else(|| Refusal::new(format!("{place}.tool_call_id"), "is missing"))?;
                let result = ToolResult { id, name: item.name, parts, is_error: false, custom: false, cache: None };
                self.add(Side::Tools, None, [Part::ToolResult(result)]);
            }
            other => {
                let message = format!("{other:?} is unknown: use user, assistant, system or developer");
                return Err(Refusal::new(format!("{place}.role"), message));
            }
        }
        Ok(())
    }

    fn chat_call(&mut self, call: ChatCall<'a>) {
        let id = call.id.unwrap_or_else(|| self.made_up_id());
        let (name, arguments) = (call.function.name, call.function.arguments);
        let call = ToolCall { id, name, arguments, custom: false, cache: None };
        self.add(Side::Model, None, [Part::ToolCall(call)]);
    }

    fn call(&mut self, place: &dyn fmt::Display, item: Item<'a>, custom: bool) -> Result<(), Refusal> {
        let name = item.name.ok_or_else(|| Refusal::new(format!("{place}.name"), "is missing"))?;
        let id = item.call_id.or(item.id).unwrap_or_else(|| self.made_up_id());
        let arguments = match (custom, item.arguments) {
            (true, _) => item.input.unwrap_or_default(),
            (false, Some(TextOr::Text(text))) => text,
            (false, None) => Text::default(),
            (false, Some(TextOr::List(_))) => {
                return Err(Refusal::new(format!("{place}.arguments"), "must be a string that holds JSON"));
            }
        };
        let call = ToolCall { id, name, arguments, custom, cache: None };
        self.add(Side::Model, None, [Part::ToolCall(call)]);
        Ok(())
    }

    fn made_up_id(&mut self) -> Text<'a> {
        let id = format!("call_{}", self.calls);
        self.calls = self.calls.saturating_add(1);
        id.into()
    }

    fn result(&mut self, place: &dyn fmt::Display, item: Item<'a>, custom: bool) -> Result<(), Refusal> {
        let id = item.call_id.ok_or_else(|| Refusal::new(format!("{place}.call_id"), "is missing"))?;
        let parts = self.parts(place, item.output, "output")?;
        if item.name.is_some() {
            self.losses.drop_field("input.function_call_output.name", "the name that stands in the call is taken");
        }
        let result = ToolResult { id, name: item.name, parts, is_error: false, custom, cache: None };
        self.add(Side::Tools, None, [Part::ToolResult(result)]);
        Ok(())
    }

    /// Thoughts: their words are the summary, the text, or both, and their proof is what is encrypted.
    fn reasoning(&mut self, item: Item<'a>) -> Result<(), Refusal> {
        let content = match item.content {
            Some(TextOr::List(list)) => list.into_iter().filter_map(read_parts::only_text).collect(),
            Some(TextOr::Text(text)) => vec![text],
            None => Vec::new(),
        };
        let summary = item.summary.into_iter().flatten().filter_map(|piece| piece.text);
        let text = Text::join(summary.chain(content).filter(|text| !text.is_empty()), "\n\n");
        let (signature, redacted) = match item.encrypted_content.filter(|content| !content.is_empty()) {
            Some(content) => match content.strip_prefix(REDACTED) {
                Some(rest) => (Some(tagged(rest.to_owned().into())), true),
                None => (Some(tagged(content)), false),
            },
            None => (None, false),
        };
        if !text.is_empty() || signature.is_some() {
            let thinking = Thinking { text, signature, redacted };
            self.add(Side::Model, None, [Part::Thinking(thinking)]);
        }
        Ok(())
    }

    fn parts(
        &mut self,
        place: &dyn fmt::Display,
        content: Option<Content<'a>>,
        member: &'static str,
    ) -> Result<Vec<Part<'a>>, Refusal> {
        let list = match content {
            None => return Ok(Vec::new()),
            Some(TextOr::Text(text)) => return Ok(vec![Part::text(text)]),
            Some(TextOr::List(list)) => list,
        };
        let mut parts = Vec::with_capacity(list.len());
        for (at, piece) in list.into_iter().enumerate() {
            match piece {
                TextOr::Text(text) => parts.push(Part::text(text)),
                TextOr::List(pieces) => {
                    for piece in pieces {
                        parts.extend(read_parts::part(&format_args!("{place}.{member}[{at}]"), piece, self.losses)?);
                    }
                }
            }
        }
        Ok(parts)
    }

    /// Adds to the turn at the end, if it is this side's, or begins one.
    fn add(&mut self, side: Side, name: Option<Text<'a>>, parts: impl IntoIterator<Item = Part<'a>>) {
        let last = self.turns.last_mut().filter(|turn| match side {
            Side::Model => turn.role == Role::Assistant && (name.is_none() || turn.name == name),
            Side::Tools => turn.role == Role::User && turn.parts.iter().all(|part| matches!(part, Part::ToolResult(_))),
        });
        match last {
            Some(turn) => turn.parts.extend(parts),
            None => {
                let role = if side == Side::Model { Role::Assistant } else { Role::User };
                self.turns.push(Turn { role, name, parts: parts.into_iter().collect() });
            }
        }
    }
}

/// What is encrypted, with the mark of who made it.
fn tagged(content: Text<'_>) -> Text<'_> {
    match signature::untag(&content, None) {
        Some(_) => content,
        None => signature::tag(Maker::Responses, &content).into(),
    }
}

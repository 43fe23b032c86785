//! The conversation, read: messages become turns.

use super::read_content::{cache, content};
use super::read_request::unknown;
use super::wire_request::{FunctionCall, Message, ThinkingBlock, ToolCall as WireCall};
use crate::content::{Cache, Part, Thinking, ToolCall, ToolResult};
use crate::loss::{Losses, Refusal};
use crate::request::{Role, Turn};
use crate::text::Text;

/// Messages that have been read.
#[derive(Debug, Default)]
pub(super) struct Conversation<'a> {
    system: Vec<Part<'a>>,
    turns: Vec<Turn<'a>>,
    /// The last turn is made of tools' messages, and takes more of them.
    tools: bool,
    /// Calls in the former form, which has no ids: function, and the id that it got here.
    calls: Vec<(Text<'a>, String)>,
}

impl<'a> Conversation<'a> {
    /// Reads all messages: the instructions in front of the conversation, and its turns.
    pub(super) fn read(
        messages: Vec<Message<'a>>,
        losses: &mut Losses,
    ) -> Result<(Vec<Part<'a>>, Vec<Turn<'a>>), Refusal> {
        let mut read = Self::default();
        for (message, at) in messages.into_iter().zip(0_usize..) {
            read.message(message, at, losses)?;
        }
        Ok((read.system, read.turns))
    }

    fn message(&mut self, mut message: Message<'a>, at: usize, losses: &mut Losses) -> Result<(), Refusal> {
        unknown("messages", &message.extra, losses);
        if message.audio.take().is_some() {
            losses.refuse_field("messages.audio", "what was said before is with OpenAI")?;
        }
        if message.annotations.take().is_some_and(|annotations| !annotations.is_empty()) {
            losses.drop_field("messages.annotations", "references in what was said before have no place");
        }
        let role = message.role.take();
        let mark = message.cache_control.take().map(cache);
        let mut parts = content(message.content.take(), at, losses)?;
        if !matches!(role.as_deref(), Some("assistant" | "tool")) {
            mark_last(&mut parts, mark.clone(), losses);
        }
        match role.as_deref() {
            Some("system" | "developer") => self.instructions(parts, message.name, losses),
            Some("user") => self.turn(Role::User, message.name, parts),
            Some("assistant") => self.assistant(message, parts, mark, at, losses)?,
            Some("tool") => {
                let id = message.tool_call_id;
                let id = id.ok_or_else(|| refusal(at, "tool_call_id", "give the id of the call that it answers"))?;
                self.result(id, message.name, parts, mark);
            }
            Some("function") => {
                let name = message.name.ok_or_else(|| refusal(at, "name", "name the function that it answers"))?;
                let place = self.calls.iter().position(|(called, _)| *called == *name);
                let id = place.map(|place| self.calls.remove(place).1).unwrap_or_else(|| format!("call_{name}"));
                self.result(id.into(), Some(name), parts, mark);
            }
            _ => return Err(refusal(at, "role", "say system, developer, user, assistant or tool")),
        }
        Ok(())
    }

    fn instructions(&mut self, parts: Vec<Part<'a>>, name: Option<Text<'a>>, losses: &mut Losses) {
        if self.turns.is_empty() {
            if name.is_some() {
                losses.drop_field("messages.name", "instructions have no name");
            }
            self.system.extend(parts);
        } else {
            self.turn(Role::System, name, parts);
        }
    }

    fn turn(&mut self, role: Role, name: Option<Text<'a>>, parts: Vec<Part<'a>>) {
        self.tools = false;
        self.turns.push(Turn { role, name, parts });
    }

    fn assistant(
        &mut self,
        message: Message<'a>,
        said: Vec<Part<'a>>,
        mark: Option<Cache<'a>>,
        at: usize,
        losses: &mut Losses,
    ) -> Result<(), Refusal> {
        let thoughts = message.reasoning_content.or(message.reasoning).filter(|text| !text.is_empty());
        let mut parts = thinking(message.thinking_blocks.unwrap_or_default(), thoughts);
        parts.extend(said.into_iter().filter(|part| !matches!(part, Part::Text(text) if text.text.is_empty())));
        parts.extend(message.refusal.filter(|text| !text.is_empty()).map(Part::Refusal));
        for (call, number) in message.tool_calls.into_iter().flatten().zip(0_usize..) {
            let path = || format!("messages[{at}].tool_calls[{number}]");
            let call = read_call(call, losses).ok_or_else(|| Refusal::new(path(), "give its id and name"))?;
            parts.push(Part::ToolCall(call));
        }
        if let Some(FunctionCall { name, arguments, extra }) = message.function_call {
            unknown("messages.function_call", &extra, losses);
            let name = name.ok_or_else(|| refusal(at, "function_call.name", "name the function"))?;
            let id = format!("call_{at}");
            self.calls.push((name.clone(), id.clone()));
            parts.push(Part::ToolCall(function(id.into(), name, arguments)));
        }
        mark_last(&mut parts, mark, losses);
        self.turn(Role::Assistant, message.name, parts);
        Ok(())
    }

    fn result(&mut self, id: Text<'a>, name: Option<Text<'a>>, mut parts: Vec<Part<'a>>, cache: Option<Cache<'a>>) {
        parts.retain(|part| !matches!(part, Part::Text(text) if text.text.is_empty()));
        let custom = self.is_custom(&id);
        let result = Part::ToolResult(ToolResult { id, name, parts, is_error: false, custom, cache });
        match self.turns.last_mut().filter(|_| self.tools) {
            Some(turn) => turn.parts.push(result),
            None => self.turn(Role::User, None, vec![result]),
        }
        self.tools = true;
    }

    /// Whether the call of this id, in the turn before the tools' messages, was one with free text.
    fn is_custom(&self, id: &str) -> bool {
        let calls = self.turns.iter().rev().take(2).flat_map(|turn| &turn.parts);
        let mut calls = calls.filter_map(|part| if let Part::ToolCall(call) = part { Some(call) } else { None });
        calls.any(|call| call.custom && call.id == *id)
    }
}

fn refusal(message: usize, member: &str, why: &str) -> Refusal {
    Refusal::new(format!("messages[{message}].{member}"), why)
}

fn read_call<'a>(call: WireCall<'a>, losses: &mut Losses) -> Option<ToolCall<'a>> {
    unknown("messages.tool_calls", &call.extra, losses);
    match (call.function, call.custom) {
        (Some(called), _) => {
            unknown("messages.tool_calls.function", &called.extra, losses);
            Some(function(call.id?, called.name?, called.arguments))
        }
        (None, Some(called)) => {
            unknown("messages.tool_calls.custom", &called.extra, losses);
            let arguments = called.input.unwrap_or_default();
            Some(ToolCall { id: call.id?, name: called.name?, arguments, custom: true, cache: None })
        }
        (None, None) => None,
    }
}

fn function<'a>(id: Text<'a>, name: Text<'a>, arguments: Option<Text<'a>>) -> ToolCall<'a> {
    ToolCall { id, name, arguments: arguments.unwrap_or_default(), custom: false, cache: None }
}

/// Puts a message's mark on its last part.
fn mark_last<'a>(parts: &mut [Part<'a>], mark: Option<Cache<'a>>, losses: &mut Losses) {
    if mark.is_none() {
        return;
    }
    match parts.last_mut() {
        Some(Part::Text(text)) => text.cache = mark,
        Some(Part::Image(media) | Part::Audio(media) | Part::Video(media)) => media.cache = mark,
        Some(Part::Document(document)) => document.media.cache = mark,
        Some(Part::ToolCall(call)) => call.cache = mark,
        _ => losses.drop_field("messages.cache_control", "there is nothing that it could mark"),
    }
}

/// Thoughts of a former turn. Blocks as a stream brought them are joined: a signature ends the block before it.
fn thinking<'a>(blocks: Vec<ThinkingBlock<'a>>, thoughts: Option<Text<'a>>) -> Vec<Part<'a>> {
    let mut parts = Vec::new();
    let mut open: Option<Thinking<'a>> = None;
    for block in blocks {
        if block.kind.is_some_and(|kind| kind == "redacted_thinking") {
            parts.extend(open.take());
            parts.extend(block.data.map(|data| Thinking {
                text: Text::default(),
                signature: Some(data),
                redacted: true,
            }));
            continue;
        }
        let text = block.thinking.unwrap_or_default();
        let mut whole = open.take().unwrap_or_default();
        whole.text = if whole.text.is_empty() { text } else { Text::join([whole.text, text], "") };
        whole.signature = block.signature.filter(|signature| !signature.is_empty());
        if whole.signature.is_some() {
            parts.push(whole);
        } else {
            open = Some(whole);
        }
    }
    parts.extend(open.filter(|open| !open.text.is_empty()));
    match (parts.as_mut_slice(), thoughts) {
        ([], Some(text)) => parts.push(Thinking { text, ..Thinking::default() }),
        // A client that kept the signature, and the text under its other name.
        ([one], Some(text)) if one.text.is_empty() && !one.redacted => one.text = text,
        _ => {}
    }
    parts.into_iter().map(Part::Thinking).collect()
}

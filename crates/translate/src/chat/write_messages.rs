//! The conversation, as it goes to a backend.

use std::borrow::Cow;

use serde::Serialize;

use super::ids::short;
use super::server::Server;
use super::write_media::{Piece, Said, pieces};
use super::write_reply::{Called, Custom, Function};
use super::write_tools::mark;
use crate::content::{Part, TextPart, ToolCall, ToolResult};
use crate::loss::{Feature, Losses, Refusal};
use crate::request::{Request, Role, Turn};
use crate::signature::bare;
use crate::text::Text;

#[derive(Debug, Default, Serialize)]
pub(super) struct Message<'a> {
    role: &'static str,
    /// `null` where there are only calls.
    content: Option<Content<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Call<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<Cow<'a, str>>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Content<'a> {
    Text(Cow<'a, str>),
    Pieces(Vec<Piece<'a>>),
}

#[derive(Debug, Serialize)]
struct Call<'a> {
    id: Cow<'a, str>,
    #[serde(flatten)]
    called: Called<'a>,
}

/// Writes the instructions and the turns.
pub(super) fn messages<'a>(
    request: &'a Request<'_>,
    server: Server,
    losses: &mut Losses,
) -> Result<Vec<Message<'a>>, Refusal> {
    let calls = request.turns.iter().flat_map(|turn| &turn.parts).any(|part| matches!(part, Part::ToolCall(_)));
    let mut conversation = Conversation { server, calls, messages: Vec::with_capacity(request.turns.len()) };
    if !request.system.is_empty() {
        let content = conversation.joined(&request.system, "\n\n", losses)?;
        conversation.messages.push(Message { role: "system", content, ..Message::default() });
    }
    let mut turns = request.turns.as_slice();
    while let [turn, rest @ ..] = turns {
        match turn.role {
            Role::User => {
                let users = turns.iter().take_while(|turn| turn.role == Role::User).count();
                let (users, after) = turns.split_at_checked(users).unwrap_or((turns, &[]));
                conversation.users(users, losses)?;
                turns = after;
                continue;
            }
            Role::Assistant => conversation.assistant(turn, losses)?,
            Role::System => {
                let content = conversation.joined(&turn.parts, "\n\n", losses)?;
                let name = turn.name.as_deref();
                conversation.messages.push(Message { role: "system", content, name, ..Message::default() });
            }
        }
        turns = rest;
    }
    let last = request.turns.last().filter(|turn| turn.role == Role::Assistant);
    if last.is_some_and(|turn| !turn.parts.iter().any(|part| matches!(part, Part::ToolCall(_)))) {
        losses.refuse(Feature::Prefill, "chat completions cannot go on with a reply that the client began")?;
    }
    Ok(conversation.messages)
}

struct Conversation<'a> {
    server: Server,
    /// The conversation has calls of tools: then models that think want their thoughts back.
    calls: bool,
    messages: Vec<Message<'a>>,
}

impl<'a> Conversation<'a> {
    /// Texts as one string, or as parts where they have marks or something else is among them.
    fn joined(
        &self,
        parts: &'a [Part<'_>],
        between: &str,
        losses: &mut Losses,
    ) -> Result<Option<Content<'a>>, Refusal> {
        let mut written = Vec::with_capacity(parts.len());
        for part in parts {
            pieces(part, self.server, losses, &mut written)?;
        }
        if written.iter().any(|piece| piece.cache_control.is_some() || !matches!(piece.said, Said::Text { .. })) {
            return Ok(Some(Content::Pieces(written)));
        }
        let texts = written.into_iter().filter_map(|piece| match piece.said {
            Said::Text { text } => Some(text),
            _ => None,
        });
        Ok(join(texts, between).map(Content::Text))
    }

    /// Neighbouring turns of the user's: what tools said goes first, because it must follow the calls.
    fn users(&mut self, turns: &'a [Turn<'_>], losses: &mut Losses) -> Result<(), Refusal> {
        let mut shown = Vec::new();
        for part in turns.iter().flat_map(|turn| &turn.parts) {
            if let Part::ToolResult(result) = part {
                self.result(result, &mut shown, losses)?;
            }
        }
        if !shown.is_empty() {
            let content = Some(Content::Pieces(shown));
            self.messages.push(Message { role: "user", content, ..Message::default() });
        }
        for turn in turns {
            let mut said = Vec::with_capacity(turn.parts.len());
            for part in &turn.parts {
                pieces(part, self.server, losses, &mut said)?;
            }
            let content = match said.as_slice() {
                [] if turn.parts.iter().any(|part| matches!(part, Part::ToolResult(_))) => continue,
                [] => Content::Text(Cow::Borrowed("")),
                [Piece { said: Said::Text { text }, cache_control: None }] => Content::Text(text.clone()),
                _ => Content::Pieces(said),
            };
            let name = self.name(turn, losses);
            self.messages.push(Message { role: "user", content: Some(content), name, ..Message::default() });
        }
        Ok(())
    }

    fn id(&self, id: &'a Text<'_>) -> Cow<'a, str> {
        let id = bare(id);
        if self.server.is_openai() { short(id) } else { id }
    }

    fn name(&self, turn: &'a Turn<'_>, losses: &mut Losses) -> Option<&'a str> {
        let name = turn.name.as_deref()?;
        if self.server == Server::Zhipu {
            losses.drop(Feature::SpeakerName, "GLM knows no names of speakers");
            return None;
        }
        Some(name)
    }

    /// What a tool said. Its message holds text only: what is to be looked at goes to `shown`.
    fn result(
        &mut self,
        result: &'a ToolResult<'_>,
        shown: &mut Vec<Piece<'a>>,
        losses: &mut Losses,
    ) -> Result<(), Refusal> {
        let mut texts = Vec::with_capacity(result.parts.len());
        let mut media = Vec::new();
        for part in &result.parts {
            match part {
                Part::Text(text) => texts.push(Cow::Borrowed(text.text.as_str())),
                other => pieces(other, self.server, losses, &mut media)?,
            }
            if let Part::Text(TextPart { cache: Some(_), .. }) = part {
                losses.drop(Feature::CacheControl, "what a tool said has no marks in chat completions");
            }
        }
        if result.cache.is_some() {
            losses.drop(Feature::CacheControl, "what a tool said has no marks in chat completions");
        }
        let id = self.id(&result.id);
        if !media.is_empty() {
            let name = result.name.as_deref().unwrap_or("the tool");
            if texts.is_empty() {
                texts.push(Cow::Borrowed("See the next message of the user."));
            }
            shown.push(Piece::text(format!("What {name} returned for the call {id}:")));
            shown.extend(media);
        }
        let mut text = join(texts.into_iter(), "\n").unwrap_or_default();
        if result.is_error {
            losses.drop(Feature::ToolError, "chat completions has no member for it: the text says so");
            text = Cow::Owned(format!("Error: {text}"));
        }
        let (content, tool_call_id) = (Some(Content::Text(text)), Some(id));
        self.messages.push(Message { role: "tool", content, tool_call_id, ..Message::default() });
        Ok(())
    }

    fn assistant(&mut self, turn: &'a Turn<'_>, losses: &mut Losses) -> Result<(), Refusal> {
        let mut message = Message { role: "assistant", name: self.name(turn, losses), ..Message::default() };
        message.reasoning_content = self.thoughts(turn, losses);
        let mut said = Vec::new();
        for part in &turn.parts {
            match part {
                Part::Text(text) => {
                    if !text.citations.is_empty() {
                        losses.drop(Feature::Citations, "chat completions takes no references back");
                    }
                    said.push(text);
                }
                Part::ToolCall(call) => message.tool_calls.extend(self.call(call, losses)?),
                Part::Refusal(text) if self.server.is_openai() => message.refusal = Some(text),
                Part::Refusal(text) => message.content = Some(Content::Text(Cow::Borrowed(text))),
                Part::Image(_) | Part::Audio(_) | Part::Video(_) | Part::Document(_) => {
                    losses.refuse(Feature::Image, "chat completions takes only text from the assistant")?;
                }
                Part::Thinking(_) | Part::ToolResult(_) => {}
            }
        }
        if let Some(content) = self.said(&said, losses) {
            message.content = Some(content);
        }
        if message.content.is_none() && message.tool_calls.is_empty() && message.refusal.is_none() {
            message.content = Some(Content::Text(Cow::Borrowed("")));
        }
        self.messages.push(message);
        Ok(())
    }

    /// The assistant's texts, which belong together, as one; as parts where they have marks.
    fn said(&self, texts: &[&'a TextPart<'_>], losses: &mut Losses) -> Option<Content<'a>> {
        let pieces = texts.iter().map(|text| {
            let cache_control = mark(text.cache.as_ref(), self.server, losses);
            Piece { cache_control, ..Piece::text(text.text.as_str()) }
        });
        let pieces: Vec<Piece<'a>> = pieces.collect();
        if pieces.iter().any(|piece| piece.cache_control.is_some()) {
            return Some(Content::Pieces(pieces));
        }
        join(texts.iter().map(|text| Cow::Borrowed(text.text.as_str())), "").map(Content::Text)
    }

    /// DeepSeek, Kimi and GLM want thoughts back when tools were called, and refuse the request without; others need
    /// none: <https://api-docs.deepseek.com/guides/thinking_mode> (seen 2026-11).
    fn thoughts(&self, turn: &'a Turn<'_>, losses: &mut Losses) -> Option<Cow<'a, str>> {
        let thoughts = turn.parts.iter().filter_map(|part| match part {
            Part::Thinking(thinking) => Some(thinking),
            _ => None,
        });
        let mut texts = Vec::new();
        for thinking in thoughts {
            if self.server.is_openai() {
                losses.drop(Feature::Thoughts, "OpenAI's chat completions takes no thoughts back");
            } else if !self.server.is_open() && self.server != Server::Zhipu {
                losses.drop(Feature::Thoughts, "the server takes OpenAI's members only");
            } else if !self.calls {
                losses.drop(Feature::Thoughts, "thoughts are wanted back only with calls of tools");
            } else if thinking.text.is_empty() {
                losses.drop(Feature::Thoughts, "another provider signed them");
            } else {
                texts.push(Cow::Borrowed(thinking.text.as_str()));
            }
            if !texts.is_empty() && thinking.signature.is_some() {
                losses.drop(Feature::Thoughts, "the words go back, without another provider's signature");
            }
        }
        join(texts.into_iter(), "\n")
    }

    fn call(&self, call: &'a ToolCall<'_>, losses: &mut Losses) -> Result<Option<Call<'a>>, Refusal> {
        if call.cache.is_some() {
            losses.drop(Feature::CacheControl, "calls have no marks in chat completions");
        }
        let (id, name) = (self.id(&call.id), call.name.as_str());
        if call.custom && !self.server.is_openai() {
            losses.refuse(Feature::CustomTools, "only OpenAI has tools that take free text")?;
            return Ok(None);
        }
        let called = match (call.custom, call.arguments.as_str()) {
            (true, input) => Called::Custom { custom: Custom { name, input } },
            (false, "") => Called::Function { function: Function { name, arguments: "{}" } },
            (false, arguments) => Called::Function { function: Function { name, arguments } },
        };
        Ok(Some(Call { id, called }))
    }
}

fn join<'a>(mut texts: impl Iterator<Item = Cow<'a, str>>, between: &str) -> Option<Cow<'a, str>> {
    let mut all = texts.next()?;
    for text in texts {
        let all = all.to_mut();
        all.push_str(between);
        all.push_str(&text);
    }
    Some(all)
}

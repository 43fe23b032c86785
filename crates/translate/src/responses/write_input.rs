//! Turns into the input's items, for a backend.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::Serialize;

use super::write_parts::{self, InPart};
use crate::content::{Part, Thinking, ToolCall, ToolResult};
use crate::loss::{Feature, Losses, Refusal};
use crate::request::{Request, Role, Turn};
use crate::signature::{self, Maker};
use crate::target::{Host, Target};
use crate::text::Text;

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum InItem<'a> {
    Message {
        role: &'static str,
        content: Vec<InPart<'a>>,
    },
    /// Without an id: the API would look for what it has kept under it.
    Reasoning {
        summary: Vec<InPart<'a>>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        content: Vec<InPart<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        encrypted_content: Option<&'a str>,
    },
    FunctionCall {
        call_id: Cow<'a, str>,
        name: &'a str,
        arguments: &'a str,
    },
    FunctionCallOutput {
        call_id: Cow<'a, str>,
        output: Output<'a>,
    },
    CustomToolCall {
        call_id: Cow<'a, str>,
        name: &'a str,
        input: &'a str,
    },
    CustomToolCallOutput {
        call_id: Cow<'a, str>,
        output: Output<'a>,
    },
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Output<'a> {
    Text(Cow<'a, str>),
    Parts(Vec<InPart<'a>>),
}

/// The instructions in front, as one text.
pub(super) fn instructions<'a>(system: &'a [Part<'_>], losses: &mut Losses) -> Option<Text<'a>> {
    let mut texts = Vec::with_capacity(system.len());
    for part in system {
        if let Part::Text(part) = part {
            if part.cache.is_some() {
                losses.drop(Feature::CacheControl, "OpenAI caches by itself");
            }
            texts.push(part.text.borrowed());
        }
    }
    (!texts.is_empty()).then(|| Text::join(texts, "\n\n"))
}

/// The conversation.
pub(super) fn input<'a>(
    request: &'a Request<'_>,
    target: &Target<'_>,
    losses: &mut Losses,
) -> Result<Vec<InItem<'a>>, Refusal> {
    let mut writer =
        InputWriter { items: Vec::new(), custom: BTreeSet::new(), is_open: target.host == Host::Compatible, losses };
    for turn in &request.turns {
        writer.turn(turn)?;
    }
    let begun = request.turns.last().filter(|turn| turn.role == Role::Assistant).and_then(|turn| turn.parts.last());
    if matches!(begun, Some(Part::Text(_))) {
        writer.losses.refuse(Feature::Prefill, "OpenAI does not continue a reply that the client began")?;
    }
    Ok(writer.items)
}

struct InputWriter<'a, 'l> {
    items: Vec<InItem<'a>>,
    /// Calls of custom tools: their results are items of another type.
    custom: BTreeSet<&'a str>,
    /// The server may be one with open models.
    is_open: bool,
    losses: &'l mut Losses,
}

impl<'a> InputWriter<'a, '_> {
    fn turn(&mut self, turn: &'a Turn<'_>) -> Result<(), Refusal> {
        if turn.name.is_some() {
            self.losses.drop(Feature::SpeakerName, "OpenAI's Responses has no names of speakers");
        }
        let mut content = Vec::new();
        for part in &turn.parts {
            match part {
                Part::Thinking(thinking) => {
                    self.message(turn.role, &mut content);
                    self.thinking(thinking);
                }
                Part::ToolCall(call) => {
                    self.message(turn.role, &mut content);
                    self.call(call);
                }
                Part::ToolResult(result) => {
                    self.message(turn.role, &mut content);
                    self.result(result)?;
                }
                part => content.extend(write_parts::part(part, turn.role, self.losses)?),
            }
        }
        self.message(turn.role, &mut content);
        Ok(())
    }

    /// The content that has gathered, as a message.
    fn message(&mut self, role: Role, content: &mut Vec<InPart<'a>>) {
        if content.is_empty() {
            return;
        }
        let role = match (role, self.is_open) {
            (Role::User, _) => "user",
            (Role::Assistant, _) => "assistant",
            (Role::System, true) => "system",
            (Role::System, _) => "developer",
        };
        self.items.push(InItem::Message { role, content: std::mem::take(content) });
    }

    fn thinking(&mut self, thinking: &'a Thinking<'_>) {
        let made = thinking.signature.as_deref().and_then(|signature| signature::untag(signature, None));
        let text = Some(thinking.text.as_str()).filter(|text| !text.is_empty());
        let (summary, content, encrypted_content) = match made {
            Some((Maker::Responses, encrypted)) => (text.map(InPart::summary), None, Some(encrypted)),
            // Servers with open models show what was thought, and take it back as it is.
            None if self.is_open && text.is_some() => (None, text.map(InPart::thought), None),
            Some(_) => {
                return self.losses.drop(Feature::Thoughts, "OpenAI takes back only what its own models thought");
            }
            None => return self.losses.drop(Feature::Thoughts, "OpenAI takes thoughts back only encrypted"),
        };
        let (summary, content) = (summary.into_iter().collect(), content.into_iter().collect());
        self.items.push(InItem::Reasoning { summary, content, encrypted_content });
    }

    fn call(&mut self, call: &'a ToolCall<'_>) {
        self.cached(call.cache.is_some());
        let (call_id, name) = (signature::bare(&call.id), call.name.as_str());
        self.items.push(if call.custom {
            self.custom.insert(call.id.as_str());
            InItem::CustomToolCall { call_id, name, input: &call.arguments }
        } else {
            let arguments = if call.arguments.is_empty() { "{}" } else { call.arguments.as_str() };
            InItem::FunctionCall { call_id, name, arguments }
        });
    }

    fn result(&mut self, result: &'a ToolResult<'_>) -> Result<(), Refusal> {
        self.cached(result.cache.is_some());
        if result.is_error {
            self.losses.drop(Feature::ToolError, "OpenAI has no mark for tools that failed, only what they say");
        }
        let call_id = signature::bare(&result.id);
        let output = self.output(&result.parts)?;
        self.items.push(if result.custom || self.custom.contains(result.id.as_str()) {
            InItem::CustomToolCallOutput { call_id, output }
        } else {
            InItem::FunctionCallOutput { call_id, output }
        });
        Ok(())
    }

    /// What a tool said: a string if it is text, because older servers take nothing else.
    fn output(&mut self, parts: &'a [Part<'_>]) -> Result<Output<'a>, Refusal> {
        if let [Part::Text(part)] = parts {
            self.cached(part.cache.is_some());
            return Ok(Output::Text(Cow::Borrowed(&part.text)));
        }
        if parts.is_empty() {
            return Ok(Output::Text(Cow::Borrowed("")));
        }
        let mut written = Vec::with_capacity(parts.len());
        for part in parts {
            written.extend(write_parts::part(part, Role::User, self.losses)?);
        }
        Ok(Output::Parts(written))
    }

    fn cached(&mut self, cached: bool) {
        if cached {
            self.losses.drop(Feature::CacheControl, "OpenAI caches by itself");
        }
    }
}

//! What a user can tell the model to answer: `[[say Hello]]` and its like, anywhere in the last user message.
//!
//! | Directive | The model |
//! |---|---|
//! | `[[say TEXT]]` | says this text |
//! | `[[think TEXT]]` | thinks this first |
//! | `[[call NAME {"a": 1}]]` | calls a tool, known or not; without arguments, with some that fit its schema |
//! | `[[refuse]]`, `[[refuse TEXT]]` | refuses |
//! | `[[json]]` | says JSON that fits the schema asked for, or any |
//!
//! They combine, and several calls are made in parallel. What is not understood is no directive.

use serde_json::Value;

use super::super::openai::digest;
use super::heard::{Heard, ToolCall, ToolChoice};
use super::said::Said;
use super::schema;

/// What the directives of the last user message make the model say; `None` when there is none.
pub(super) fn obey(heard: &Heard, json: impl Fn() -> String) -> Option<Said> {
    let text = heard.last_user();
    let mut said = Said::default();
    let mut obeyed = false;
    let mut rest = text.as_str();
    while let Some((_, after)) = rest.split_once("[[") {
        rest = match read(after) {
            Some((directive, end)) => {
                obeyed = true;
                apply(directive, heard, &mut said, &json);
                end
            }
            None => after,
        };
    }
    if said.text.is_none() && said.calls.is_empty() && said.refusal.is_none() && said.thinking.is_none() {
        obeyed = false;
    }
    obeyed.then_some(said)
}

#[derive(Debug, PartialEq)]
enum Directive<'a> {
    Say(&'a str),
    Think(&'a str),
    Refuse(&'a str),
    Json,
    Call(&'a str, Option<Value>),
}

/// One directive from behind its brackets, and what follows it.
fn read(text: &str) -> Option<(Directive<'_>, &str)> {
    if let Some(call) = text.strip_prefix("call ") {
        return read_call(call);
    }
    let (directive, rest) = text.split_once("]]")?;
    let (name, argument) = directive.split_once(' ').unwrap_or((directive, ""));
    let directive = match name {
        "say" => Directive::Say(argument),
        "think" => Directive::Think(argument),
        "refuse" => Directive::Refuse(argument),
        "json" => Directive::Json,
        _ => return None,
    };
    Some((directive, rest))
}

/// A call's arguments may have brackets of their own, so the JSON says where it ends.
fn read_call(text: &str) -> Option<(Directive<'_>, &str)> {
    let end = text.find([' ', ']'])?;
    let (name, rest) = text.split_at(end);
    if let Some(rest) = rest.strip_prefix("]]") {
        return Some((Directive::Call(name, None), rest));
    }
    let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
    let arguments = values.next()?.ok()?;
    let rest = rest.get(values.byte_offset()..)?.trim_start().strip_prefix("]]")?;
    Some((Directive::Call(name, Some(arguments)), rest))
}

fn apply(directive: Directive<'_>, heard: &Heard, said: &mut Said, json: impl Fn() -> String) {
    match directive {
        Directive::Say(text) => said.text = Some(text.to_owned()),
        Directive::Think(text) => said.thinking = Some(text.to_owned()),
        Directive::Json => said.text = Some(json()),
        Directive::Refuse("") => said.refusal = Some("I cannot help with that.".to_owned()),
        Directive::Refuse(text) => said.refusal = Some(text.to_owned()),
        Directive::Call(..) if heard.choice == ToolChoice::None => {}
        Directive::Call(name, arguments) => {
            let made_up = || heard.tool(name).map_or(Value::Null, |tool| tool.schema.clone());
            let arguments = arguments.unwrap_or_else(|| schema::instance(&made_up(), &digest(&Value::Null)));
            said.calls.push(ToolCall { id: String::new(), name: name.to_owned(), arguments: arguments.to_string() });
        }
    }
}

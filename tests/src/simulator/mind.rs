//! The model side of the simulator: what is answered to a request, whichever dialect it came in.
//!
//! A dialect reads its request into [`Heard`], asks the mind, and writes [`Said`] down in its own way. Who decides
//! what is said, in this order: a test's [`Script`]; the [directives](directive) of the last user message; a tool
//! choice, or words such as `use the tool`, `use every tool` or `use <function name>` in that message; the
//! [`Manner`]'s number of tokens; a schema asked for; `say <n> words`. Otherwise the model says one sentence with the
//! digest of the conversation, what tools answered, and what media it saw.

pub mod directive;
mod heard;
mod limit;
mod said;
pub(super) mod schema;
mod script;

use serde_json::{Value, json};

pub use heard::{Format, Heard, Media, Message, Part, Role, Thinking, Tool, ToolCall, ToolChoice, ToolResult};
pub(super) use limit::limited;
pub use said::{Finish, Said, Usage, is_signed, signature};
pub use script::Script;

use super::manner::Manner;

const WORDS: [&str; 8] = ["one", "fine", "day", "the", "gateway", "learned", "to", "count"];

/// What answers one request.
#[derive(Debug)]
pub(super) struct Mind<'a> {
    /// The simulator's name.
    pub(super) speaker: &'a str,
    /// The request's position in the order of arrival; ids of calls carry it.
    pub(super) order: u64,
    pub(super) manner: &'a Manner,
    pub(super) script: Option<&'a Script>,
    /// What ids of calls begin with in the dialect.
    pub(super) call_prefix: &'a str,
}

impl Mind<'_> {
    /// The answer, cut to the request's limits, its calls named and its cost counted.
    pub(super) fn answer(&self, heard: &Heard) -> Said {
        let said = self.think(heard);
        limit::settle(self, heard, said)
    }

    fn think(&self, heard: &Heard) -> Said {
        if let Some(said) = self.script.and_then(|script| script.answer(heard)) {
            return said;
        }
        if let Some(said) = directive::obey(heard, || self.json(heard)) {
            return said;
        }
        let wanted = wanted_tools(heard);
        if wanted.is_empty() {
            return Said::text(self.text(heard));
        }
        let call = |said: Said, tool: &&Tool| said.and_call(&tool.name, &schema::instance(&tool.schema, &heard.digest));
        wanted.iter().fold(Said::default(), call)
    }

    fn text(&self, heard: &Heard) -> String {
        if let Some(tokens) = self.manner.tokens {
            return words(usize::try_from(tokens).unwrap_or(usize::MAX));
        }
        if heard.format != Format::Text {
            return self.json(heard);
        }
        match words_asked(heard) {
            Some(count) => words(count),
            None => self.echo(heard),
        }
    }

    /// JSON that fits the schema asked for, or any.
    fn json(&self, heard: &Heard) -> String {
        match &heard.format {
            Format::Schema(schema @ Value::Object(_)) => schema::instance(schema, &heard.digest).to_string(),
            _ => json!({"from": self.speaker, "digest": heard.digest}).to_string(),
        }
    }

    fn echo(&self, heard: &Heard) -> String {
        let (speaker, digest) = (self.speaker, &heard.digest);
        let messages = match heard.count {
            1 => "one message".to_owned(),
            count => format!("{count} messages"),
        };
        let mut text = format!("Hello from {speaker}: I was given {messages}, digest {digest}.");
        for result in heard.fresh_results() {
            let verb = if result.is_error { "failed" } else { "said" };
            text.push_str(&format!(" The tool {verb}: {}", result.text));
            result.media.iter().for_each(|media| text.push_str(&format!(" It showed {}.", media.seen())));
        }
        heard.fresh_media().iter().for_each(|media| text.push_str(&format!(" I see {}.", media.seen())));
        text
    }
}

/// What a text tells the model to say, for endpoints that have no messages.
pub(super) fn told(text: &str) -> Option<String> {
    let message = Message { parts: vec![Part::Text(text.to_owned())], ..Message::default() };
    let heard = Heard { messages: vec![message], ..Heard::default() };
    directive::obey(&heard, String::new)?.text
}

fn wanted_tools(heard: &Heard) -> Vec<&Tool> {
    let tools = &heard.tools;
    // What comes along with a tool's answer is a client's reminder more often than a user's wish.
    let said = if heard.fresh_results().is_empty() { heard.last_user().to_lowercase() } else { String::new() };
    let first = || tools.iter().take(1).collect();
    match &heard.choice {
        ToolChoice::None => Vec::new(),
        ToolChoice::Named(name) => tools.iter().filter(|tool| tool.name == *name).collect(),
        _ if said.contains("use every tool") => tools.iter().collect(),
        ToolChoice::Required => first(),
        ToolChoice::Auto if said.contains("use the tool") => first(),
        ToolChoice::Auto => {
            let named = |tool: &&Tool| said.contains(&format!("use {}", tool.name.to_lowercase()));
            tools.iter().filter(named).collect()
        }
    }
}

fn words_asked(heard: &Heard) -> Option<usize> {
    let said = heard.last_user().to_lowercase();
    let (_, rest) = said.split_once("say ")?;
    let (count, _) = rest.split_once(" words")?;
    count.parse().ok().filter(|count| (1..=100_000).contains(count))
}

/// A text of so many words, each a token.
pub(super) fn words(count: usize) -> String {
    let words: Vec<&str> = WORDS.into_iter().cycle().take(count).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests;

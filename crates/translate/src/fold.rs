//! From a stream to a whole reply and back.

use ditto_llm::usage::Usage;

use crate::content::{Citation, Part, TextPart, Thinking, ToolCall};
use crate::failure::Failure;
use crate::reply::{Choice, Finish, Logprob, Reply};
use crate::stream::{At, Opening, Sink, Start};
use crate::text::Text;

/// Collects a stream into the reply that it is.
#[derive(Debug, Default)]
pub struct Fold {
    reply: Reply<'static>,
    failure: Option<Failure>,
    ended: bool,
}

impl Fold {
    /// The reply.
    ///
    /// # Errors
    /// The failure that ended the stream; a stream without an end broke off.
    pub fn finish(self) -> Result<Reply<'static>, Failure> {
        match self.failure {
            Some(failure) => Err(failure),
            None if self.ended => Ok(self.reply),
            None => Err(Failure::broken_off()),
        }
    }

    fn choice(&mut self, choice: u32) -> Option<&mut Choice<'static>> {
        let place = usize::try_from(choice).ok().filter(|place| *place < CHOICES_MAX)?;
        if self.reply.choices.len() <= place {
            self.reply.choices.resize_with(place.saturating_add(1), Choice::default);
        }
        self.reply.choices.get_mut(place)
    }

    fn part(&mut self, at: At) -> Option<&mut Part<'static>> {
        let part = usize::try_from(at.part).ok()?;
        self.choice(at.choice)?.parts.get_mut(part)
    }
}

/// OpenAI's bound on `n`: <https://platform.openai.com/docs/api-reference/chat/create> (seen 2026-11).
pub const CHOICES_MAX: usize = 128;

impl Sink for Fold {
    fn start(&mut self, start: &Start<'_>) {
        self.reply.id = start.id.clone().into_static();
        self.reply.model = start.model.clone().into_static();
        self.reply.created = start.created;
        self.reply.usage = start.usage;
        self.reply.service_tier = start.service_tier.clone().map(Text::into_static);
    }

    fn open(&mut self, at: At, opening: &Opening<'_>) {
        let part = match opening {
            Opening::Text => Part::text(""),
            Opening::Thinking { redacted } => Part::Thinking(Thinking { redacted: *redacted, ..Thinking::default() }),
            Opening::Refusal => Part::Refusal(Text::default()),
            Opening::ToolCall { id, name, custom } => Part::ToolCall(ToolCall {
                id: id.clone().into_static(),
                name: name.clone().into_static(),
                arguments: Text::default(),
                custom: *custom,
                cache: None,
            }),
        };
        if let Some(choice) = self.choice(at.choice) {
            choice.parts.push(part);
        }
    }

    fn delta(&mut self, at: At, text: &str) {
        let whole = match self.part(at) {
            Some(Part::Text(part)) => &mut part.text,
            Some(Part::Thinking(part)) => &mut part.text,
            Some(Part::Refusal(whole)) => whole,
            Some(Part::ToolCall(call)) => &mut call.arguments,
            _ => return,
        };
        whole.0.to_mut().push_str(text);
    }

    fn signature(&mut self, at: At, signature: &str) {
        if let Some(Part::Thinking(thinking)) = self.part(at) {
            thinking.signature.get_or_insert_default().0.to_mut().push_str(signature);
        }
    }

    fn citation(&mut self, at: At, citation: &Citation<'_>) {
        if let Some(Part::Text(text)) = self.part(at) {
            text.citations.push(citation.clone().into_static());
        }
    }

    fn logprobs(&mut self, at: At, tokens: &[Logprob<'_>]) {
        if let Some(choice) = self.choice(at.choice) {
            choice.logprobs.extend(tokens.iter().cloned().map(Logprob::into_static));
        }
    }

    fn close(&mut self, _at: At) {}

    fn finish(&mut self, choice: u32, finish: &Finish<'_>) {
        if let Some(choice) = self.choice(choice) {
            choice.finish = finish.clone().into_static();
        }
    }

    fn usage(&mut self, usage: &Usage) {
        self.reply.usage = Some(*usage);
    }

    fn ping(&mut self) {}

    fn failure(&mut self, failure: &Failure) {
        self.failure.get_or_insert_with(|| failure.clone());
    }

    fn end(&mut self) {
        self.ended = true;
    }
}

/// Plays a whole reply as a stream: for clients that want one and backends that do not make it.
pub fn play(reply: &Reply<'_>, sink: &mut dyn Sink) {
    sink.start(&Start {
        id: reply.id.borrowed(),
        model: reply.model.borrowed(),
        created: reply.created,
        usage: reply.usage.map(|usage| Usage { output: 0, reasoning: 0, ..usage }),
        service_tier: reply.service_tier.as_ref().map(Text::borrowed),
    });
    for (choice, index) in reply.choices.iter().zip(0_u32..) {
        let mut logprobs = Some(choice.logprobs.as_slice()).filter(|tokens| !tokens.is_empty());
        for (part, number) in choice.parts.iter().filter(|part| has_stream(part)).zip(0_u32..) {
            let at = At { choice: index, part: number };
            play_part(part, at, sink);
            if let (Part::Text(_), Some(tokens)) = (part, logprobs.take_if(|_| matches!(part, Part::Text(_)))) {
                sink.logprobs(at, tokens);
            }
            sink.close(at);
        }
        sink.finish(index, &choice.finish);
    }
    if let Some(usage) = &reply.usage {
        sink.usage(usage);
    }
    sink.end();
}

fn has_stream(part: &Part<'_>) -> bool {
    matches!(part, Part::Text(_) | Part::Thinking(_) | Part::Refusal(_) | Part::ToolCall(_))
}

fn play_part(part: &Part<'_>, at: At, sink: &mut dyn Sink) {
    let (opening, text) = match part {
        Part::Text(TextPart { text, .. }) => (Opening::Text, text),
        Part::Thinking(thinking) => (Opening::Thinking { redacted: thinking.redacted }, &thinking.text),
        Part::Refusal(text) => (Opening::Refusal, text),
        Part::ToolCall(call) => {
            let (id, name) = (call.id.borrowed(), call.name.borrowed());
            (Opening::ToolCall { id, name, custom: call.custom }, &call.arguments)
        }
        _ => return,
    };
    sink.open(at, &opening);
    if !text.is_empty() {
        sink.delta(at, text);
    }
    match part {
        Part::Text(text) => text.citations.iter().for_each(|citation| sink.citation(at, citation)),
        Part::Thinking(Thinking { signature: Some(signature), .. }) => sink.signature(at, signature),
        _ => {}
    }
}

impl Citation<'_> {
    /// The same without a lifetime.
    pub fn into_static(self) -> Citation<'static> {
        Citation {
            url: self.url.map(Text::into_static),
            title: self.title.map(Text::into_static),
            cited: self.cited.map(Text::into_static),
            span: self.span,
            native: self.native.map(crate::json::Raw::into_static),
        }
    }
}

impl Logprob<'_> {
    /// The same without a lifetime.
    pub fn into_static(self) -> Logprob<'static> {
        Logprob {
            token: self.token.into_static(),
            logprob: self.logprob,
            bytes: self.bytes,
            top: self.top.into_iter().map(Logprob::into_static).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_that_is_played_folds_to_itself() {
        let call = ToolCall { id: "c".into(), name: "f".into(), arguments: "{}".into(), custom: false, cache: None };
        let thinking = Thinking { text: "hm".into(), signature: Some("s".into()), redacted: false };
        let logprobs = vec![Logprob { token: "a".into(), logprob: -0.5, ..Logprob::default() }];
        let parts = vec![Part::Thinking(thinking), Part::text("a"), Part::ToolCall(call)];
        let reply = Reply {
            id: "r".into(),
            model: "m".into(),
            created: Some(1),
            choices: vec![
                Choice { parts, finish: Finish::ToolCalls, logprobs },
                Choice { parts: vec![Part::Refusal("no".into())], finish: Finish::Refusal, logprobs: Vec::new() },
            ],
            usage: Some(Usage { input: 3, output: 4, ..Usage::default() }),
            service_tier: None,
        };
        let mut fold = Fold::default();
        play(&reply, &mut fold);
        assert_eq!(fold.finish(), Ok(reply));
    }

    #[test]
    fn a_stream_without_an_end_broke_off() {
        let mut fold = Fold::default();
        fold.start(&Start::default());
        assert_eq!(fold.finish().unwrap_err().status, 502);
    }
}

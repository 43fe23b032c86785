//! Replies that are translated as a whole.

use ditto_llm::meter::Metered;
use ditto_llm::usage::Usage;

use super::{EVENTS, JSON, Translator, WholeReply, generated};
use crate::client::Client;
use crate::embeddings::{Backend, Form};
use crate::failure::Failure;
use crate::plan::Dialect;
use crate::{chat, cohere, completions, embeddings, gemini, messages, rerank, responses};

/// The code of a reply that cannot be translated.
pub(super) const INVALID_REPLY: &str = "invalid_backend_response";

fn json(body: Vec<u8>) -> WholeReply {
    WholeReply { status: 200, content_type: JSON, body }
}

impl Translator {
    pub(super) fn generated(&mut self, body: &[u8], client: Client, dialect: Dialect) -> WholeReply {
        if !(200..300).contains(&self.status) {
            let failure = generated::read_failure(dialect, self.status, body);
            return self.failed(&failure);
        }
        let Some(reply) = generated::read_reply(dialect, body) else {
            let (failure, usage) = generated::failure_of_success(dialect, body);
            self.metered.usage = usage;
            let unreadable = || Failure { code: Some(INVALID_REPLY.into()), ..Failure::unreadable() };
            return self.failed(&failure.unwrap_or_else(unreadable));
        };
        self.metered = Metered { bytes: body.len() as u64, ..generated::metered_of(&reply) };
        let context = &self.plan.context;
        if context.stream {
            // The backend did not stream although it was asked to; the client still gets what it asked for.
            let mut writer = generated::writer(client, context);
            crate::fold::play(&reply, &mut writer);
            let content_type = if context.json_array { JSON } else { EVENTS };
            return WholeReply { status: 200, content_type, body: std::mem::take(writer.output()) };
        }
        let body = match client {
            Client::Chat => chat::write_reply(&reply, context),
            Client::Completions => completions::write_reply(&reply, context),
            Client::Responses => responses::write_reply(&reply, context),
            Client::Messages => messages::write_reply(&reply, context),
            Client::Gemini => gemini::write_reply(&reply, context),
        };
        WholeReply { status: 200, content_type: JSON, body }
    }

    pub(super) fn counted(&mut self, body: &[u8], client: Client, dialect: Dialect) -> WholeReply {
        let count = if (200..300).contains(&self.status) {
            match dialect {
                Dialect::Gemini => gemini::read_count(body),
                _ => messages::read_count(body),
            }
        } else {
            let failure = generated::read_failure(dialect, self.status, body);
            if !messages::cannot_count(&failure) {
                return self.failed(&failure);
            }
            Some(self.plan.context.input_estimate)
        };
        match (count, client) {
            (Some(count), Client::Messages) => json(messages::write_count(count)),
            (Some(count), _) => json(gemini::write_count(count)),
            (None, _) => self.failed(&Failure::unreadable()),
        }
    }

    pub(super) fn embedded(&mut self, body: &[u8], form: Form, backend: Backend) -> WholeReply {
        if !(200..300).contains(&self.status) {
            let failure = match backend {
                Backend::OpenAi => chat::read_failure(self.status, body),
                Backend::Gemini | Backend::Vertex => gemini::read_failure(self.status, body),
                Backend::Cohere => cohere::read_failure(self.status, body),
            };
            return self.failed(&failure);
        }
        let context = &self.plan.context;
        let embedded = embeddings::read_reply(body, backend);
        let tokens = embedded.as_ref().and_then(|embedded| embedded.tokens);
        let written = embedded
            .and_then(|embedded| embeddings::write_reply(&embedded, form, &context.model, context.input_estimate));
        self.metered.finished = true;
        self.metered.usage = tokens.map(|input| Usage { input, ..Usage::default() });
        match written {
            Some(body) => json(body),
            None => self.failed(&Failure { code: Some(INVALID_REPLY.into()), ..Failure::unreadable() }),
        }
    }

    pub(super) fn ranked(&mut self, body: &[u8]) -> WholeReply {
        if !(200..300).contains(&self.status) {
            let failure = cohere::read_failure(self.status, body);
            return self.failed(&failure);
        }
        let context = &self.plan.context;
        // Tokens are not told, only units of search.
        self.metered.finished = true;
        match rerank::write_reply(body, &context.model, &context.wanted) {
            Some(body) => json(body),
            None => self.failed(&Failure { code: Some(INVALID_REPLY.into()), ..Failure::unreadable() }),
        }
    }

    pub(super) fn failed(&mut self, failure: &Failure) -> WholeReply {
        self.metered.error = true;
        let (status, body) = generated::write_failure(self.plan.form.client(), failure);
        WholeReply { status, content_type: JSON, body }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::ReplyContext;
    use crate::translator::{Mode, ReplyForm, ReplyPlan};

    /// What a chat client gets for this body with status 200.
    fn answered(dialect: Dialect, body: &str) -> (u16, String, Metered) {
        let form = ReplyForm::Generated(Client::Chat, dialect);
        let mut translator = Translator::new(ReplyPlan { form, context: ReplyContext::default(), cap: None });
        assert_eq!(translator.begin(200, Some(b"application/json")), Mode::Whole);
        translator.feed(body.as_bytes(), true);
        let reply = translator.finish();
        (reply.status, String::from_utf8(reply.body).unwrap(), translator.metered())
    }

    #[test]
    fn an_error_that_comes_with_success_keeps_its_words() {
        let chat = r#"{"error":{"message":"Slow down.","code":"rate_limit_exceeded"}}"#;
        let responses = r#"{"id":"r","status":"failed","output":[],"error":{"code":"server_error","message":"Oh."}}"#;
        let gemini = r#"{"candidates":[{"finishReason":"MALFORMED_FUNCTION_CALL","finishMessage":"Bad call."}],
            "usageMetadata":{"promptTokenCount":7,"totalTokenCount":7}}"#;
        let (status, body, _) = answered(Dialect::Chat, chat);
        assert!(status == 429 && body.contains("Slow down."), "{status} {body}");
        let (status, body, _) = answered(Dialect::Responses, responses);
        assert!(status >= 500 && body.contains("Oh."), "{status} {body}");
        let (status, body, metered) = answered(Dialect::Gemini, gemini);
        assert!(status >= 500 && body.contains("MALFORMED_FUNCTION_CALL"), "{status} {body}");
        assert_eq!(metered.usage.map(|usage| usage.input), Some(7));
        assert!(answered(Dialect::Chat, "{}").1.contains(INVALID_REPLY));
    }
}

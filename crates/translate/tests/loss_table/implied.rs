//! Members that ask for what is so anyway, so that nothing can be seen of them in what is sent.

use ditto_translate::client::Client;

use crate::support::requests::Backend;

/// A member of which nothing is seen.
struct Implied {
    client: Option<Client>,
    field: &'static str,
    /// With the backends whose names hold this.
    backend: &'static str,
    why: &'static str,
}

const fn implied_by(client: Client, field: &'static str, backend: &'static str, why: &'static str) -> Implied {
    Implied { client: Some(client), field, backend, why }
}

const KEPT: &str = "Anthropic always keeps to the schema";

const ALWAYS: &str = "schemas are always kept to";
const NO_TOOLS: &str = "it matters only where there are tools";
const LEFT_OUT: &str = "the tools are left out, so that none can be called";

const IMPLIED: &[Implied] = &[
    Implied { client: None, field: "model", backend: "", why: "it chooses the backend, whose own name is written" },
    implied_by(Client::Chat, "response_format.json_schema.strict", "Anthropic", KEPT),
    implied_by(Client::Chat, "response_format.json_schema.strict", "Claude", KEPT),
    implied_by(Client::Responses, "text.format.strict", "Anthropic", KEPT),
    implied_by(Client::Responses, "text.format.strict", "Claude", KEPT),
    implied_by(Client::Messages, "messages.content.tool_use.caller", "", "only the model itself calls tools there"),
    implied_by(Client::Messages, "tools.type", "", "it is what tools are without it"),
    implied_by(Client::Gemini, "systemInstruction.role", "", "instructions have one role"),
    implied_by(Client::Gemini, "generationConfig.thinkingConfig.includeThoughts", "Zhipu", "GLM always shows them"),
    implied_by(Client::Gemini, "generationConfig.thinkingConfig.includeThoughts", "Cohere", "Cohere always shows them"),
    implied_by(Client::Chat, "response_format.json_schema.strict", "Cohere", ALWAYS),
    implied_by(Client::Chat, "response_format.json_schema.strict", "Converse", ALWAYS),
    implied_by(Client::Responses, "text.format.strict", "Cohere", ALWAYS),
    implied_by(Client::Responses, "text.format.strict", "Converse", ALWAYS),
    implied_by(Client::Responses, "parallel_tool_calls", "Cohere", NO_TOOLS),
    implied_by(Client::Responses, "parallel_tool_calls", "Converse", NO_TOOLS),
    implied_by(Client::Chat, "tool_choice.none", "Converse", LEFT_OUT),
    implied_by(Client::Messages, "tool_choice.none", "Converse", LEFT_OUT),
    implied_by(Client::Messages, "thinking.between_tools", "Converse", "models there do not think unless told"),
    implied_by(Client::Messages, "thinking.disabled", "Converse", "models there do not think unless told"),
];

/// Why a member is not seen in what is sent to a backend.
pub(crate) fn implied(client: Client, field: &str, backend: &Backend) -> Option<String> {
    let is_it = |entry: &&Implied| {
        entry.client.is_none_or(|only| only == client) && entry.field == field && backend.name.contains(entry.backend)
    };
    IMPLIED.iter().find(is_it).map(|entry| entry.why.to_owned())
}

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
];

/// Why a member is not seen in what is sent to a backend.
pub(crate) fn implied(client: Client, field: &str, backend: &Backend) -> Option<String> {
    let is_it = |entry: &&Implied| {
        entry.client.is_none_or(|only| only == client) && entry.field == field && backend.name.contains(entry.backend)
    };
    IMPLIED.iter().find(is_it).map(|entry| entry.why.to_owned())
}

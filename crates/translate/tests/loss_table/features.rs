//! The README's table: what each backend gets of what clients can ask for, in one line for each feature.

use std::fmt::Write;

use ditto_translate::client::Client;

use crate::cell::{Cell, Judge};
use crate::support::requests::{BACKENDS, fields};

/// A feature, and the members that stand for it in the dialects that have it.
type Feature = (&'static str, &'static [(Client, &'static str)]);

const FEATURES: [Feature; 16] = [
    (
        "Text",
        &[
            (Client::Chat, "messages.content.text"),
            (Client::Responses, "input.content.input_text"),
            (Client::Messages, "messages.content.text"),
            (Client::Gemini, "contents.parts.text"),
        ],
    ),
    (
        "Pictures in the request",
        &[
            (Client::Chat, "messages.content.image_url"),
            (Client::Responses, "input.content.input_image.data"),
            (Client::Messages, "messages.content.image.source.base64"),
            (Client::Gemini, "contents.parts.inlineData"),
        ],
    ),
    (
        "Pictures by address",
        &[
            (Client::Chat, "messages.content.image_url.url"),
            (Client::Responses, "input.content.input_image.image_url"),
            (Client::Messages, "messages.content.image.source.url"),
        ],
    ),
    (
        "Documents",
        &[
            (Client::Chat, "messages.content.file"),
            (Client::Responses, "input.content.input_file.file_data"),
            (Client::Messages, "messages.content.document.source.base64"),
        ],
    ),
    ("Audio", &[(Client::Chat, "messages.content.input_audio"), (Client::Responses, "input.content.input_audio")]),
    (
        "Tools",
        &[
            (Client::Chat, "tools.function"),
            (Client::Responses, "tools.function"),
            (Client::Messages, "tools.input_schema"),
            (Client::Gemini, "tools.functionDeclarations.parameters"),
        ],
    ),
    (
        "Calls of tools and their results",
        &[
            (Client::Chat, "messages.tool_calls"),
            (Client::Responses, "input.function_call"),
            (Client::Responses, "input.function_call_output"),
            (Client::Messages, "messages.content.tool_use"),
            (Client::Messages, "messages.content.tool_result.content"),
            (Client::Gemini, "contents.parts.functionCall.args"),
            (Client::Gemini, "contents.parts.functionResponse.response"),
        ],
    ),
    (
        "A tool that must be called",
        &[
            (Client::Chat, "tool_choice.function"),
            (Client::Responses, "tool_choice.function"),
            (Client::Messages, "tool_choice.tool"),
            (Client::Gemini, "toolConfig.functionCallingConfig.allowedFunctionNames"),
        ],
    ),
    (
        "Thinking, how much",
        &[
            (Client::Chat, "reasoning_effort"),
            (Client::Responses, "reasoning.effort"),
            (Client::Messages, "thinking.enabled"),
            (Client::Gemini, "generationConfig.thinkingConfig.thinkingBudget"),
        ],
    ),
    (
        "A schema for the answer",
        &[
            (Client::Chat, "response_format.json_schema"),
            (Client::Responses, "text.format.json_schema"),
            (Client::Messages, "output_config.format"),
            (Client::Gemini, "generationConfig.responseJsonSchema"),
        ],
    ),
    (
        "Stop sequences",
        &[
            (Client::Chat, "stop"),
            (Client::Messages, "stop_sequences"),
            (Client::Gemini, "generationConfig.stopSequences"),
        ],
    ),
    ("Probabilities of tokens", &[(Client::Chat, "logprobs"), (Client::Gemini, "generationConfig.responseLogprobs")]),
    ("Seed", &[(Client::Chat, "seed"), (Client::Gemini, "generationConfig.seed")]),
    ("Penalties", &[(Client::Chat, "frequency_penalty"), (Client::Gemini, "generationConfig.frequencyPenalty")]),
    (
        "Marks for the cache",
        &[(Client::Chat, "messages.content.cache_control"), (Client::Messages, "messages.content.text.cache_control")],
    ),
    ("Several choices", &[(Client::Chat, "n"), (Client::Gemini, "generationConfig.candidateCount")]),
];

/// What becomes of a feature.
fn sign(cell: &Cell) -> char {
    match cell {
        Cell::Passes | Cell::Mapped(_) | Cell::Implied(_) => '✓',
        Cell::Dropped(_) | Cell::Silent => '–',
        Cell::Refused(_) | Cell::Impossible(_) => '✗',
    }
}

/// The table, in Markdown.
///
/// # Panics
/// A member that stands for a feature is none of its dialect.
pub(crate) fn table() -> String {
    let names = BACKENDS.iter().map(|backend| backend.name);
    let mut text = format!("| | {} |\n", names.collect::<Vec<_>>().join(" | "));
    let _ = writeln!(text, "| --- |{}", " --- |".repeat(BACKENDS.len()));
    for (feature, members) in FEATURES {
        let _ = write!(text, "| {feature} |");
        for backend in BACKENDS {
            let mut signs = Vec::new();
            for (client, member) in members {
                let (base, all) = fields(*client);
                let judge = Judge::new(*client, backend, base);
                let before = signs.len();
                signs.extend(all.iter().filter(|field| field.name == *member).map(|field| sign(&judge.cell(field))));
                assert!(signs.len() > before, "{member} is no member of {client:?}");
            }
            signs.dedup();
            let sign = if let [sign] = signs.as_slice() { *sign } else { '◐' };
            let _ = write!(text, " {sign} |");
        }
        text.push('\n');
    }
    text
}

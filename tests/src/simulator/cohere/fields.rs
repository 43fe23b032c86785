//! The fields of Cohere's requests.
//!
//! <https://docs.cohere.com/reference/chat>, <https://docs.cohere.com/reference/embed> and
//! <https://docs.cohere.com/reference/rerank> (seen 2026-11).

use super::super::fields::Kind::{Any, Flag, Integer, List, Message as Of, Number, Struct, Text, TextOr, Word};
use super::super::fields::{Kind, Message};

static IMAGE: Message =
    Message::new("image_url", &[("url", Text), ("detail", Word(&["auto", "low", "high"]))]).required(&["url"]);
static DOCUMENT: Message = Message::new("document", &[("data", Struct), ("id", Text)]).required(&["data"]);
static PART: Message = Message::new(
    "content",
    &[
        ("type", Word(&["text", "image_url", "document", "thinking"])),
        ("text", Text),
        ("image_url", Of(&IMAGE)),
        ("document", Of(&DOCUMENT)),
        ("thinking", Text),
    ],
)
.required(&["type"]);
const CONTENT: Kind = TextOr(&List(&Of(&PART)));
static CALL_FUNCTION: Message =
    Message::new("function", &[("name", Text), ("arguments", Text)]).required(&["name", "arguments"]);
static CALL: Message =
    Message::new("tool_calls", &[("id", Text), ("type", Word(&["function"])), ("function", Of(&CALL_FUNCTION))])
        .required(&["id", "type", "function"]);
static MESSAGE: Message = Message::new(
    "messages",
    &[
        ("role", Word(&["user", "assistant", "system", "tool"])),
        ("content", CONTENT),
        ("tool_calls", List(&Of(&CALL))),
        ("tool_plan", Text),
        ("tool_call_id", Text),
        ("citations", List(&Any)),
    ],
)
.required(&["role"]);
static FUNCTION: Message = Message::new("function", &[("name", Text), ("description", Text), ("parameters", Struct)])
    .required(&["name", "parameters"]);
static TOOL: Message = Message::new("tools", &[("type", Word(&["function"])), ("function", Of(&FUNCTION))])
    .required(&["type", "function"]);
static FORMAT: Message =
    Message::new("response_format", &[("type", Word(&["text", "json_object"])), ("json_schema", Struct)])
        .required(&["type"]);
static CITING: Message =
    Message::new("citation_options", &[("mode", Word(&["ENABLED", "DISABLED", "FAST", "ACCURATE", "OFF"]))]);
static THINKING: Message =
    Message::new("thinking", &[("type", Word(&["enabled", "disabled"])), ("token_budget", Integer)])
        .required(&["type"]);

pub(super) static CHAT: Message = Message::new(
    "chat",
    &[
        ("stream", Flag),
        ("model", Text),
        ("messages", List(&Of(&MESSAGE))),
        ("tools", List(&Of(&TOOL))),
        ("strict_tools", Flag),
        ("tool_choice", Word(&["REQUIRED", "NONE"])),
        ("documents", List(&TextOr(&Of(&DOCUMENT)))),
        ("citation_options", Of(&CITING)),
        ("response_format", Of(&FORMAT)),
        ("safety_mode", Word(&["CONTEXTUAL", "STRICT", "OFF"])),
        ("max_tokens", Integer),
        ("stop_sequences", List(&Text)),
        ("temperature", Number),
        ("seed", Integer),
        ("frequency_penalty", Number),
        ("presence_penalty", Number),
        ("k", Integer),
        ("p", Number),
        ("logprobs", Flag),
        ("thinking", Of(&THINKING)),
        ("priority", Integer),
    ],
)
.required(&["model", "messages"]);

static INPUT: Message = Message::new("inputs", &[("content", List(&Of(&PART)))]).required(&["content"]);
pub(super) static EMBED: Message = Message::new(
    "embed",
    &[
        ("model", Text),
        ("input_type", Word(&["search_document", "search_query", "classification", "clustering", "image"])),
        ("texts", List(&Text)),
        ("images", List(&Text)),
        ("inputs", List(&Of(&INPUT))),
        ("embedding_types", List(&Word(&["float", "int8", "uint8", "binary", "ubinary", "base64"]))),
        ("output_dimension", Integer),
        ("max_tokens", Integer),
        ("truncate", Word(&["NONE", "START", "END"])),
        ("priority", Integer),
    ],
)
.required(&["model", "input_type"]);

pub(super) static RERANK: Message = Message::new(
    "rerank",
    &[
        ("model", Text),
        ("query", Text),
        ("documents", List(&Text)),
        ("top_n", Integer),
        ("max_tokens_per_doc", Integer),
        ("relevant_spans", Struct),
        ("priority", Integer),
    ],
)
.required(&["model", "query", "documents"]);

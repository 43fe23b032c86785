//! The fields of a Converse request.
//!
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html> and the service model that AWS
//! publishes with its SDKs (seen 2026-11).

use super::super::fields::Kind::{Any, Bytes, Flag, Integer, List, Map, Message as Of, Number, Struct, Text, Word};
use super::super::fields::{Kind, Message};

static S3: Message = Message::new("S3Location", &[("uri", Text), ("bucketOwner", Text)]).required(&["uri"]);
static SOURCE: Message =
    Message::new("Source", &[("bytes", Bytes), ("s3Location", Of(&S3))]).one_of(&["bytes", "s3Location"]);
static IMAGE: Message =
    Message::new("ImageBlock", &[("format", Word(&["png", "jpeg", "gif", "webp"])), ("source", Of(&SOURCE))])
        .required(&["format", "source"]);
static VIDEO: Message = Message::new(
    "VideoBlock",
    &[
        ("format", Word(&["mkv", "mov", "mp4", "webm", "flv", "mpeg", "mpg", "wmv", "three_gp"])),
        ("source", Of(&SOURCE)),
    ],
)
.required(&["format", "source"]);
static AUDIO: Message =
    Message::new("AudioBlock", &[("format", Text), ("source", Of(&SOURCE))]).required(&["format", "source"]);
static TEXT: Message = Message::new("TextBlock", &[("text", Text)]).required(&["text"]);
static DOCUMENT_SOURCE: Message = Message::new(
    "DocumentSource",
    &[("bytes", Bytes), ("s3Location", Of(&S3)), ("text", Text), ("content", List(&Of(&TEXT)))],
)
.one_of(&["bytes", "s3Location", "text", "content"]);
static CITING: Message = Message::new("CitationsConfig", &[("enabled", Flag)]).required(&["enabled"]);
static DOCUMENT: Message = Message::new(
    "DocumentBlock",
    &[
        ("format", Word(&["pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md"])),
        ("name", Text),
        ("source", Of(&DOCUMENT_SOURCE)),
        ("context", Text),
        ("citations", Of(&CITING)),
    ],
)
.required(&["name", "source"]);
static USE: Message =
    Message::new("ToolUseBlock", &[("toolUseId", Text), ("name", Text), ("input", Any), ("type", Text)]).required(&[
        "toolUseId",
        "name",
        "input",
    ]);
static SEARCH: Message = Message::new(
    "SearchResultBlock",
    &[("source", Text), ("title", Text), ("content", List(&Of(&TEXT))), ("citations", Of(&CITING))],
)
.required(&["source", "title", "content"]);

/// What a tool's result can hold.
const RESULT_KINDS: &[&str] = &["json", "text", "image", "document", "video", "searchResult"];
static RESULT_CONTENT: Message = Message::new(
    "ToolResultContentBlock",
    &[
        ("json", Any),
        ("text", Text),
        ("image", Of(&IMAGE)),
        ("document", Of(&DOCUMENT)),
        ("video", Of(&VIDEO)),
        ("searchResult", Of(&SEARCH)),
    ],
)
.one_of(RESULT_KINDS);
static RESULT: Message = Message::new(
    "ToolResultBlock",
    &[
        ("toolUseId", Text),
        ("content", List(&Of(&RESULT_CONTENT))),
        ("status", Word(&["success", "error"])),
        ("type", Text),
    ],
)
.required(&["toolUseId", "content"]);
static THOUGHT_TEXT: Message =
    Message::new("ReasoningTextBlock", &[("text", Text), ("signature", Text)]).required(&["text"]);
static THOUGHT: Message =
    Message::new("ReasoningContentBlock", &[("reasoningText", Of(&THOUGHT_TEXT)), ("redactedContent", Bytes)])
        .one_of(&["reasoningText", "redactedContent"]);
static CACHE: Message =
    Message::new("CachePointBlock", &[("type", Word(&["default"])), ("ttl", Word(&["5m", "1h"]))]).required(&["type"]);

/// What a piece of a message can be.
const BLOCK_KINDS: &[&str] = &[
    "text",
    "image",
    "document",
    "video",
    "audio",
    "toolUse",
    "toolResult",
    "guardContent",
    "cachePoint",
    "reasoningContent",
    "citationsContent",
    "searchResult",
];
static BLOCK: Message = Message::new(
    "ContentBlock",
    &[
        ("text", Text),
        ("image", Of(&IMAGE)),
        ("document", Of(&DOCUMENT)),
        ("video", Of(&VIDEO)),
        ("audio", Of(&AUDIO)),
        ("toolUse", Of(&USE)),
        ("toolResult", Of(&RESULT)),
        ("guardContent", Struct),
        ("cachePoint", Of(&CACHE)),
        ("reasoningContent", Of(&THOUGHT)),
        ("citationsContent", Struct),
        ("searchResult", Of(&SEARCH)),
    ],
)
.one_of(BLOCK_KINDS);
static MESSAGE: Message =
    Message::new("Message", &[("role", Word(&["user", "assistant"])), ("content", List(&Of(&BLOCK)))])
        .required(&["role", "content"]);
static SYSTEM: Message =
    Message::new("SystemContentBlock", &[("text", Text), ("guardContent", Struct), ("cachePoint", Of(&CACHE))])
        .one_of(&["text", "guardContent", "cachePoint"]);

static SCHEMA: Message = Message::new("ToolInputSchema", &[("json", Struct)]).one_of(&["json"]);
static SPECIFICATION: Message = Message::new(
    "ToolSpecification",
    &[("name", Text), ("description", Text), ("inputSchema", Of(&SCHEMA)), ("strict", Flag)],
)
.required(&["name", "inputSchema"]);
static NAMED: Message = Message::new("NamedTool", &[("name", Text)]).required(&["name"]);
static TOOL: Message =
    Message::new("Tool", &[("toolSpec", Of(&SPECIFICATION)), ("systemTool", Of(&NAMED)), ("cachePoint", Of(&CACHE))])
        .one_of(&["toolSpec", "systemTool", "cachePoint"]);
static EMPTY: Message = Message::new("Empty", &[]);
static CHOICE: Message = Message::new("ToolChoice", &[("auto", Of(&EMPTY)), ("any", Of(&EMPTY)), ("tool", Of(&NAMED))])
    .one_of(&["auto", "any", "tool"]);
static TOOLS: Message =
    Message::new("ToolConfiguration", &[("tools", List(&Of(&TOOL))), ("toolChoice", Of(&CHOICE))]).required(&["tools"]);
static INFERENCE: Message = Message::new(
    "InferenceConfiguration",
    &[("maxTokens", Integer), ("temperature", Number), ("topP", Number), ("stopSequences", List(&Text))],
);
static JSON_SCHEMA: Message =
    Message::new("JsonSchemaDefinition", &[("schema", Text), ("name", Text), ("description", Text)])
        .required(&["schema"]);
static STRUCTURE: Message =
    Message::new("OutputFormatStructure", &[("jsonSchema", Of(&JSON_SCHEMA))]).one_of(&["jsonSchema"]);
static FORMAT: Message =
    Message::new("OutputFormat", &[("type", Word(&["json_schema"])), ("structure", Of(&STRUCTURE))])
        .required(&["type", "structure"]);
static OUTPUT: Message = Message::new("OutputConfig", &[("textFormat", Of(&FORMAT)), ("effort", Text)]);
const LATENCIES: Kind = Word(&["standard", "optimized"]);
static PERFORMANCE: Message = Message::new("PerformanceConfiguration", &[("latency", LATENCIES)]);
static TIER: Message =
    Message::new("ServiceTier", &[("type", Word(&["priority", "default", "flex", "reserved"]))]).required(&["type"]);

pub(super) static CONVERSE: Message = Message::new(
    "ConverseRequest",
    &[
        ("messages", List(&Of(&MESSAGE))),
        ("system", List(&Of(&SYSTEM))),
        ("inferenceConfig", Of(&INFERENCE)),
        ("toolConfig", Of(&TOOLS)),
        ("guardrailConfig", Struct),
        ("additionalModelRequestFields", Struct),
        ("additionalModelResponseFieldPaths", List(&Text)),
        ("promptVariables", Map(&Of(&TEXT))),
        ("requestMetadata", Map(&Text)),
        ("performanceConfig", Of(&PERFORMANCE)),
        ("serviceTier", Of(&TIER)),
        ("outputConfig", Of(&OUTPUT)),
    ],
)
.required(&["messages"]);

static INVOKE_INPUT: Message = Message::new("InvokeModelTokensRequest", &[("body", Bytes)]).required(&["body"]);
static COUNT_INPUT: Message =
    Message::new("CountTokensInput", &[("invokeModel", Of(&INVOKE_INPUT)), ("converse", Of(&CONVERSE))])
        .one_of(&["invokeModel", "converse"]);
pub(super) static COUNT: Message =
    Message::new("CountTokensRequest", &[("input", Of(&COUNT_INPUT))]).required(&["input"]);

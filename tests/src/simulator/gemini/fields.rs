//! The fields of the Gemini API, as `google.ai.generativelanguage.v1beta` has them.
//!
//! <https://ai.google.dev/api/generate-content> and <https://ai.google.dev/api/caching> (seen 2026-11). Vertex differs
//! in a few: see [`super::super::vertex`].

use super::super::fields::Kind::{Any, Bytes, Flag, Integer, List, Map, Message as Of, Number, Struct, Text, Word};
use super::super::fields::{Kind, Message};

const TYPES: Kind = Word(&["TYPE_UNSPECIFIED", "STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL"]);
const CATEGORIES: Kind = Word(&[
    "HARM_CATEGORY_UNSPECIFIED",
    "HARM_CATEGORY_HARASSMENT",
    "HARM_CATEGORY_HATE_SPEECH",
    "HARM_CATEGORY_SEXUALLY_EXPLICIT",
    "HARM_CATEGORY_DANGEROUS_CONTENT",
    "HARM_CATEGORY_CIVIC_INTEGRITY",
]);
const THRESHOLDS: Kind = Word(&[
    "HARM_BLOCK_THRESHOLD_UNSPECIFIED",
    "BLOCK_LOW_AND_ABOVE",
    "BLOCK_MEDIUM_AND_ABOVE",
    "BLOCK_ONLY_HIGH",
    "BLOCK_NONE",
    "OFF",
]);
const RESOLUTIONS: Kind = Word(&[
    "MEDIA_RESOLUTION_UNSPECIFIED",
    "MEDIA_RESOLUTION_LOW",
    "MEDIA_RESOLUTION_MEDIUM",
    "MEDIA_RESOLUTION_HIGH",
    "MEDIA_RESOLUTION_ULTRA_HIGH",
]);

/// A schema of the OpenAPI subset: what a function takes, or what a reply has to look like.
pub(in super::super) static SCHEMA: Message = Message::new(
    "Schema",
    &[
        ("type", TYPES),
        ("format", Text),
        ("title", Text),
        ("description", Text),
        ("nullable", Flag),
        ("enum", List(&Text)),
        ("max_items", Integer),
        ("min_items", Integer),
        ("properties", Map(&Of(&SCHEMA))),
        ("required", List(&Text)),
        ("min_properties", Integer),
        ("max_properties", Integer),
        ("min_length", Integer),
        ("max_length", Integer),
        ("pattern", Text),
        ("example", Any),
        ("any_of", List(&Of(&SCHEMA))),
        ("property_ordering", List(&Text)),
        ("default", Any),
        ("items", Of(&SCHEMA)),
        ("minimum", Number),
        ("maximum", Number),
    ],
);

pub(in super::super) static BLOB: Message = Message::new("Blob", &[("mime_type", Text), ("data", Bytes)]);
pub(in super::super) static FILE: Message = Message::new("FileData", &[("mime_type", Text), ("file_uri", Text)]);
pub(in super::super) static CALL: Message =
    Message::new("FunctionCall", &[("id", Text), ("name", Text), ("args", Struct)]);
static RESPONSE_PART: Message =
    Message::new("FunctionResponsePart", &[("inline_data", Of(&BLOB)), ("file_data", Of(&FILE))]);
pub(in super::super) static RESPONSE: Message = Message::new(
    "FunctionResponse",
    &[
        ("id", Text),
        ("name", Text),
        ("response", Struct),
        ("parts", List(&Of(&RESPONSE_PART))),
        ("will_continue", Flag),
        ("scheduling", Word(&["SCHEDULING_UNSPECIFIED", "SILENT", "WHEN_IDLE", "INTERRUPT"])),
    ],
);
static CODE: Message = Message::new(
    "ExecutableCode",
    &[("id", Text), ("language", Word(&["LANGUAGE_UNSPECIFIED", "PYTHON"])), ("code", Text)],
);
static CODE_RESULT: Message = Message::new(
    "CodeExecutionResult",
    &[
        ("id", Text),
        ("outcome", Word(&["OUTCOME_UNSPECIFIED", "OUTCOME_OK", "OUTCOME_FAILED", "OUTCOME_DEADLINE_EXCEEDED"])),
        ("output", Text),
    ],
);
static VIDEO: Message = Message::new("VideoMetadata", &[("start_offset", Text), ("end_offset", Text), ("fps", Number)]);
static PART_RESOLUTION: Message = Message::new("MediaResolution", &[("level", RESOLUTIONS)]);
static TOOL_CALL: Message = Message::new("ToolCall", &[("id", Text), ("tool_type", Text), ("args", Struct)]);
static TOOL_RESPONSE: Message =
    Message::new("ToolResponse", &[("id", Text), ("tool_type", Text), ("response", Struct)]);

/// The names of what a part can be; it is one of them.
pub(in super::super) const PART_DATA: &[&str] = &[
    "text",
    "inline_data",
    "function_call",
    "function_response",
    "file_data",
    "executable_code",
    "code_execution_result",
    "tool_call",
    "tool_response",
];

pub(in super::super) static PART: Message = Message::new(
    "Part",
    &[
        ("text", Text),
        ("thought", Flag),
        ("thought_signature", Bytes),
        ("inline_data", Of(&BLOB)),
        ("file_data", Of(&FILE)),
        ("function_call", Of(&CALL)),
        ("function_response", Of(&RESPONSE)),
        ("executable_code", Of(&CODE)),
        ("code_execution_result", Of(&CODE_RESULT)),
        ("video_metadata", Of(&VIDEO)),
        ("media_resolution", Of(&PART_RESOLUTION)),
        ("part_metadata", Struct),
        ("tool_call", Of(&TOOL_CALL)),
        ("tool_response", Of(&TOOL_RESPONSE)),
    ],
);
pub(in super::super) static CONTENT: Message = Message::new("Content", &[("role", Text), ("parts", List(&Of(&PART)))]);

static DECLARATION: Message = Message::new(
    "FunctionDeclaration",
    &[
        ("name", Text),
        ("description", Text),
        ("behavior", Word(&["UNSPECIFIED", "BLOCKING", "NON_BLOCKING"])),
        ("parameters", Of(&SCHEMA)),
        ("parameters_json_schema", Any),
        ("response", Of(&SCHEMA)),
        ("response_json_schema", Any),
    ],
);
static TOOL: Message = Message::new(
    "Tool",
    &[
        ("function_declarations", List(&Of(&DECLARATION))),
        ("google_search", Struct),
        ("google_search_retrieval", Struct),
        ("google_maps", Struct),
        ("code_execution", Struct),
        ("url_context", Struct),
        ("computer_use", Struct),
        ("file_search", Struct),
        ("mcp_servers", List(&Struct)),
    ],
);
static CALLING: Message = Message::new(
    "FunctionCallingConfig",
    &[
        ("mode", Word(&["MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED"])),
        ("allowed_function_names", List(&Text)),
    ],
);
pub(in super::super) static TOOL_CONFIG: Message = Message::new(
    "ToolConfig",
    &[
        ("function_calling_config", Of(&CALLING)),
        ("retrieval_config", Struct),
        ("include_server_side_tool_invocations", Flag),
    ],
);
pub(in super::super) static SAFETY: Message =
    Message::new("SafetySetting", &[("category", CATEGORIES), ("threshold", THRESHOLDS)]);
pub(in super::super) static THINKING: Message = Message::new(
    "ThinkingConfig",
    &[
        ("include_thoughts", Flag),
        ("thinking_budget", Integer),
        ("thinking_level", Word(&["THINKING_LEVEL_UNSPECIFIED", "MINIMAL", "LOW", "MEDIUM", "HIGH"])),
    ],
);
static GENERATION: Message = Message::new(
    "GenerationConfig",
    &[
        ("candidate_count", Integer),
        ("stop_sequences", List(&Text)),
        ("max_output_tokens", Integer),
        ("temperature", Number),
        ("top_p", Number),
        ("top_k", Integer),
        ("seed", Integer),
        ("response_mime_type", Text),
        ("response_schema", Of(&SCHEMA)),
        ("response_json_schema", Any),
        ("_response_json_schema", Any),
        ("presence_penalty", Number),
        ("frequency_penalty", Number),
        ("response_logprobs", Flag),
        ("logprobs", Integer),
        ("enable_enhanced_civic_answers", Flag),
        ("response_modalities", List(&Word(&["MODALITY_UNSPECIFIED", "TEXT", "IMAGE", "AUDIO", "VIDEO"]))),
        ("speech_config", Struct),
        ("thinking_config", Of(&THINKING)),
        ("image_config", Struct),
        ("media_resolution", RESOLUTIONS),
        ("response_format", List(&Struct)),
    ],
);

pub(super) static GENERATE: Message = Message::new(
    "GenerateContentRequest",
    &[
        ("model", Text),
        ("contents", List(&Of(&CONTENT))),
        ("system_instruction", Of(&CONTENT)),
        ("tools", List(&Of(&TOOL))),
        ("tool_config", Of(&TOOL_CONFIG)),
        ("safety_settings", List(&Of(&SAFETY))),
        ("generation_config", Of(&GENERATION)),
        ("cached_content", Text),
        ("service_tier", Word(&["unspecified", "standard", "flex", "priority"])),
        ("store", Flag),
    ],
);
pub(super) static COUNT: Message = Message::new(
    "CountTokensRequest",
    &[("model", Text), ("contents", List(&Of(&CONTENT))), ("generate_content_request", Of(&GENERATE))],
);
pub(super) static EMBED: Message = Message::new(
    "EmbedContentRequest",
    &[
        ("model", Text),
        ("content", Of(&CONTENT)),
        (
            "task_type",
            Word(&[
                "TASK_TYPE_UNSPECIFIED",
                "RETRIEVAL_QUERY",
                "RETRIEVAL_DOCUMENT",
                "SEMANTIC_SIMILARITY",
                "CLASSIFICATION",
                "CLUSTERING",
                "QUESTION_ANSWERING",
                "FACT_VERIFICATION",
                "CODE_RETRIEVAL_QUERY",
            ]),
        ),
        ("title", Text),
        ("output_dimensionality", Integer),
    ],
);
pub(super) static BATCH: Message = Message::new("BatchEmbedContentsRequest", &[("requests", List(&Of(&EMBED)))]);

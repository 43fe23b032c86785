//! Gemini's requests: <https://ai.google.dev/api/generate-content> (seen 2026-11). Each name may be written in either
//! case, as JSON of protocol buffers allows.

use super::Node;
use crate::scan::Field;

/// The node of a member of the body.
pub(super) fn top_level(name: &[u8]) -> Node {
    match name {
        // Gemini CLI's envelope.
        b"request" => Node::Field(Field::Request),
        // Counting tokens takes a whole request too.
        b"generateContentRequest" | b"generate_content_request" => Node::GeminiRequest,
        // Of many texts to embed, each one's request.
        b"requests" => Node::EmbedRequests,
        _ => request(name),
    }
}

/// The node of a member of the request proper.
pub(super) fn request(name: &[u8]) -> Node {
    match name {
        b"model" => Node::Field(Field::Model),
        b"contents" | b"content" | b"systemInstruction" | b"system_instruction" => Node::Contents,
        b"generationConfig" | b"generation_config" => Node::Field(Field::GenerationConfig),
        b"tools" => Node::GeminiTools,
        b"serviceTier" | b"service_tier" => Node::Field(Field::ServiceTier),
        b"cachedContent" | b"cached_content" => Node::Refers,
        _ => Node::Skip,
    }
}

/// The node of a member of one request to embed. Its model is the path's.
pub(super) fn embed_request(name: &[u8]) -> Node {
    match name {
        b"content" => Node::Contents,
        b"title" => Node::Text,
        _ => Node::Skip,
    }
}

/// The node of a member of `generationConfig`.
pub(super) fn generation_config(name: &[u8]) -> Node {
    match name {
        b"maxOutputTokens" | b"max_output_tokens" => Node::Field(Field::MaxOutputTokens),
        b"candidateCount" | b"candidate_count" => Node::Field(Field::CandidateCount),
        b"responseSchema"
        | b"response_schema"
        | b"responseJsonSchema"
        | b"response_json_schema"
        | b"_responseJsonSchema" => Node::Schema,
        _ => Node::Skip,
    }
}

/// The node of a member of one of `contents`.
pub(super) fn content(name: &[u8]) -> Node {
    match name {
        b"parts" => Node::Parts,
        _ => Node::Text,
    }
}

/// The node of a member of a part. What is not known may stand for anything.
pub(super) fn part(name: &[u8]) -> Node {
    match name {
        b"text" | b"executableCode" | b"executable_code" | b"codeExecutionResult" | b"code_execution_result" => {
            Node::Text
        }
        b"functionCall" | b"function_call" | b"functionResponse" | b"function_response" => Node::FunctionPart,
        b"inlineData" | b"inline_data" | b"fileData" | b"file_data" => Node::Attachment,
        // How a picture or video is to be seen, and what no model reads.
        b"thought" | b"thoughtSignature" | b"thought_signature" | b"videoMetadata" | b"video_metadata"
        | b"mediaResolution" | b"media_resolution" | b"partMetadata" | b"part_metadata" => Node::Skip,
        _ => Node::Refers,
    }
}

/// The node of a member of a function's call or response.
pub(super) fn function_part(name: &[u8]) -> Node {
    match name {
        b"args" | b"response" => Node::Arguments,
        b"parts" => Node::Parts,
        b"name" => Node::Text,
        _ => Node::Skip,
    }
}

/// The node of a member of a tool. All but declarations are run by the provider.
pub(super) fn tool(name: &[u8]) -> Node {
    match name {
        b"functionDeclarations" | b"function_declarations" => Node::Declarations,
        _ => Node::Refers,
    }
}

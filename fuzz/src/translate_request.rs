use ditto_llm::endpoint::Endpoint;
use ditto_translate::plan::Provider;
use ditto_translate::prepare::{Aim, Call, Prepared, Unprepared, prepare};
use serde_json::Value;

/// Two letters and a body: the client, and the backend. What is sent is JSON with a path and a header that can be sent;
/// what is sent without losses is also sent when they are allowed.
pub fn translate_request(bytes: &[u8]) {
    let Some((&[client, backend], body)) = bytes.split_first_chunk::<2>() else { return };
    let (endpoint, path) = endpoint_of(client);
    let (provider, model) = backend_of(backend);
    let call = Call {
        endpoint,
        path,
        body,
        edits: &[],
        beta: None,
        model: "m",
        request_id: "r",
        now_seconds: 1,
        input_estimate: 1,
    };
    let strict = send(&call, provider, model, false);
    let lossy = send(&call, provider, model, true);
    if strict.is_ok() {
        assert_eq!(strict, lossy, "allowing losses changes only what they are about");
    }
}

/// The path and the body, or the field that is refused.
fn send(
    call: &Call<'_>,
    provider: Provider<'static>,
    model: &'static str,
    lossy: bool,
) -> Result<(String, Vec<u8>), String> {
    let aim = Aim {
        provider,
        model,
        no_responses: true,
        strict: false,
        lossy,
        cap: None,
        counts: true,
        default_max_output: 64,
    };
    match prepare(call, &aim) {
        Ok(Prepared::Send(sending)) => {
            let outgoing = sending.outgoing;
            assert!(outgoing.path.bytes().all(|byte| byte.is_ascii_graphic()), "{}", outgoing.path);
            let names = sending.dropped.unwrap_or_default();
            assert!(names.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()), "{names}");
            // A body that passes under another path is as good as the client made it.
            let is_translated = serde_json::from_slice::<Value>(call.body).is_ok();
            assert!(!is_translated || serde_json::from_slice::<Value>(&outgoing.body).is_ok(), "{outgoing:?}");
            Ok((outgoing.path, outgoing.body))
        }
        Ok(Prepared::Pass { .. } | Prepared::Answer(_)) => Err(String::new()),
        Err(Unprepared::Refused(refusal)) => {
            assert!(!refusal.message.is_empty(), "a refusal says why");
            Err(refusal.field)
        }
        Err(Unprepared::Unsupported) => Err(String::new()),
    }
}

fn endpoint_of(letter: u8) -> (Endpoint, &'static str) {
    match letter {
        b'p' => (Endpoint::Completions, "/v1/completions"),
        b'r' => (Endpoint::Responses, "/v1/responses"),
        b'm' => (Endpoint::Messages, "/v1/messages"),
        b'k' => (Endpoint::CountTokens, "/v1/messages/count_tokens"),
        b'g' => (Endpoint::GenerateContent, "/v1beta/models/m:generateContent"),
        b's' => (Endpoint::StreamGenerateContent, "/v1beta/models/m:streamGenerateContent?alt=sse"),
        b't' => (Endpoint::GeminiCountTokens, "/v1beta/models/m:countTokens"),
        b'i' => (Endpoint::GenerateContent, "/v1internal:generateContent"),
        b'e' => (Endpoint::Embeddings, "/v1/embeddings"),
        b'b' => (Endpoint::GeminiEmbed, "/v1beta/models/m:embedContent"),
        b'd' => (Endpoint::Rerank, "/v1/rerank"),
        _ => (Endpoint::ChatCompletions, "/v1/chat/completions"),
    }
}

fn backend_of(letter: u8) -> (Provider<'static>, &'static str) {
    let vertex = Provider::Vertex { project: "p", location: "global" };
    match letter {
        b'o' => (Provider::OpenAi, "gpt-5.2"),
        b'u' => (Provider::Azure { deployments: true }, "gpt-4o"),
        b'z' => (Provider::Zhipu, "glm-4.6"),
        b'r' => (Provider::Responses, "gpt-5.2"),
        b'm' => (Provider::Anthropic, "claude-sonnet-4-5"),
        b'v' => (vertex, "claude-sonnet-4-5"),
        b'a' => (Provider::Bedrock, "anthropic.claude-sonnet-4-5-20250929-v1:0"),
        b'n' => (Provider::Bedrock, "amazon.nova-pro-v1:0"),
        b'g' => (Provider::Gemini, "gemini-2.5-pro"),
        b'x' => (vertex, "gemini-3-pro"),
        b'h' => (Provider::Cohere, "command-a-03-2025"),
        _ => (Provider::Chat, "qwen3-32b"),
    }
}

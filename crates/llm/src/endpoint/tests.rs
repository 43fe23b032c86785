//! Paths, and the models in them.

use proptest::prelude::*;

use super::*;
use crate::dialect::Dialect;
use crate::scan::MODEL_BYTES_MAX;

#[test]
fn the_path_names_the_endpoint() {
    for (path, endpoint) in [
        ("/v1/chat/completions", Endpoint::ChatCompletions),
        ("/v1/rerank?x=1", Endpoint::Rerank),
        ("/v1/messages?beta=true", Endpoint::Messages),
        ("/v1/messages/count_tokens", Endpoint::CountTokens),
        ("/v1/messages/batches", Endpoint::Other),
        ("/v1beta/models/gemini-2.5-pro:generateContent", Endpoint::GenerateContent),
        ("/v1/models/gemini-2.5-pro:generateContent", Endpoint::GenerateContent),
        ("/v1beta/tunedModels/mine:generateContent?key=x", Endpoint::GenerateContent),
        ("/v1beta/models/a:streamGenerateContent?alt=sse", Endpoint::StreamGenerateContent),
        ("/v1internal:generateContent", Endpoint::GenerateContent),
        ("/v1internal:streamGenerateContent?alt=sse", Endpoint::StreamGenerateContent),
        ("/v1beta/models/a:countTokens", Endpoint::GeminiCountTokens),
        ("/v1internal:countTokens", Endpoint::GeminiCountTokens),
        ("/v1beta/models/a:embedContent", Endpoint::GeminiEmbed),
        ("/v1beta/models/a:batchEmbedContents", Endpoint::GeminiEmbed),
        // What is not read: other methods, other collections, other places for the colon.
        ("/v1internal:embedContent", Endpoint::Other),
        ("/v1internal:loadCodeAssist", Endpoint::Other),
        ("/v1beta/models/a:predict", Endpoint::Other),
        ("/v1beta/models/a:generateContent/x", Endpoint::Other),
        ("/v1beta/models/a?b:generateContent", Endpoint::Other),
        ("/v1beta/files/a:generateContent", Endpoint::Other),
        ("/v1betamodels/a:generateContent", Endpoint::Other),
        ("/v1/models/ft:gpt-4o:org::1", Endpoint::Other),
        ("/v1/models", Endpoint::Other),
        ("", Endpoint::Other),
    ] {
        assert_eq!(Endpoint::of_path(path), endpoint, "{path}");
        assert_eq!(endpoint.is_gemini(), endpoint != Endpoint::Other && Dialect::of_path(path) == Dialect::Gemini);
        assert!(!endpoint.is_anthropic() || Dialect::of_path(path) == Dialect::Anthropic);
    }
}

#[test]
fn the_model_of_a_path_is_its_name_unescaped() {
    for (path, model) in [
        ("/v1beta/models/gemini-2.5-pro:generateContent", Some("gemini-2.5-pro")),
        ("/v1/models/gemini-2.5-pro:countTokens?key=a:b", Some("gemini-2.5-pro")),
        ("/v1beta/tunedModels/mine:generateContent", Some("tunedModels/mine")),
        ("/v1beta/models/openai/gpt-4o:streamGenerateContent?alt=sse", Some("openai/gpt-4o")),
        ("/v1beta/models/openai%2Fgpt-4o:generateContent", Some("openai/gpt-4o")),
        ("/v1beta/models/models%2Fa:generateContent", Some("a")),
        ("/v1beta/models/llama3:8b:generateContent", Some("llama3:8b")),
        ("/v1beta/models/llama3%3A8b:generateContent", Some("llama3:8b")),
        ("/v1beta/models/%E4%B8%AD+1:generateContent", Some("中+1")),
        ("/v1beta/models/..%252e:generateContent", Some("..%2e")),
        // Not acceptable.
        ("/v1beta/models/:generateContent", None),
        ("/v1beta/tunedModels/:generateContent", None),
        ("/v1beta/models/..:generateContent", None),
        ("/v1beta/models/a/../b:generateContent", None),
        ("/v1beta/models/%2e%2E:generateContent", None),
        ("/v1beta/models/a%2F.:generateContent", None),
        ("/v1beta/models//a:generateContent", None),
        ("/v1beta/models/a%00:generateContent", None),
        ("/v1beta/models/a%0Ab:generateContent", None),
        ("/v1beta/models/a%4:generateContent", None),
        ("/v1beta/models/a%+1:generateContent", None),
        ("/v1beta/models/a%FF:generateContent", None),
        // None there.
        ("/v1internal:generateContent", None),
        ("/v1beta/models/a", None),
        ("/v1/chat/completions", None),
    ] {
        assert_eq!(model_of_path(path).as_deref(), model, "{path}");
    }
    let long = |length| format!("/v1beta/models/{}:generateContent", "x".repeat(length));
    assert!(model_of_path(&long(MODEL_BYTES_MAX)).is_some());
    assert_eq!(model_of_path(&long(MODEL_BYTES_MAX + 1)), None);
}

#[test]
fn another_model_takes_the_place_of_the_first() {
    for (path, model, expected) in [
        ("/v1beta/models/a:generateContent", "b", Some("/v1beta/models/b:generateContent")),
        ("/v1/models/a:streamGenerateContent?alt=sse", "b c", Some("/v1/models/b%20c:streamGenerateContent?alt=sse")),
        ("/v1beta/tunedModels/a:countTokens", "b", Some("/v1beta/models/b:countTokens")),
        ("/v1beta/models/a:countTokens", "tunedModels/b", Some("/v1beta/tunedModels/b:countTokens")),
        ("/v1beta/models/a:countTokens", "models/b", Some("/v1beta/models/b:countTokens")),
        ("/v1beta/models/a:countTokens?a=:b", "x/y:8b@1", Some("/v1beta/models/x/y%3A8b@1:countTokens?a=:b")),
        ("/v1beta/models/..:countTokens", "b?%#", Some("/v1beta/models/b%3F%25%23:countTokens")),
        ("/v1beta/models/a:countTokens", "", None),
        ("/v1beta/models/a:countTokens", "../b", None),
        ("/v1beta/models/a:countTokens", "b\n", None),
        ("/v1internal:countTokens", "b", None),
        ("/v1/messages", "b", None),
    ] {
        assert_eq!(path_with_model(path, model).as_deref(), expected, "{path} {model}");
    }
}

proptest! {
    #[test]
    fn a_model_that_was_written_into_a_path_is_read_from_it(model in "\\PC{1,20}") {
        let path = "/v1beta/models/a:streamGenerateContent?alt=sse";
        if let Some(written) = path_with_model(path, &model) {
            let name = model.strip_prefix("models/").unwrap_or(&model);
            let read = model_of_path(&written);
            prop_assert_eq!(read.as_deref(), Some(name));
            prop_assert_eq!(Endpoint::of_path(&written), Endpoint::StreamGenerateContent);
            prop_assert!(written.is_ascii() && written.ends_with(":streamGenerateContent?alt=sse"));
        }
    }
}

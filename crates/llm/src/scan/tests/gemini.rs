//! Gemini's requests, and those to rank documents.

use super::*;
use crate::estimate::ATTACHMENT_TOKENS;
use crate::usage::ServiceTier;

const GENERATE: Endpoint = Endpoint::GenerateContent;

fn scan(body: &str) -> Scanned {
    scan_for(GENERATE, body.as_bytes()).unwrap_or_else(|error| panic!("{body}: {error}"))
}

fn part(part: &str) -> String {
    format!(r#"{{"contents":[{{"role":"user","parts":[{part}]}}]}}"#)
}

#[test]
fn finds_what_counts_in_both_cases() {
    for body in [
        r#"{"contents":[],"generationConfig":{"temperature":1,"maxOutputTokens":70,"candidateCount":2},"serviceTier":"flex"}"#,
        r#"{"generation_config":{"max_output_tokens":70,"candidate_count":2,"stop_sequences":["a"]},"service_tier":"flex"}"#,
        r#"{"model":"m","project":"p","request":{"generationConfig":{"candidateCount":2,"maxOutputTokens":70},"serviceTier":"flex"}}"#,
    ] {
        let found = scan(body);
        assert_eq!((found.max_output, found.choices, found.service_tier), (Some(70), 2, ServiceTier::Flex), "{body}");
        let cap = found.max_output_field.unwrap().max_output_tokens.unwrap();
        assert_eq!(&body[cap.start..cap.end], "70");
        let config = found.generation_config.unwrap();
        assert!(body[config.start..config.end].starts_with('{') && body[..config.end].ends_with('}'), "{body}");
        assert!(config.is_object && config.has_members && !config.is_null);
        assert!(!found.stream && !found.unbounded);
    }
    let elsewhere =
        scan(r#"{"maxOutputTokens":7,"stream":true,"contents":[{"generationConfig":{"maxOutputTokens":7}}]}"#);
    assert_eq!((elsewhere.max_output, elsewhere.generation_config, elsewhere.stream), (None, None, false));
    // 0 is what a number of protocol buffers is that was not set.
    assert_eq!(scan(r#"{"generationConfig":{"maxOutputTokens":0}}"#).max_output, None);
}

#[test]
fn the_path_says_whether_it_is_a_stream() {
    for (endpoint, stream) in [(GENERATE, false), (Endpoint::StreamGenerateContent, true)] {
        for body in ["{}", r#"{"stream":true}"#, r#"{"stream":false}"#] {
            assert_eq!(scan_for(endpoint, body.as_bytes()).unwrap().stream, stream, "{body}");
        }
    }
}

#[test]
fn what_occurs_twice_is_refused_in_whichever_case_and_place() {
    for (body, field) in [
        (r#"{"generationConfig":{},"generation_config":{}}"#, Field::GenerationConfig),
        (r#"{"generationConfig":{},"request":{"generationConfig":{}}}"#, Field::GenerationConfig),
        (r#"{"generationConfig":{"maxOutputTokens":1,"max_output_tokens":2}}"#, Field::MaxOutputTokens),
        (r#"{"generationConfig":{"candidateCount":1,"candidate_count":2}}"#, Field::CandidateCount),
        (r#"{"model":"a","request":{"model":"b"}}"#, Field::Model),
        (r#"{"request":{},"request":{}}"#, Field::Request),
    ] {
        let error = scan_for(GENERATE, body.as_bytes()).unwrap_err();
        assert_eq!(error.kind, ScanErrorKind::Duplicate(field), "{body}");
        assert!(error.to_string().contains(field.name()));
    }
    for value in ["\"5\"", "1.5", "-1", "{}"] {
        let body = format!(r#"{{"generationConfig":{{"maxOutputTokens":{value}}}}}"#);
        let error = scan_for(GENERATE, body.as_bytes()).unwrap_err();
        assert_eq!((error.kind, error.offset), (ScanErrorKind::NotCount(Field::MaxOutputTokens), 39), "{body}");
    }
}

#[test]
fn the_envelope_is_told_from_the_request() {
    let body = r#"{"model":"gemini-2.5-pro","project":"p","request":{"contents":[]},"user_prompt_id":"x"}"#;
    let found = scan(body);
    let model = found.model.unwrap();
    assert_eq!((model.name.as_str(), &body[model.start..model.end]), ("gemini-2.5-pro", "\"gemini-2.5-pro\""));
    let brace = found.open_brace.unwrap();
    assert!(body[..brace].ends_with(r#""request":{"#) && found.has_members);
    let empty = scan(r#"{"model":"m","request":{ },"project":"p"}"#);
    assert_eq!((empty.open_brace, empty.has_members), (Some(24), false));
    let plain = scan(r#" {"contents":[]}"#);
    assert_eq!((plain.open_brace, plain.has_members), (Some(2), true));
    // As Gemini CLI counts tokens.
    let counted = scan_for(Endpoint::GeminiCountTokens, br#"{"request":{"model":"models/m","contents":[]}}"#).unwrap();
    assert_eq!(counted.model.unwrap().name, "models/m");
}

#[test]
fn input_that_the_body_does_not_bound_is_noticed() {
    for body in [
        part(r#"{"inlineData":{"mimeType":"image/png","data":"iVBORw0KGgo"}}"#),
        part(r#"{"inline_data":{"mime_type":"audio/wav","data":"UklGR"}}"#),
        part(r#"{"fileData":{"mimeType":"video/mp4","fileUri":"https://example.com/v"},"videoMetadata":{"fps":1}}"#),
        part(r#"{"functionResponse":{"name":"f","response":{},"parts":[{"inlineData":{"data":"x"}}]}}"#),
        part(r#"{"somethingNew":{}}"#),
        r#"{"tools":[{"functionDeclarations":[]},{"googleSearch":{}}]}"#.to_owned(),
        r#"{"tools":{"url_context":{}}}"#.to_owned(),
        r#"{"cachedContent":"cachedContents/1"}"#.to_owned(),
        r#"{"request":{"cached_content":"cachedContents/1"}}"#.to_owned(),
    ] {
        assert!(scan(&body).unbounded, "{body}");
    }
    for body in [
        part(r#"{"text":"inlineData"},{"text":"x","thought":true,"thoughtSignature":"EqQB"}"#),
        part(r#"{"functionCall":{"id":"1","name":"f","args":{"inlineData":{"data":"x"}}}}"#),
        part(r#"{"functionResponse":{"name":"f","response":{"fileData":"x"}}}"#),
        part(r#"{"executableCode":{"language":"PYTHON","code":"1"}},{"codeExecutionResult":{"output":"1"}}"#),
        r#"{"tools":[{"functionDeclarations":[{"name":"f","parameters":{"type":"OBJECT","properties":
            {"fileData":{"type":"STRING"}}}}]}],"toolConfig":{"functionCallingConfig":{"mode":"ANY"}},"safetySettings":[{}],
            "cachedContent":null}"#
            .to_owned(),
    ] {
        assert!(!scan(&body).unbounded, "{body}");
    }
}

#[test]
fn text_is_gathered_where_prompts_are_made_of_it() {
    let tokens = |body: &str| scan(body).text.tokens();
    let chat = tokens(&part(r#"{"text":"two words"}"#));
    let openai = super::scan(br#"{"messages":[{"role":"user","content":"two words"}]}"#).unwrap();
    assert_eq!(chat, openai.text.tokens());
    for same in [
        r#"{"contents":{"role":"user","parts":{"text":"two words"}},"labels":{"a":"more words"}}"#,
        r#"{"model":"m","request":{"contents":[{"role":"user","parts":[{"text":"two words"}]}],"session_id":"s"}}"#,
        r#"{"systemInstruction":{"role":"user","parts":[{"text":"two words"}]}}"#,
        r#"{"system_instruction":{"role":"user","parts":[{"text":"two words"}]}}"#,
        r#"{"generateContentRequest":{"contents":[{"role":"user","parts":[{"text":"two words"}]}]}}"#,
        r#"{"requests":[{"model":"models/m","content":{"role":"user","parts":[{"text":"two words"}]}}]}"#,
        r#"{"model":"models/m","content":{"role":"user","parts":[{"text":"two words"}]},"taskType":"QUERY"}"#,
    ] {
        assert_eq!(tokens(same), chat, "{same}");
    }
    let call = tokens(&part(r#"{"functionCall":{"id":"i","name":"get_tide","args":{"harbour":"Kiel","days":7}}}"#));
    assert!((14..25).contains(&call), "{call}");
    let picture = format!(r#"{{"inlineData":{{"data":"{}"}}}}"#, "iVBORw0KGgo".repeat(1000));
    assert!((ATTACHMENT_TOKENS..ATTACHMENT_TOKENS + 20).contains(&tokens(&part(&picture))));
    let tool = r#"{"tools":[{"functionDeclarations":[{"name":"get_tide","description":"Gives the tide.","parameters":
        {"type":"OBJECT","properties":{"harbour":{"type":"STRING"}},"required":["harbour"]}}]}]}"#;
    assert!((20..40).contains(&tokens(tool)), "{}", tokens(tool));
}

#[test]
fn documents_to_rank_count_as_text() {
    let body = br#"{"model":"rerank-v3.5","query":"tide","documents":["two words",{"text":"two words"}],"top_n":3}"#;
    let found = scan_for(Endpoint::Rerank, body).unwrap();
    assert_eq!(found.model.unwrap().name, "rerank-v3.5");
    assert!((5..=6).contains(&found.text.tokens()), "{}", found.text.tokens());
    assert!(!found.unbounded && found.has_members);
}

//! Clients' requests.

use super::{dropped, losses};
use crate::content::{Part, Source};
use crate::gemini::{read_count_request, read_request};
use crate::loss::Refusal;
use crate::reasoning::{Effort, Reasoning};
use crate::request::{Format, Role, ToolChoice};

/// A conversation with a tool, as Gemini CLI sends it.
pub(super) const RICH: &str = r#"{
  "system_instruction": {"role": "user", "parts": [{"text": "Be brief."}]},
  "contents": [
    {"parts": [
      {"text": "What is this?"},
      {"inlineData": {"mimeType": "image/png", "data": "AAAA"}, "mediaResolution": {"level": "MEDIA_RESOLUTION_HIGH"}},
      {"file_data": {"mime_type": "application/pdf", "file_uri": "https://h/a.pdf"}},
      {"inlineData": {"mimeType": "audio/wav", "data": "BBBB"}}
    ]},
    {"role": "model", "parts": [
      {"text": "I look.", "thought": true, "thoughtSignature": "CiQ="},
      {"text": "Well.", "thoughtSignature": "AAEC"},
      {"functionCall": {"name": "read", "args": {"path": "a"}}, "thoughtSignature": "AQID"},
      {"functionCall": {"name": "read", "args": {"path": "b"}}},
      {"functionCall": {"id": "own", "name": "list"}, "thoughtSignature": "skip_thought_signature_validator"}
    ]},
    {"role": "user", "parts": [
      {"functionResponse": {"name": "read", "response": {"output": "first"}}},
      {"functionResponse": {"name": "read", "response": {"error": "no such file"}}},
      {"functionResponse": {"id": "own", "name": "list", "response": {"files": 2, "more": false},
        "parts": [{"inlineData": {"mimeType": "image/png", "data": "CCCC"}}]}}
    ]}
  ],
  "tools": [{"functionDeclarations": [
    {"name": "read", "description": "Reads.", "parameters": {"type": "OBJECT", "properties": {"path": {"type": "STRING"}}}},
    {"name": "list", "parametersJsonSchema": {"type":"object","additionalProperties":false}}
  ]}],
  "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["read"]}},
  "generationConfig": {"temperature": 0.5, "topP": 0.9, "topK": 40.0, "maxOutputTokens": 100, "candidateCount": 2,
    "stopSequences": ["END"], "seed": 7, "presencePenalty": 0.1, "frequency_penalty": 0.2, "responseLogprobs": true,
    "logprobs": 3, "thinkingConfig": {"includeThoughts": true, "thinkingBudget": -1, "thinkingLevel": "HIGH"},
    "responseMimeType": "application/json", "responseJsonSchema": {"type": "object"}},
  "labels": {"team": "a"}, "serviceTier": "flex", "store": false
}"#;

#[test]
fn a_rich_request_is_read_whole() {
    let mut losses = losses();
    let request = read_request(RICH.as_bytes(), "m", true, &mut losses).unwrap();
    assert_eq!(dropped(&losses), Vec::<&str>::new());
    assert_eq!(request.system, [Part::text("Be brief.")]);
    assert_eq!(
        request.turns.iter().map(|turn| turn.role).collect::<Vec<_>>(),
        [Role::User, Role::Assistant, Role::User]
    );
    assert_eq!((request.temperature, request.top_k, request.seed), (Some(0.5), Some(40), Some(7)));
    assert_eq!((request.choices, request.logprobs, request.max_output), (Some(2), Some(3), Some(100)));
    assert_eq!(request.tool_choice, Some(ToolChoice::Named("read".into())));
    let reasoning = Reasoning { effort: Some(Effort::High), budget: None, adaptive: true, show: Some(true) };
    assert_eq!(request.reasoning, Some(reasoning));
    assert!(matches!(&request.format, Some(Format::Schema { schema, .. }) if schema.get() == r#"{"type": "object"}"#));
    let parameters: Vec<String> =
        request.tools.iter().map(|tool| tool.parameters.as_ref().unwrap().value().to_string()).collect();
    assert_eq!(parameters[0], r#"{"type":"object","properties":{"path":{"type":"string"}}}"#);
    assert_eq!(parameters[1], r#"{"type":"object","additionalProperties":false}"#);
    assert!(request.stream && request.include_usage);
    assert_eq!(request.metadata.unwrap().get(), r#"{"team": "a"}"#);
    assert_eq!((request.service_tier.as_deref(), request.store), (Some("flex"), Some(false)));
}

#[test]
fn media_are_told_apart_by_their_types() {
    let request = read_request(RICH.as_bytes(), "m", false, &mut losses()).unwrap();
    let parts = &request.turns[0].parts;
    assert!(matches!(&parts[1], Part::Image(image) if image.detail.as_deref() == Some("high")));
    assert!(matches!(&parts[2], Part::Document(doc) if doc.media.source == Source::Url("https://h/a.pdf".into())));
    assert!(matches!(&parts[3], Part::Audio(_)));
}

#[test]
fn results_find_their_calls_and_signatures_stay_with_what_they_sign() {
    let request = read_request(RICH.as_bytes(), "m", false, &mut losses()).unwrap();
    let said = &request.turns[1].parts;
    let thought = |part: &Part<'_>| match part {
        Part::Thinking(thinking) => (thinking.text.to_string(), thinking.signature.clone().unwrap().into_string()),
        other => panic!("{other:?}"),
    };
    assert_eq!(thought(&said[0]), ("I look.".into(), "ditto.g.CiQ=".into()));
    assert_eq!(said[1], Part::text("Well."));
    assert_eq!(thought(&said[2]), (String::new(), "ditto.g.AAEC".into()));
    let ids: Vec<&str> = said
        .iter()
        .filter_map(|part| match part {
            Part::ToolCall(call) => Some(call.id.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(ids, ["call_1_2__sig__AQID", "call_1_3", "own"]);
    let results: Vec<_> = request.turns[2]
        .parts
        .iter()
        .map(|part| match part {
            Part::ToolResult(result) => {
                (result.id.as_str(), result.is_error, result.parts[0].clone(), result.parts.len())
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(results[0], ("call_1_2__sig__AQID", false, Part::text("first"), 1));
    assert_eq!(results[1], ("call_1_3", true, Part::text("no such file"), 1));
    assert_eq!(results[2], ("own", false, Part::text(r#"{"files": 2, "more": false}"#), 2));
}

#[test]
fn ids_that_gemini_cli_has_lengthened_are_the_backends_again() {
    let body = r#"{"contents": [
        {"role": "model", "parts": [{"functionCall": {"id": "a.b__call_1", "name": "a.b", "args": {}}},
                                    {"functionCall": {"id": "call_2", "name": "f", "args": {}}}]},
        {"role": "user", "parts": [{"functionResponse": {"id": "a.b__call_1", "name": "a.b", "response": {}}},
                                   {"functionResponse": {"id": "other", "name": "f", "response": {}}}]}]}"#;
    let request = read_request(body.as_bytes(), "m", false, &mut losses()).unwrap();
    let ids = |turn: usize| -> Vec<&str> {
        let parts = request.turns[turn].parts.iter();
        parts
            .map(|part| match part {
                Part::ToolCall(call) => call.id.as_str(),
                Part::ToolResult(result) => result.id.as_str(),
                other => panic!("{other:?}"),
            })
            .collect()
    };
    assert_eq!((ids(0), ids(1)), (vec!["call_1", "call_2"], vec!["call_1", "call_2"]));
}

fn refusal(body: &str) -> Refusal {
    read_request(body.as_bytes(), "m", false, &mut losses()).unwrap_err()
}

#[test]
fn what_is_wrong_or_only_googles_is_refused_by_its_place() {
    let cases = [
        (r#"{"contents": [{"role": "robot", "parts": []}]}"#, "contents[0].role"),
        (
            r#"{"contents": [{"parts": [{"functionResponse": {"name": "f"}}]}]}"#,
            "contents[0].parts[0].functionResponse",
        ),
        (r#"{"contents": [{"parts": [{"functionCall": {}}]}]}"#, "contents[0].parts[0].functionCall.name"),
        (r#"{"tools": [{"googleSearch": {}}]}"#, "tools.googleSearch"),
        (r#"{"tools": [{"url_context": {}}]}"#, "tools.url_context"),
        (r#"{"cachedContent": "cachedContents/a"}"#, "cachedContent"),
        (r#"{"generationConfig": {"responseModalities": ["IMAGE"]}}"#, "generationConfig.responseModalities"),
        (r#"{"generationConfig": {"speech_config": {}}}"#, "generationConfig.speechConfig"),
        (r#"{"generationConfig": {"responseMimeType": "text/x.enum"}}"#, "generationConfig.responseMimeType"),
        (
            r#"{"generationConfig": {"thinkingConfig": {"thinkingLevel": "MUCH"}}}"#,
            "generationConfig.thinkingConfig.thinkingLevel",
        ),
        (r#"{"toolConfig": {"functionCallingConfig": {"mode": "SOME"}}}"#, "toolConfig.functionCallingConfig.mode"),
        (r#"{"contents": [{"parts": [{"videoMetadata": {}}]}]}"#, "contents.parts.videoMetadata"),
    ];
    for (body, field) in cases {
        assert_eq!(refusal(body).field, field, "{body}");
    }
    assert!(refusal(r#"{"contents": [{"parts": [{"text": 1}]}]}"#).message.contains("expected a string"));
    assert!(refusal("{").message.contains("EOF"));
}

#[test]
fn what_nobody_knows_is_told_with_its_path() {
    let body = r#"{"new": 1, "safetySettings": [{"category": "X"}], "contents": [{"other": 1, "parts": [
        {"text": "a", "odd": true}, {"executableCode": {"language": "PYTHON", "code": "1"}}]}],
        "generationConfig": {"imageConfig": {}, "unheard_of": 1, "gone": null}}"#;
    let mut losses = losses();
    let request = read_request(body.as_bytes(), "m", false, &mut losses).unwrap();
    assert_eq!(
        dropped(&losses),
        [
            "safetySettings",
            "new",
            "contents.other",
            "contents.parts.odd",
            "contents.parts.executableCode",
            "generationConfig.imageConfig",
            "generationConfig.unheardOf",
        ]
    );
    assert_eq!(request.turns[0].parts[1], Part::text("```python\n1\n```\n"));
}

#[test]
fn plain_forms_are_taken_too() {
    let body = r#"{"systemInstruction": "Be brief.", "contents": {"parts": {"text": "hi"}}, "tools": null}"#;
    let request = read_request(body.as_bytes(), "m", false, &mut losses()).unwrap();
    assert_eq!(request.system, [Part::text("Be brief.")]);
    assert_eq!((request.turns.len(), &request.turns[0].parts), (1, &vec![Part::text("hi")]));
}

#[test]
fn a_count_is_asked_in_either_form() {
    for body in [
        r#"{"contents": [{"parts": [{"text": "hi"}]}]}"#,
        r#"{"generateContentRequest": {"model": "models/m", "contents": [{"parts": [{"text": "hi"}]}]}}"#,
    ] {
        let request = read_count_request(body.as_bytes(), "m").unwrap();
        assert_eq!(request.turns[0].parts, [Part::text("hi")]);
    }
}

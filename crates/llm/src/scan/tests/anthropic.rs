//! Anthropic's requests.

use super::*;
use crate::estimate::{ATTACHMENT_TOKENS, input_tokens_of_bytes};
use crate::usage::ServiceTier;

fn scan(body: &str) -> Scanned {
    scan_for(Endpoint::Messages, body.as_bytes()).unwrap_or_else(|error| panic!("{body}: {error}"))
}

fn message(block: &str) -> String {
    format!(r#"{{"messages":[{{"role":"user","content":[{block}]}}]}}"#)
}

const DOCUMENT: &str = "The ferry leaves at noon, and comes back when the tide allows it.";

#[test]
fn finds_what_counts() {
    let body = r#"{"model":"claude-opus-4-6","max_tokens":1024,"stream":true,"service_tier":"auto",
        "thinking":{"type":"enabled","budget_tokens":900},"metadata":{"user_id":"u"},"temperature":1,"n":"no count here",
        "messages":[{"role":"user","content":"Hi"}],"tool_choice":{"type":"auto"},"stop_sequences":["x"]}"#;
    let found = scan(body);
    let model = found.model.unwrap();
    assert_eq!((model.name.as_str(), &body[model.start..model.end]), ("claude-opus-4-6", "\"claude-opus-4-6\""));
    assert!(found.stream && !found.unbounded);
    assert_eq!((found.max_output, found.choices, found.service_tier), (Some(1024), 1, ServiceTier::Auto));
    let cap = found.max_output_field.unwrap().max_tokens.unwrap();
    assert_eq!(&body[cap.start..cap.end], "1024");
    assert_eq!(found.open_brace, Some(1));
    assert!(found.has_members);
    for twice in
        [r#"{"max_tokens":1,"max_tokens":2}"#, r#"{"model":"a","mod\u0065l":"b"}"#, r#"{"stream":true,"stream":false}"#]
    {
        let error = scan_for(Endpoint::Messages, twice.as_bytes()).unwrap_err();
        assert!(matches!(error.kind, ScanErrorKind::Duplicate(_)), "{twice}");
    }
    let error = scan_for(Endpoint::Messages, br#"{"max_tokens":"9"}"#).unwrap_err();
    assert_eq!(error.kind, ScanErrorKind::NotCount(Field::MaxTokens));
}

#[test]
fn input_that_the_body_does_not_bound_is_noticed() {
    for body in [
        message(r#"{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBORw0KGgo"}}"#),
        message(r#"{"type":"image","source":{"type":"url","url":"https://example.com/a.png"}}"#),
        message(r#"{"type":"document","source":{"type":"file","file_id":"file_1"}}"#),
        message(r#"{"type":"document","source":{"data":"JVBERi0","media_type":"application/pdf","type":"base64"}}"#),
        message(r#"{"type":"document","source":{"data":"?"}}"#),
        message(
            r#"{"type":"document","source":{"type":"content","content":[{"type":"image","source":{"type":"url"}}]}}"#,
        ),
        message(r#"{"type":"tool_result","tool_use_id":"t","content":[{"type":"image","source":{"type":"url"}}]}"#),
        message(r#"{"type":"container_upload","file_id":"file_1"}"#),
        message(r#"{"type":"something_new"}"#),
        r#"{"tools":[{"type":"web_search_20250305","name":"web_search"}]}"#.to_owned(),
        r#"{"tools":[{"type":"bash_20250124","name":"bash"}]}"#.to_owned(),
        r#"{"mcp_servers":[{"type":"url","url":"https://example.com"}]}"#.to_owned(),
        r#"{"container":"container_1"}"#.to_owned(),
        r#"{"context_management":{"edits":[{"type":"compact_20260112"}]}}"#.to_owned(),
    ] {
        assert!(scan(&body).unbounded, "{body}");
    }
    for body in [
        message(r#"{"type":"text","text":"image","cache_control":{"type":"ephemeral"}}"#),
        message(r#"{"type":"tool_use","id":"t","name":"f","input":{"type":"image","source":{"type":"url"}}}"#),
        message(r#"{"type":"tool_result","tool_use_id":"t","is_error":true,"content":"no"}"#),
        message(r#"{"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":"x"}]}"#),
        message(r#"{"type":"thinking","thinking":"x","signature":"EqQB"},{"type":"redacted_thinking","data":"EqQB"}"#),
        message(r#"{"type":"document","source":{"type":"text","media_type":"text/plain","data":"x"},"title":"t"}"#),
        message(r#"{"type":"document","source":{"type":"content","content":"x"},"citations":{"enabled":true}}"#),
        message(r#"{"type":"search_result","source":"https://example.com","title":"t","content":[{"type":"text"}]}"#),
        r#"{"tools":[{"name":"f","input_schema":{"type":"object","properties":{"source":{"type":"string"}}}},
            {"type":"custom","name":"g","input_schema":{}}],"mcp_servers":[],"container":null}"#
            .to_owned(),
        r#"{"context_management":{"edits":[{"type":"clear_thinking_20251015","keep":"all"}]}}"#.to_owned(),
    ] {
        assert!(!scan(&body).unbounded, "{body}");
    }
}

#[test]
fn text_is_gathered_where_prompts_are_made_of_it() {
    let tokens = |body: &str| scan(body).text.tokens();
    let system = tokens(&format!(r#"{{"system":"{DOCUMENT}"}}"#));
    assert!((12..20).contains(&system), "{system}");
    assert_eq!(tokens(&format!(r#"{{"system":[{{"type":"text","text":"{DOCUMENT}"}}]}}"#)), system);
    let chat = tokens(&message(&format!(r#"{{"type":"text","text":"{DOCUMENT}"}}"#)));
    let plain = format!(r#"{{"messages":[{{"role":"user","content":"{DOCUMENT}"}}]}}"#);
    assert_eq!(tokens(&plain), chat);
    assert_eq!(super::scan(plain.as_bytes()).unwrap().text.tokens(), chat, "as OpenAI's");
    for same in [
        format!(
            r#"{{"type":"document","source":{{"type":"text","media_type":"text/plain","data":"{DOCUMENT}"}},"citations":{{}}}}"#
        ),
        format!(r#"{{"type":"document","source":{{"data":"{DOCUMENT}","type":"text"}}}}"#),
        format!(r#"{{"source":{{"content":[{{"type":"text","text":"{DOCUMENT}"}}],"type":"content"}}}}"#),
        format!(r#"{{"type":"tool_result","tool_use_id":"toolu_1","content":"{DOCUMENT}"}}"#),
        format!(r#"{{"type":"thinking","thinking":"{DOCUMENT}","signature":"EqQBCkYIBxgCKkDd"}}"#),
    ] {
        assert_eq!(tokens(&message(&same)), chat, "{same}");
    }
}

#[test]
fn a_call_counts_with_its_names_and_values() {
    let call =
        r#"{"type":"tool_use","id":"toolu_1","name":"get_tide","input":{"harbour":"Kiel","days":[1,2],"north":true}}"#;
    let tokens = scan(&message(call)).text.tokens();
    assert!((18..30).contains(&tokens), "{tokens}");
    let tool = scan(
        r#"{"tools":[{"name":"get_tide","description":"Gives the tide.","input_schema":{"type":"object","properties":
            {"harbour":{"type":"string","description":"Where."}},"required":["harbour"]},"cache_control":{"type":"x"}}]}"#,
    );
    assert!((25..45).contains(&tool.text.tokens()), "{}", tool.text.tokens());
}

#[test]
fn data_that_is_no_text_counts_as_one_attachment_wherever_its_type_stands() {
    let picture = "iVBORw0KGgo".repeat(2000);
    let first = format!(r#"{{"type":"image","source":{{"type":"base64","data":"{picture}"}}}}"#);
    let last = format!(r#"{{"source":{{"data":"{picture}","type":"base64"}},"type":"image"}}"#);
    let counts = [&first, &last].map(|block| scan(&message(block)).text.tokens());
    assert_eq!(counts[0], counts[1]);
    assert!((ATTACHMENT_TOKENS..ATTACHMENT_TOKENS + 20).contains(&counts[0]), "{}", counts[0]);
}

#[test]
fn without_text_everything_else_is_found() {
    let body = message(r#"{"type":"document","source":{"data":"x","type":"text"}},{"type":"image","source":{}}"#);
    let with = scan(&body);
    let mut scanner = Scanner::for_endpoint(Endpoint::Messages).skipping_text();
    scanner.feed(body.as_bytes()).unwrap();
    assert_eq!(scanner.finish().unwrap(), Scanned { text: Default::default(), ..with });
    let nothing = scan(r#"{"model":"m"}"#);
    assert_eq!(nothing.text.input_tokens(nothing.body_bytes), input_tokens_of_bytes(13));
}

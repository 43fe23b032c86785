use serde_json::json;

use super::*;

fn mind(manner: &Manner) -> Mind<'_> {
    Mind { speaker: "test", order: 1, manner, script: None, call_prefix: "call_" }
}

fn heard(text: &str) -> Heard {
    let message = Message { role: Role::User, parts: vec![Part::Text(text.to_owned())] };
    Heard { digest: "00000000".to_owned(), count: 1, messages: vec![message], ..Heard::default() }
}

fn answer(heard: &Heard) -> Said {
    mind(&Manner::default()).answer(heard)
}

#[test]
fn directives_combine() {
    let mut heard = heard("Please [[think Hm.]] and [[say Hello]] [[call a {\"x\": [[1]]}]][[call b]]");
    heard.thinking = Thinking::IfAny;
    let said = answer(&heard);
    assert_eq!((said.thinking.as_deref(), said.text.as_deref()), (Some("Hm."), Some("Hello")));
    let calls: Vec<_> = said.calls.iter().map(|call| (call.name.as_str(), call.arguments.as_str())).collect();
    assert_eq!(calls, [("a", "{\"x\":[[1]]}"), ("b", "{}")]);
    assert_ne!(said.calls[0].id, said.calls[1].id);
    assert_eq!(said.finish(), Finish::Calls);
    heard.thinking = Thinking::Hidden;
    assert_eq!(answer(&heard).thinking, None);
}

#[test]
fn what_is_no_directive_is_echoed() {
    for text in ["[[", "[[nothing]]", "[[call", "[[call x {]]", "a[[b]]c"] {
        assert_eq!(answer(&heard(text)).text.unwrap(), "Hello from test: I was given one message, digest 00000000.");
    }
}

#[test]
fn a_refusal_has_no_text() {
    let said = answer(&heard("[[refuse No.]]"));
    assert_eq!((said.text.clone(), said.refusal.as_deref()), (None, Some("No.")));
    assert_eq!(said.finish(), Finish::Refusal);
}

#[test]
fn a_script_comes_first_and_may_decline() {
    let script = Script::new(|heard| (heard.model == "scripted").then(|| Said::call("go", &json!({}))));
    let manner = Manner::default();
    let mind = Mind { script: Some(&script), ..mind(&manner) };
    let asked = heard("[[say no]]");
    assert_eq!(mind.answer(&asked).text.as_deref(), Some("no"));
    assert_eq!(mind.answer(&Heard { model: "scripted".to_owned(), ..asked }).calls[0].name, "go");
}

#[test]
fn results_and_media_are_told() {
    let mut heard = heard("Look");
    heard.messages[0].parts.push(Part::Media(Media::inline("image/png", 68)));
    assert!(answer(&heard).text.unwrap().ends_with(" I see image/png 68 bytes."));
    let result = ToolResult { text: "sunny".to_owned(), ..ToolResult::default() };
    heard.messages.push(Message { role: Role::Assistant, parts: Vec::new() });
    heard.messages.push(Message { role: Role::Tool, parts: vec![Part::Result(result)] });
    let text = answer(&heard).text.unwrap();
    assert!(text.ends_with(" The tool said: sunny") && !text.contains("image"), "{text}");
}

#[test]
fn a_stop_string_ends_the_text_before_it() {
    let asked = Heard { stop: vec!["x".to_owned(), "llo".to_owned()], ..heard("[[say Hello x]]") };
    let said = answer(&asked);
    assert_eq!((said.text.as_deref(), said.finish()), (Some("He"), Finish::StopString("llo".to_owned())));
}

#[test]
fn the_limit_covers_thoughts_text_and_calls() {
    let mut asked = heard("[[think a b c]][[say d e]][[call f {}]]");
    asked.thinking = Thinking::IfAny;
    let whole = answer(&asked).usage().output;
    assert_eq!(whole, 3 + 2 + 4 + 1 + 1);
    for limit in 0..=whole {
        asked.max_tokens = Some(limit);
        let said = answer(&asked);
        assert!(said.usage().output <= limit);
        assert_eq!(said.is_cut(), limit < whole, "at {limit}");
    }
}

#[test]
fn a_mark_belongs_to_its_thought() {
    let mark = signature("Hm.");
    assert!(is_signed("Hm.", &mark) && is_signed("", &mark));
    assert!(!is_signed("Ha.", &mark));
    assert!(!is_signed("Hm.", "") && !is_signed("", "AAAA") && !is_signed("", "no base64"));
}

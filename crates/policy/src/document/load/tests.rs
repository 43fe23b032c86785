use proptest::prelude::*;

use super::*;
use crate::document::testing::{Fixed, load_json, problems, warnings};

mod planted;
mod published;

fn load_yaml(text: &str) -> Result<Loaded, Vec<String>> {
    load(text, Some(Format::Yaml), &Fixed::new(&[("KEY", "sk-secret")]))
        .map_err(|problems| problems.iter().map(Problem::to_string).collect())
}

#[test]
fn formats_are_known_by_their_extension() {
    for (path, format) in [
        ("gateway.json", Some(Format::Json)),
        ("/etc/ditto.d/gateway.YAML", Some(Format::Yaml)),
        ("a.json/gateway.yml", Some(Format::Yaml)),
        ("a.json/gateway", None),
        ("gateway.conf", None),
        ("", None),
    ] {
        assert_eq!(Format::of_path(path), format, "{path}");
    }
}

#[test]
fn json_and_yaml_say_the_same() {
    let json = r#"{"backends": [{"name": "a", "base_url": "https://h/v1", "headers": {"authorization": "Bearer ${KEY}"},
        "model_map": {"*": "glm-4.7"}, "max_in_flight": 64}], "virtual_keys": [], "router": {"rules": [], "default_backend": "a"}}"#;
    let yaml = r#"
# A comment.
backends:
  - name: a
    base_url: &base https://h/v1
    headers: {authorization: "Bearer ${KEY}"}
    query_params:
    model_map: {"*": glm-4.7}
    max_in_flight: 64
virtual_keys: []
router: {rules: [], default_backend: a}
"#;
    let expected = load_json(json).unwrap();
    assert_eq!(load_yaml(yaml).unwrap(), expected);
    let environment = Fixed::new(&[("KEY", "sk-secret")]);
    for text in [json, yaml, &format!("\u{feff}{json}")] {
        assert_eq!(load(text, None, &environment).unwrap(), expected);
    }
}

#[test]
fn json_that_cannot_be_read_says_where_and_what_to_do() {
    for (text, line) in [
        ("", "the document is empty: the smallest one is {}"),
        (" \n", "the document is empty: the smallest one is {}"),
        (
            "{",
            "not valid JSON at line 1, column 1: EOF while parsing an object; the text ends early: close what is open, or check that the file is complete",
        ),
        (
            "{\n  \"backends\": [],\n}",
            "not valid JSON at line 3, column 1: trailing comma; remove the comma before the closing bracket",
        ),
        (
            "{'a': 1}",
            "not valid JSON at line 1, column 2: key must be a string; put the member's name in double quotes",
        ),
        (
            "{\"a\": 1 \"b\": 2}",
            "not valid JSON at line 1, column 9: expected `,` or `}`; put a comma between members, or close the bracket",
        ),
        ("{\"a\" 1}", "not valid JSON at line 1, column 6: expected `:`; put a colon after the member's name"),
        (
            "{} {}",
            "not valid JSON at line 1, column 4: trailing characters; a document is one value: remove what follows it",
        ),
        (
            "// x\n{}",
            "not valid JSON at line 1, column 1: expected value; write a value; JSON knows no comments, no single quotes and no bare words",
        ),
        (
            "{\"a\": \"x\ny\"}",
            "not valid JSON at line 2, column 0: control character (\\u0000-\\u001F) found while parsing a string; write a line break in a string as \\n",
        ),
        ("{\"a\": \"\\q\"}", "not valid JSON at line 1, column 9: invalid escape; write a backslash as \\\\"),
        ("{\"a\": 1e999}", "not valid JSON at line 1, column 11: number out of range; write a smaller number"),
    ] {
        assert_eq!(problems(text), [line], "{text}");
    }
    assert!(problems(&"[".repeat(1000))[0].contains("nested too deeply"));
    for text in ["[]", "1", "\"x\"", "null"] {
        assert!(problems(text)[0].starts_with("expected an object, found "), "{text}");
    }
}

#[test]
fn members_given_twice_are_reported_with_everything_else() {
    let text = r#"{"backends": [{"name": "a", "name": "b", "base_url": "http://h", "headers": {"x": "1", "x": "2"}}],
        "rooter": {}, "backends": []}"#;
    assert_eq!(
        problems(text),
        [
            "backends[0].name: this member is given twice: remove one",
            "backends[0].headers.x: this member is given twice: remove one",
            "backends: this member is given twice: remove one",
            "rooter: unknown field `rooter`; did you mean `router`?",
        ]
    );
}

#[test]
fn yaml_surprises_are_problems() {
    for (text, expected) in [
        ("backends: [", "not valid YAML: "),
        ("a: 1\n\tb: 2", "not valid YAML: "),
        ("backends: []\nbackends: []", "not valid YAML: duplicate mapping key: backends"),
        ("a: *nowhere", "not valid YAML: "),
        ("---\nrouter: {}\n---\nrouter: {}", "not valid YAML: "),
        ("just words", "expected an object, found a string"),
        ("# nothing", "expected an object, found null"),
        ("1: x", "a member's name is a number: put it in quotes"),
        ("true: x", "a member's name is a boolean: put it in quotes"),
        ("~: x", "a member's name is null: put it in quotes"),
        ("[a, b]: x", "a member's name is a list: put it in quotes"),
        ("{a: b}: x", "a member's name is an object: put it in quotes"),
        (
            "virtual_keys: [{id: a, token: 0123, enabled: yes}]",
            "virtual_keys[0].token: expected a string, found a number: put it in quotes",
        ),
        (
            "virtual_keys: [{id: a, token: b, enabled: yes}]",
            "virtual_keys[0].enabled: expected true or false, found a string",
        ),
        (
            "backends: [{name: a, base_url: 'http://h', timeout_seconds: .inf}]",
            "backends[0].timeout_seconds: expected a whole number, found a string",
        ),
        (
            "backends: [{name: a, base_url: !!binary aGVsbG8=}]",
            "backends[0].base_url: not a base URL such as https://api.openai.com/v1: must start with http:// or https://",
        ),
    ] {
        let problems = load_yaml(text).unwrap_err();
        assert!(problems[0].starts_with(expected), "{text}: {problems:?}");
    }
}

#[test]
fn yaml_problems_show_no_part_of_the_text() {
    let problems = load_yaml("virtual_keys:\n  - {id: a, token: hunter2\n  - b: [").unwrap_err();
    assert!(!problems.concat().contains("hunter2"), "{problems:?}");
}

#[test]
fn yaml_anchors_work_and_bombs_do_not() {
    let text = "x: &k {enabled: true}\nvirtual_keys:\n  - {<<: *k, id: a, token: t}";
    assert_eq!(
        load_yaml(text).unwrap_err(),
        [
            "x: unknown field `x`; the fields known here are backends, virtual_keys, router, redirects, mcp_servers, a2a_agents, observability"
        ]
    );
    let text = "virtual_keys:\n  - &k {id: a, token: t, limits: {rpm: 1}}\n  - {<<: *k, id: b, token: u}";
    let keys = load_yaml(text).unwrap().document.virtual_keys;
    assert_eq!((keys[1].id.as_str(), keys[1].limits.rpm), ("b", Some(1)));

    let mut bomb = "a0: &a0 [lol, lol]\n".to_owned();
    for i in 1..40 {
        bomb.push_str(&format!("a{i}: &a{i} [*a{}, *a{}]\n", i - 1, i - 1));
    }
    assert!(load_yaml(&bomb).is_err());
    let large = format!("a: &a {}\nb: [{}]", "x".repeat(1 << 20), vec!["*a"; 90].join(", "));
    assert!(load_yaml(&large).unwrap_err()[0].starts_with("not valid YAML: "));
    assert!(load_yaml(&"[".repeat(100_000)).is_err());
    assert!(load_yaml(&"- ".repeat(100_000)).is_err());
}

#[test]
fn a_text_of_unknown_format_is_told_about_in_both() {
    let environment = Fixed::default();
    let lines =
        |text| -> Vec<String> { load(text, None, &environment).unwrap_err().iter().map(Problem::to_string).collect() };
    let both = lines("{\"a\": [}");
    assert!(both[0].starts_with("not valid JSON at line 1, column 8"), "{both:?}");
    assert!(both[1].starts_with("not valid YAML: "), "{both:?}");
    assert!(lines("just words")[0].starts_with("not valid JSON"));
}

#[test]
fn a_document_may_be_a_fragment() {
    for text in ["{}", r#"{"backends": null, "virtual_keys": null, "router": null}"#] {
        let loaded = load_json(text).unwrap();
        assert_eq!(loaded, Loaded { document: Document::default(), warnings: Vec::new() });
    }
    assert!(warnings("{}").is_empty());
}

fn any_value() -> impl Strategy<Value = Value> {
    let text = prop_oneof!["\\PC{0,8}", "\\$\\{[A-Z}]{0,4}", "secret://[a-z/?=]{0,8}", "https?://\\PC{0,8}"];
    let known = prop::sample::select(vec![
        "backends",
        "virtual_keys",
        "router",
        "name",
        "base_url",
        "headers",
        "id",
        "token",
        "rules",
        "model_prefix",
        "default_backends",
        "backend",
        "weight",
        "limits",
        "guardrails",
        "model_list",
        "litellm_params",
        "model_name",
        "mcp_servers",
        "a2a_agents",
        "agent_card_params",
        "url",
        "observability",
        "sampling",
        "general_settings",
    ]);
    let name = prop_oneof![4 => known.prop_map(str::to_owned), 1 => "\\PC{0,6}"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner), 0..6).prop_map(|members| members.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn no_value_makes_it_panic(value in any_value()) {
        let text = value.to_string();
        let environment = Fixed::new(&[("A", "x")]);
        for format in [None, Some(Format::Json), Some(Format::Yaml)] {
            let _ = load(&text, format, &environment);
        }
        let _ = crate::document::VirtualKey::from_value(&value, "");
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let text = String::from_utf8_lossy(&bytes);
        let _ = load(&text, None, &Fixed::default());
    }

    #[test]
    fn no_punctuation_makes_it_panic(text in "[-{}\\[\\]:,&*!|>'\"%@ \\n\\ta-c0]{0,80}") {
        let _ = load(&text, None, &Fixed::default());
    }
}

//! Prompts in, completions out.

use serde_json::{Value, json};

use super::*;
use crate::chat;
use crate::client::Client;
use crate::fold::play;
use crate::loss::{Losses, Refusal};
use crate::stream::StreamWriter;
use crate::target::{Host, ReplyContext, Target};

/// What a request becomes at OpenAI, and what it lost.
fn through(body: &Value, lossy: bool) -> Result<(Value, Vec<String>), Refusal> {
    let (body, mut losses) = (body.to_string(), Losses::new(Client::Completions, lossy));
    let request = read_request(body.as_bytes(), &mut losses)?;
    let target = Target { model: "served", host: Host::Own, default_max_output: 4096 };
    let outgoing = chat::write_request(&request, &target, &mut losses)?;
    let lost = losses.dropped().iter().map(|loss| loss.field.to_string()).collect();
    Ok((serde_json::from_slice(&outgoing.body).unwrap(), lost))
}

#[test]
fn a_prompt_becomes_a_users_turn() {
    let body = json!({"model": "m", "prompt": ["Say \"hi\"."], "max_tokens": 5, "logprobs": 2, "stop": "END", "n": 2,
        "best_of": 3, "user": "ann", "stream": true, "stream_options": {"include_usage": true}});
    let expected = json!({"model": "served", "messages": [{"role": "user", "content": "Say \"hi\"."}],
        "max_completion_tokens": 5, "logprobs": true, "top_logprobs": 2, "stop": ["END"], "n": 2,
        "safety_identifier": "ann", "stream": true, "stream_options": {"include_usage": true}});
    assert_eq!(through(&body, false), Ok((expected, vec!["best_of".to_owned()])));
}

#[test]
fn what_models_that_chat_cannot_do_is_refused() {
    let field = |name: &str, value: Value| {
        let mut body = json!({"model": "m", "prompt": "a"});
        body[name] = value;
        through(&body, false).unwrap_err().field
    };
    for prompt in [json!(["a", "b"]), json!([1, 2]), json!([[1], [2]]), json!([]), json!(null), json!({})] {
        assert_eq!(field("prompt", prompt), "prompt");
    }
    assert_eq!(field("suffix", json!("z")), "suffix");
    assert_eq!(field("echo", json!(true)), "echo");
    assert_eq!(field("model", json!(null)), "model");
    let lossy = json!({"model": "m", "prompt": "a", "suffix": "z", "echo": true});
    assert_eq!(through(&lossy, true).unwrap().1, ["suffix", "echo"]);
}

#[test]
fn every_member_is_read_or_told() {
    for field in fields::FIELDS {
        let mut body: Value = serde_json::from_str(fields::BASE).unwrap();
        let (before, _) = through(&body, true).unwrap();
        let sample: Value = serde_json::from_str(field.sample).unwrap();
        for (name, value) in sample.as_object().unwrap() {
            body[name] = value.clone();
        }
        let (after, lost) = through(&body, true).unwrap();
        // The model is the backend's.
        assert!(field.name == "model" || after != before || lost.contains(&field.name.to_owned()), "{field:?}");
    }
}

fn reply() -> Vec<u8> {
    json!({"id": "r", "model": "m", "created": 5,
        "choices": [{"index": 0, "finish_reason": "length",
            "message": {"content": "Hé!", "reasoning_content": "hm"},
            "logprobs": {"content": [
                {"token": "Hé", "logprob": -0.5, "bytes": null, "top_logprobs": [{"token": "Ha", "logprob": -2.0}]},
                {"token": "!", "logprob": -0.25, "bytes": null, "top_logprobs": []}]}}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2}})
    .to_string()
    .into_bytes()
}

fn usage() -> Value {
    json!({"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3,
        "prompt_tokens_details": {"cached_tokens": 0}, "completion_tokens_details": {"reasoning_tokens": 0}})
}

fn logprobs() -> Value {
    json!({"tokens": ["Hé", "!"], "token_logprobs": [-0.5, -0.25], "top_logprobs": [{"Ha": -2.0}, {}],
        "text_offset": [0, 2]})
}

#[test]
fn a_reply_is_a_text_completion() {
    let reply = reply();
    let written = write_reply(&chat::read_reply(&reply).unwrap(), &ReplyContext::default());
    let expected = json!({"id": "r", "object": "text_completion", "created": 5, "model": "m", "usage": usage(),
        "choices": [{"text": "Hé!", "index": 0, "finish_reason": "length", "logprobs": logprobs()}]});
    assert_eq!(serde_json::from_slice::<Value>(&written).unwrap(), expected);
}

#[test]
fn a_stream_is_made_of_text_completions() {
    let reply = reply();
    let mut writer = Writer::new(&ReplyContext { include_usage: true, ..ReplyContext::default() });
    play(&chat::read_reply(&reply).unwrap(), &mut writer);
    let text = String::from_utf8(std::mem::take(writer.output())).unwrap();
    let chunk = |choices: Value, usage: Value| json!({"id": "r", "object": "text_completion", "created": 5, "model": "m", "choices": choices, "usage": usage});
    let choice = |text: &str, logprobs: Value, finish: Value| {
        let choice = json!({"text": text, "index": 0, "logprobs": logprobs, "finish_reason": finish});
        chunk(json!([choice]), Value::Null)
    };
    let mut events = text.split_terminator("\n\n").map(|event| event.strip_prefix("data: ").unwrap());
    let mut next = || serde_json::from_str::<Value>(events.next().unwrap()).unwrap();
    assert_eq!(next(), choice("Hé!", Value::Null, Value::Null));
    assert_eq!(next(), choice("", logprobs(), Value::Null));
    assert_eq!(next(), choice("", Value::Null, json!("length")));
    assert_eq!(next(), chunk(json!([]), usage()));
    assert_eq!(events.collect::<Vec<_>>(), ["[DONE]"]);
}

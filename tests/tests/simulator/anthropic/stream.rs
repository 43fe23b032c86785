//! Streams of messages.

use serde_json::{Value, json};

use super::super::with;
use super::{ask, events, hello, say, start, weather_tool};

fn kinds(events: &[Value]) -> Vec<&str> {
    let mut kinds: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    kinds.dedup();
    kinds
}

/// What a client that follows the stream has at its end.
fn folded(events: &[Value]) -> Value {
    let mut message = events[0]["message"].clone();
    let mut json = String::new();
    for event in &events[1..] {
        let at = event["index"].as_u64().map_or(0, |index| usize::try_from(index).unwrap());
        match event["type"].as_str().unwrap() {
            "content_block_start" => {
                assert_eq!(message["content"].as_array().unwrap().len(), at, "blocks come in order");
                message["content"].as_array_mut().unwrap().push(event["content_block"].clone());
                json.clear();
            }
            "content_block_delta" => {
                let delta = &event["delta"];
                let field = match delta["type"].as_str().unwrap() {
                    "text_delta" => "text",
                    "thinking_delta" => "thinking",
                    "signature_delta" => "signature",
                    "input_json_delta" => {
                        json.push_str(delta["partial_json"].as_str().unwrap());
                        continue;
                    }
                    other => panic!("a delta {other}"),
                };
                let block = &mut message["content"][at];
                let so_far = format!("{}{}", block[field].as_str().unwrap(), delta[field].as_str().unwrap());
                block[field] = json!(so_far);
            }
            "content_block_stop" if !json.is_empty() => {
                message["content"][at]["input"] = serde_json::from_str(&json).unwrap();
            }
            "message_delta" => {
                message = with(message, event["delta"].clone());
                message["usage"] = with(message["usage"].clone(), event["usage"].clone());
            }
            _ => {}
        }
    }
    message
}

#[tokio::test]
async fn events_come_in_the_order_of_the_real_ones() {
    let (simulator, client) = start();
    let events = events(&client, &hello()).await;
    let expected = [
        "message_start",
        "content_block_start",
        "ping",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ];
    assert_eq!(kinds(&events), expected);
    let start = &events[0]["message"];
    assert_eq!((&start["content"], &start["stop_reason"]), (&json!([]), &Value::Null));
    assert_eq!((&start["usage"]["input_tokens"], &start["usage"]["output_tokens"]), (&json!(8), &json!(1)));
    let delivery = simulator.deliveries().pop().unwrap();
    assert!(delivery.stream && delivery.generated_tokens == delivery.delivered_tokens);
    assert_eq!(delivery.usage_tokens, Some(delivery.generated_tokens));
}

#[tokio::test]
async fn a_stream_folds_to_the_plain_message() {
    let (_simulator, client) = start();
    let thinking = json!({"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2000});
    let tools = json!({"tools": [weather_tool("a"), weather_tool("b")]});
    let cases = [
        hello(),
        with(hello(), json!({"max_tokens": 3})),
        with(hello(), json!({"stop_sequences": ["digest"]})),
        say("[[refuse Never.]]"),
        with(say("[[think First this.]][[say Then that.]][[call a]][[call b {}]]"), with(thinking.clone(), tools)),
        with(hello(), thinking),
    ];
    for request in cases {
        let mut plain = ask(&client, &request).await;
        let mut folded = folded(&events(&client, &request).await);
        // Ids carry the number of the request.
        for message in [&mut plain, &mut folded] {
            message["id"] = Value::Null;
            for block in message["content"].as_array_mut().unwrap() {
                block.as_object_mut().unwrap().remove("id");
            }
        }
        assert_eq!(folded, plain, "{request}");
    }
}

#[tokio::test]
async fn arguments_come_in_pieces_after_an_empty_one() {
    let (_simulator, client) = start();
    let request =
        with(say("[[call w {\"city\": \"Longyearbyen on Svalbard\"}]]"), json!({"tools": [weather_tool("w")]}));
    let events = events(&client, &request).await;
    let pieces: Vec<&str> = events.iter().filter_map(|event| event["delta"]["partial_json"].as_str()).collect();
    assert!(pieces.len() > 2 && pieces[0].is_empty(), "{pieces:?}");
    assert_eq!(events[1]["content_block"]["input"], json!({}));
}

//! The endpoints beside chat and responses.

use base64::Engine;
use ditto_tests::client::form::Form;
use http::Method;
use serde_json::{Value, json};

use super::{fields, start, with};

#[tokio::test]
async fn completions_answer_each_prompt_n_times() {
    let (_simulator, client) = start();
    let request = json!({"model": "m", "prompt": ["One two three", "Four"], "n": 2, "max_tokens": 5});
    let body = client.post("/v1/completions", &request).send().await.expect_status(200).await.json().await;
    assert_eq!(body["object"], "text_completion");
    assert!(body["id"].as_str().unwrap().starts_with("cmpl-"));
    assert_eq!(body["choices"].as_array().unwrap().len(), 4);
    assert_eq!(fields(&body["choices"][3]), ["finish_reason", "index", "logprobs", "text"]);
    assert_eq!(body["usage"], json!({"prompt_tokens": 4, "completion_tokens": 20, "total_tokens": 24}));
}

#[tokio::test]
async fn completions_stream_with_usage() {
    let (_simulator, client) = start();
    let request = json!({"model": "m", "prompt": [1, 2, 3], "stream": true});
    let plain =
        client.post("/v1/completions", &with(request.clone(), json!({"stream": false}))).send().await.json().await;
    let request = with(request, json!({"stream_options": {"include_usage": true}}));
    let events = client.post("/v1/completions", &request).send().await.events().await;
    let chunks: Vec<Value> = events[..events.len() - 1].iter().map(|timed| timed.event.json()).collect();
    let (usage, texts) = chunks.split_last().unwrap();
    assert_eq!(usage["choices"], json!([]));
    assert_eq!(usage["usage"], plain["usage"]);
    let text: String = texts.iter().filter_map(|chunk| chunk["choices"][0]["text"].as_str()).collect();
    assert_eq!(plain["choices"][0]["text"], text);
    assert!(texts.last().unwrap()["choices"][0]["finish_reason"].is_string());
}

#[tokio::test]
async fn embeddings_come_as_numbers_or_base64() {
    let (_simulator, client) = start();
    let request = json!({"model": "text-embedding-3-small", "input": ["a b c", "d"], "dimensions": 8});
    let floats = client.post("/v1/embeddings", &request).send().await.expect_status(200).await.json().await;
    let request = with(request, json!({"encoding_format": "base64"}));
    let encoded = client.post("/v1/embeddings", &request).send().await.json().await;
    assert_eq!(fields(&floats), ["data", "model", "object", "usage"]);
    assert_eq!(floats["usage"], json!({"prompt_tokens": 4, "total_tokens": 4}));
    for (number, text) in floats["data"].as_array().unwrap().iter().zip(encoded["data"].as_array().unwrap()) {
        assert_eq!(number["object"], "embedding");
        let bytes = base64::engine::general_purpose::STANDARD.decode(text["embedding"].as_str().unwrap()).unwrap();
        let decoded: Vec<f32> = bytes.chunks(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect();
        let written: Vec<f32> = serde_json::from_value(number["embedding"].clone()).unwrap();
        assert_eq!(decoded, written);
        let length: f32 = written.iter().map(|number| number * number).sum();
        assert!((length - 1.0).abs() < 1e-4, "the vector has length 1");
    }
    let whole = client.post("/v1/embeddings", &json!({"model": "m", "input": "x"})).send().await.json().await;
    assert_eq!(whole["data"][0]["embedding"].as_array().unwrap().len(), 1536);
}

#[tokio::test]
async fn models_are_listed_and_found() {
    let (_simulator, client) = start();
    let list = client.get("/v1/models").send().await.expect_status(200).await.json().await;
    assert_eq!(list["object"], "list");
    assert_eq!(fields(&list["data"][0]), ["created", "id", "object", "owned_by"]);
    let one = client.get("/v1/models/gpt-4o-mini").send().await.expect_status(200).await.json().await;
    assert_eq!(one["id"], "gpt-4o-mini");
    let none = client.get("/v1/models/nothing").send().await.expect_status(404).await.json().await;
    assert_eq!(none["error"]["code"], "model_not_found");
}

#[tokio::test]
async fn files_are_kept_until_deleted() {
    let (_simulator, client) = start();
    let data: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let form = Form::new().text("purpose", "batch").file("file", "in.jsonl", "application/jsonl", &data);
    let upload = client.request(Method::POST, "/v1/files").header("content-type", &form.content_type());
    let file = upload.body(form.into_body()).send().await.expect_status(200).await.json().await;
    assert_eq!(
        (&file["bytes"], &file["filename"], &file["purpose"]),
        (&json!(100_000), &json!("in.jsonl"), &json!("batch"))
    );
    let path = format!("/v1/files/{}", file["id"].as_str().unwrap());
    let list = client.get("/v1/files").send().await.json().await;
    assert_eq!(list["data"], json!([file]));
    assert_eq!(client.get(&path).send().await.json().await, file);
    assert_eq!(client.get(&format!("{path}/content")).send().await.bytes().await, data);
    let deleted = client.delete(&path).send().await.json().await;
    assert_eq!(deleted, json!({"object": "file", "id": file["id"], "deleted": true}));
    let gone = client.get(&path).send().await.expect_status(404).await.json().await;
    assert_eq!(gone["error"]["param"], "id");
}

#[tokio::test]
async fn speech_is_binary_and_chunked() {
    let (_simulator, client) = start();
    let request = json!({"model": "tts-1", "voice": "alloy", "input": "A sentence to be said aloud."});
    let mut response = client.post("/v1/audio/speech", &request).send().await.expect_status(200).await;
    assert_eq!(response.header("content-type"), Some("audio/mpeg"));
    assert_eq!(response.header("content-length"), None);
    let sound = response.bytes().await;
    assert_eq!(sound.len(), 28 * 400);
    assert!(std::str::from_utf8(&sound).is_err(), "not text");
    let again = client.post("/v1/audio/speech", &request).send().await.bytes().await;
    assert_eq!(sound, again);
}

#[tokio::test]
async fn transcriptions_come_in_every_format() {
    let (_simulator, client) = start();
    let ask = |path: &str, extra: &[(&str, &str)]| {
        let mut form = Form::new().text("model", "whisper-1").file("file", "a.wav", "audio/wav", &[7; 20_000]);
        for (name, value) in extra {
            form = form.text(name, value);
        }
        let request = client.request(Method::POST, path).header("content-type", &form.content_type());
        request.body(form.into_body()).send()
    };
    let path = "/v1/audio/transcriptions";
    let json = ask(path, &[]).await.expect_status(200).await.json().await;
    assert_eq!(json["usage"], json!({"type": "duration", "seconds": 2}));
    let said = json["text"].as_str().unwrap().to_owned();
    let text = ask(path, &[("response_format", "text")]).await.text().await;
    assert_eq!(text.trim_end(), said);
    let verbose = ask(path, &[("response_format", "verbose_json")]).await.json().await;
    assert_eq!((&verbose["text"], &verbose["task"]), (&json!(said), &json!("transcribe")));
    assert!(ask(path, &[("response_format", "vtt")]).await.text().await.starts_with("WEBVTT\n"));
    let events = ask(path, &[("stream", "true")]).await.events().await;
    let done = events[events.len() - 2].event.json();
    assert_eq!((&done["type"], &done["text"]), (&json!("transcript.text.done"), &json!(said)));
    let translated = ask("/v1/audio/translations", &[]).await.json().await;
    assert_eq!(fields(&translated), ["text"]);
}

#[tokio::test]
async fn moderations_flag_by_a_word() {
    let (_simulator, client) = start();
    let request = json!({"input": ["peace", "much violence"]});
    let body = client.post("/v1/moderations", &request).send().await.expect_status(200).await.json().await;
    assert_eq!(body["results"][0]["flagged"], false);
    assert_eq!(body["results"][1]["flagged"], true);
    assert_eq!(body["results"][1]["categories"]["violence"], true);
    assert_eq!(fields(&body["results"][1]["categories"]), fields(&body["results"][1]["category_scores"]));
}

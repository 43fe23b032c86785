use serde_json::{Value, json};

use super::*;
use crate::client::Client;
use crate::loss::{Losses, Refusal};
use crate::target::{Host, Outgoing, Target};

fn sent(body: &Value, backend: Backend) -> Result<(Outgoing, Vec<String>), Refusal> {
    let body = body.to_string();
    let mut losses = Losses::new(Client::Chat, false);
    let asked = match body.contains("\"content\"") {
        true => read_gemini(body.as_bytes(), body.contains("requests"), &mut losses)?,
        false => read_openai(body.as_bytes(), &mut losses)?,
    };
    let host = match backend {
        Backend::Vertex => Host::Vertex { project: "p", location: "l" },
        _ => Host::Own,
    };
    let target = Target { model: "emb-1", host, default_max_output: 1 };
    let outgoing = write_request(&asked, backend, &target, &mut losses)?;
    Ok((outgoing, losses.dropped().iter().map(|loss| loss.field.to_string()).collect()))
}

fn written(body: &Value, backend: Backend) -> (String, Value) {
    let (outgoing, _) = sent(body, backend).unwrap();
    (outgoing.path, serde_json::from_slice(&outgoing.body).unwrap())
}

#[test]
fn an_openai_client_reaches_all() {
    let body = json!({"model": "m", "input": ["a", "b"], "dimensions": 256, "input_type": "search_query"});
    let one = |text: &str| {
        json!({"model": "models/emb-1", "content": {"parts": [{"text": text}]}, "taskType": "RETRIEVAL_QUERY",
            "outputDimensionality": 256})
    };
    let gemini = ("/v1beta/models/emb-1:batchEmbedContents".to_owned(), json!({"requests": [one("a"), one("b")]}));
    assert_eq!(written(&body, Backend::Gemini), gemini);
    let one = |text: &str| json!({"content": text, "task_type": "RETRIEVAL_QUERY"});
    let path = "/v1/projects/p/locations/l/publishers/google/models/emb-1:predict".to_owned();
    let vertex = json!({"instances": [one("a"), one("b")], "parameters": {"outputDimensionality": 256}});
    assert_eq!(written(&body, Backend::Vertex), (path, vertex));
    let cohere = json!({"model": "emb-1", "texts": ["a", "b"], "input_type": "search_query",
        "embedding_types": ["float"], "output_dimension": 256});
    assert_eq!(written(&body, Backend::Cohere), ("/v2/embed".to_owned(), cohere));
}

#[test]
fn what_is_missing_or_lost_is_told() {
    let (outgoing, lost) = sent(&json!({"input": "a", "user": "u"}), Backend::Cohere).unwrap();
    let body: Value = serde_json::from_slice(&outgoing.body).unwrap();
    assert_eq!(
        (body["input_type"].as_str(), lost),
        (Some("search_document"), vec!["user".into(), "input_type".into()])
    );
    for (body, field) in [
        (json!({"input": [1, 2]}), "input"),
        (json!({"input": [[1], [2]]}), "input"),
        (json!({"input": []}), "input"),
        (json!({"input": vec!["a"; 97]}), "input"),
        (json!({"input": "a", "encoding_format": "bits"}), "encoding_format"),
        (json!({"content": {"parts": [{"inlineData": {}}]}}), "content.parts.inlineData"),
    ] {
        assert_eq!(sent(&body, Backend::Cohere).unwrap_err().field, field, "{body}");
    }
}

#[test]
fn a_gemini_client_reaches_openai() {
    let one =
        |text: &str| json!({"model": "models/m", "content": {"parts": [{"text": text}]}, "outputDimensionality": 8});
    let expected =
        |input: Value| json!({"model": "emb-1", "input": input, "encoding_format": "float", "dimensions": 8});
    assert_eq!(written(&one("a"), Backend::OpenAi), ("/v1/embeddings".to_owned(), expected(json!(["a"]))));
    let (_, batch) = written(&json!({"requests": [one("a"), one("b")]}), Backend::OpenAi);
    assert_eq!(batch, expected(json!(["a", "b"])));
}

fn answered(reply: &Value, backend: Backend, form: Form) -> Value {
    let reply = reply.to_string();
    let embedded = read_reply(reply.as_bytes(), backend).unwrap();
    serde_json::from_slice(&write_reply(&embedded, form, "m", 42).unwrap()).unwrap()
}

#[test]
fn vectors_and_usage_come_back() {
    let openai = |embedding: Value, tokens: u64| {
        json!({"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": embedding}], "model": "m",
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens}})
    };
    let gemini = json!({"embeddings": [{"values": [0.5, -1.0]}]});
    assert_eq!(answered(&gemini, Backend::Gemini, Form::Numbers), openai(json!([0.5, -1.0]), 42));
    assert_eq!(answered(&gemini, Backend::Gemini, Form::Base64), openai(json!("AAAAPwAAgL8="), 42));
    let vertex = json!({"predictions": [{"embeddings": {"values": [0.5], "statistics": {"token_count": 3.0}}}]});
    assert_eq!(answered(&vertex, Backend::Vertex, Form::Numbers), openai(json!([0.5]), 3));
    let cohere = json!({"embeddings": {"float": [[0.5]]}, "meta": {"billed_units": {"input_tokens": 4}}});
    assert_eq!(answered(&cohere, Backend::Cohere, Form::Numbers), openai(json!([0.5]), 4));
    let own = json!({"data": [{"index": 1, "embedding": [2]}, {"index": 0, "embedding": [1]}], "usage": {"prompt_tokens": 5}});
    let both = json!({"embeddings": [{"values": [1]}, {"values": [2]}]});
    assert_eq!(answered(&own, Backend::OpenAi, Form::Batch), both);
    assert_eq!(answered(&own, Backend::OpenAi, Form::One), json!({"embedding": {"values": [1]}}));
    assert_eq!(read_reply(b"{}", Backend::Gemini), None);
}

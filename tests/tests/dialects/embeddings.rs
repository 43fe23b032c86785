//! Embeddings and ranking over backends of other dialects.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ditto_tests::backends;
use ditto_tests::harness::config;
use serde_json::{Value, json};

use super::rig::Site;

/// The numbers of a vector, in either form of OpenAI's.
fn numbers(vector: &Value) -> Vec<f64> {
    match vector.as_str() {
        None => vector.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect(),
        Some(text) => {
            let bytes = STANDARD.decode(text).unwrap();
            bytes.chunks_exact(4).map(|four| f64::from(f32::from_le_bytes(four.try_into().unwrap()))).collect()
        }
    }
}

pub(super) async fn an_openai_client_embeds(site: &Site) {
    let client = site.client();
    for backend in ["plain", "compatible", "openai", "azure", "azure-v1", "google", "vertex", "cohere"] {
        let mut vectors = Vec::new();
        for format in ["float", "base64"] {
            let input = ["The first text.", "Another one."];
            let body = json!({"model": format!("on-{backend}"), "input": input, "dimensions": 256,
                "encoding_format": format});
            let asked = client.post("/v1/embeddings", &body);
            let reply = asked.send().await.expect_status(200).await.json().await;
            let data = reply["data"].as_array().unwrap();
            assert_eq!((data.len(), data[1]["index"].as_u64()), (2, Some(1)), "{backend}");
            assert_eq!(data[0]["embedding"].is_string(), format == "base64", "{backend}");
            let told = reply["usage"]["prompt_tokens"].as_u64().unwrap();
            let delivered = site.simulator.deliveries().pop().expect("a delivery");
            assert_eq!(told, delivered.prompt_tokens, "{backend}: {}", reply["usage"]);
            vectors.push(numbers(&data[0]["embedding"]));
        }
        assert_eq!((vectors[0].len(), vectors[1].len()), (256, 256), "{backend}");
        let same = vectors[0].iter().zip(&vectors[1]).all(|(one, other)| (one - other).abs() < 1e-6);
        assert!(same && vectors[0].iter().any(|number| *number != 0.0), "{backend}");
    }
}

pub(super) async fn a_gemini_client_embeds_at_openais_kind(site: &Site) {
    let client = site.gateway.client().with_header("x-goog-api-key", config::TOKEN);
    for backend in ["compatible", "azure", "google"] {
        let one = |text: &str| {
            json!({"model": format!("models/{}", backends::model(backend)), "content": {"parts": [{"text": text}]},
                "outputDimensionality": 8})
        };
        let path = format!("/v1beta/models/on-{backend}:embedContent");
        let reply = client.post(&path, &one("a")).send().await.expect_status(200).await.json().await;
        assert_eq!(numbers(&reply["embedding"]["values"]).len(), 8, "{backend}: {reply}");
        let path = format!("/v1beta/models/on-{backend}:batchEmbedContents");
        let body = json!({"requests": [one("a"), one("b")]});
        let reply = client.post(&path, &body).send().await.expect_status(200).await.json().await;
        assert_eq!(reply["embeddings"].as_array().unwrap().len(), 2, "{backend}: {reply}");
    }
}

pub(super) async fn tokens_are_no_text_for_another_providers_model(site: &Site) {
    let client = site.client();
    site.simulator.forget_requests();
    let body = json!({"model": "on-google", "input": [[1, 2]]});
    let asked = client.post("/v1/embeddings", &body);
    let body = asked.send().await.expect_status(400).await.json().await;
    assert!(body["error"]["message"].as_str().unwrap().contains("'input'"), "{body}");
    assert!(site.simulator.requests().is_empty());
}

pub(super) async fn documents_are_ranked_by_cohere(site: &Site) {
    let client = site.client();
    let documents = json!(["A cat sleeps.", {"text": "A dog barks at a cat."}, "Rain."]);
    let body = json!({"model": "on-cohere", "query": "dog cat", "documents": documents, "top_n": 2,
        "return_documents": true});
    let asked = client.post("/v1/rerank", &body);
    let reply = asked.send().await.expect_status(200).await.json().await;
    let results = reply["results"].as_array().unwrap();
    let ranks: Vec<_> = results.iter().map(|ranked| ranked["index"].as_u64().unwrap()).collect();
    assert_eq!(ranks, [1, 0], "{reply}");
    assert_eq!(results[0]["document"]["text"], "A dog barks at a cat.");
    let body = json!({"model": "on-google", "query": "q", "documents": ["a"]});
    let asked = client.post("/v1/rerank", &body);
    asked.send().await.expect_status(501).await;
}

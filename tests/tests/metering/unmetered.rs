//! Endpoints whose use nobody can count: what a key with a budget gets there.

use ditto_tests::client::form::Form;
use ditto_tests::client::websocket::WebSocket;
use ditto_tests::client::{Client, Response};
use ditto_tests::support::expect_error;
use http::Method;
use serde_json::{Value, json};

use super::costs::{flag, prices};
use super::rig::{CHAT, PLENTY, Rig, chat, key, with};

const UNSUPPORTED: &str = "cost_budget_unsupported_endpoint";

async fn upload(client: &Client, path: &str, form: Form) -> Response {
    let content_type = form.content_type();
    client.request(Method::POST, path).header("content-type", &content_type).body(form.into_body()).send().await
}

fn sound() -> Form {
    Form::new().text("model", "whisper-1").file("file", "a.wav", "audio/wav", &[7; 40_000])
}

fn file() -> Form {
    Form::new().text("purpose", "batch").file("file", "a.jsonl", "application/jsonl", b"{}")
}

async fn open_websocket(client: &Client) -> Result<(), (u16, Value)> {
    match WebSocket::open(client, "/v1/realtime?model=plain", &[]).await.expect("a connection") {
        Ok(mut socket) => {
            assert_eq!(socket.next_json().await.expect("a message")["type"], "session.created");
            socket.send(&json!({"type": "response.create"})).await.expect("it can be sent");
            for kind in ["response.created", "response.output_text.delta", "response.done"] {
                assert_eq!(socket.next_json().await.expect("a message")["type"], kind);
            }
            socket.close().await.expect("it can be closed");
            Ok(())
        }
        Err(refused) => Err((refused.status, serde_json::from_str(&refused.body).expect("JSON"))),
    }
}

#[tokio::test]
async fn what_cannot_be_counted_is_refused_where_a_budget_is_to_be_kept_and_free_elsewhere() {
    let keys = [
        with(key("money", PLENTY), json!({"budget": {"total_usd_micros": PLENTY}})),
        with(key("strict", PLENTY), json!({"budget_mode": "strict"})),
        key("tokens", PLENTY),
        key("poor", 5),
    ];
    let prices = prices();
    let rig = Rig::start(keys, &flag(&prices)).await;

    for id in ["money", "strict"] {
        let client = rig.client(id);
        let (status, body) = open_websocket(&client).await.expect_err("a websocket is refused");
        assert_eq!((status, &body["error"]["code"]), (400, &json!(UNSUPPORTED)), "{id}");
        expect_error(upload(&client, "/v1/audio/transcriptions", sound()).await, 400, UNSUPPORTED).await;
        assert_eq!(rig.delivered(id).requests, 0, "{id}: nothing went on");
        // Files cost nothing by themselves.
        upload(&client, "/v1/files", file()).await.expect_status(200).await.bytes().await;
        assert_eq!(rig.books.booked(id, 1).await["spent_tokens"], 0, "{id}");
    }
    // A chat must be JSON to be bounded, whatever its sender calls it.
    let disguised = rig.client("strict").request(Method::POST, CHAT).header("content-type", "text/plain");
    expect_error(disguised.body(chat("Hi").to_string()).send().await, 400, "invalid_request").await;

    // A budget of tokens in estimate mode lets through what nobody can count, and counts what is told of it.
    let client = rig.client("tokens");
    open_websocket(&client).await.expect("a websocket");
    upload(&client, "/v1/files", file()).await.expect_status(200).await.bytes().await;
    assert_eq!(rig.books.booked("tokens", 2).await["spent_tokens"], 0);
    upload(&client, "/v1/audio/transcriptions", sound()).await.expect_status(200).await.bytes().await;
    rig.books.booked("tokens", 3).await;

    // An exhausted budget ends what costs tokens, and not what is free.
    expect_error(rig.client("poor").post(CHAT, &chat("Say hello.")).send().await, 402, "budget_exceeded").await;
    rig.client("poor").get("/v1/files").send().await.expect_status(200).await.bytes().await;
    assert_eq!(rig.books.booked("poor", 1).await["spent_tokens"], 0);
}

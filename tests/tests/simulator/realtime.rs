//! The websocket endpoint.

use ditto_tests::client::Client;
use ditto_tests::client::websocket::WebSocket;
use ditto_tests::simulator::{Simulator, SimulatorConfig};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use super::start;

const PATH: &str = "/v1/realtime?model=gpt-realtime";

#[tokio::test]
async fn a_session_opens_and_echoes() {
    let (simulator, client) = start();
    let mut socket = WebSocket::open(&client, PATH, &[("authorization", "Bearer x")]).await.unwrap().unwrap();
    assert!(socket.handshake.headers().get("sec-websocket-protocol").is_none());
    let created = socket.next_json().await.unwrap();
    assert_eq!(created["type"], "session.created");
    assert_eq!(created["session"]["model"], "gpt-realtime");
    let event = json!({"type": "session.update", "session": {"voice": "alloy"}});
    socket.send(&event).await.unwrap();
    let echo = socket.next_json().await.unwrap();
    assert_eq!((&echo["type"], &echo["received"]), (&json!("simulator.echo"), &event));
    socket.send_message(Message::binary(vec![0u8, 255])).await.unwrap();
    assert_eq!(socket.next_message().await.unwrap(), Some(Message::binary(vec![0u8, 255])));
    socket.send_message(Message::text("{oops")).await.unwrap();
    assert_eq!(socket.next_json().await.unwrap()["type"], "error");
    socket.send(&json!({"type": "response.create"})).await.unwrap();
    for kind in ["response.created", "response.output_text.delta", "response.done"] {
        assert_eq!(socket.next_json().await.unwrap()["type"], kind);
    }
    socket.close().await.unwrap();
    assert_eq!(simulator.last_request().header("authorization"), Some("Bearer x"));
}

#[tokio::test]
async fn the_offered_subprotocol_is_chosen() {
    let config = SimulatorConfig { api_key: Some("sk-right".to_owned()), ..SimulatorConfig::default() };
    let simulator = Simulator::start_with(config).unwrap();
    let client = Client::new(&simulator.url());
    let offer = |protocols: &'static str| [("sec-websocket-protocol", protocols)];
    let browser = offer("realtime, openai-insecure-api-key.sk-right, openai-beta.realtime-v1");
    let socket = WebSocket::open(&client, PATH, &browser).await.unwrap().unwrap();
    assert_eq!(socket.handshake.headers()["sec-websocket-protocol"], "realtime");

    let wrong_key = offer("realtime, openai-insecure-api-key.sk-wrong");
    let refused = WebSocket::open(&client, PATH, &wrong_key).await.unwrap().unwrap_err();
    assert_eq!(refused.status, 401);
    let no_key = WebSocket::open(&client, PATH, &offer("realtime")).await.unwrap().unwrap_err();
    assert_eq!(no_key.status, 401);
    let other = offer("soap, openai-insecure-api-key.sk-right");
    let refused = WebSocket::open(&client, PATH, &other).await.unwrap().unwrap_err();
    assert_eq!(refused.status, 400);
}

#[tokio::test]
async fn a_session_needs_a_model_and_a_websocket() {
    let (_simulator, client) = start();
    let refused = WebSocket::open(&client, "/v1/realtime", &[]).await.unwrap().unwrap_err();
    assert!(refused.status == 400 && refused.body.contains("\"model\""), "{refused:?}");
    client.get(PATH).send().await.expect_status(400).await;
}

//! `GET /v1/realtime`: a websocket that opens with `session.created` and then says back what it hears.
//!
//! A text message comes back as `{"type": "simulator.echo", "received": …}`, a binary one as it is, and
//! `{"type": "response.create"}` gets a small response with usage, in three events.

use futures_util::{SinkExt, StreamExt};
use http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::super::reply::{Body, Reply};
use super::Call;
use super::error::ApiError;

/// The subprotocol of the endpoint; a client that offers any must offer this one.
const PROTOCOL: &str = "realtime";
/// A browser cannot set headers and offers its key as a subprotocol that starts so.
const KEY_PROTOCOL: &str = "openai-insecure-api-key.";

pub(in super::super) fn is_upgrade<B>(request: &Request<B>) -> bool {
    let asks = request.headers().get(UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"));
    asks && request.method() == Method::GET && request.uri().path() == "/v1/realtime"
}

pub(super) fn without_upgrade() -> ApiError {
    ApiError::invalid("This endpoint speaks websocket only.")
}

/// Answers the handshake and leaves a task behind that holds the conversation.
pub(in super::super) fn open(call: &Call<'_>, upgrade: OnUpgrade) -> Reply {
    let handshake = match Handshake::read(call) {
        Ok(handshake) => handshake,
        Err(error) => return error.into_reply(),
    };
    let session = format!("sess_sim{:016x}", call.order);
    tokio::spawn(async move {
        if let Ok(upgraded) = upgrade.await {
            // An error is the other side going away.
            let _ = converse(upgraded, &session, &handshake.model).await;
        }
    });
    let mut headers = vec![
        (UPGRADE, HeaderValue::from_static("websocket")),
        (CONNECTION, HeaderValue::from_static("upgrade")),
        (SEC_WEBSOCKET_ACCEPT, handshake.accept),
    ];
    headers.extend(handshake.protocol.map(|protocol| (SEC_WEBSOCKET_PROTOCOL, protocol)));
    Reply { status: StatusCode::SWITCHING_PROTOCOLS, headers, body: Body::Pieces(Vec::new()), bill: None }
}

struct Handshake {
    accept: HeaderValue,
    protocol: Option<HeaderValue>,
    model: String,
}

impl Handshake {
    fn read(call: &Call<'_>) -> Result<Self, ApiError> {
        let headers = &call.parts.headers;
        let offered = offered_protocols(headers);
        match offered.iter().find_map(|protocol| protocol.strip_prefix(KEY_PROTOCOL)) {
            Some(key) => match &call.state.config.api_key {
                Some(expected) if expected != key => return Err(ApiError::wrong_api_key(key)),
                _ => {}
            },
            None => call.authorize()?,
        }
        let protocol = match offered.as_slice() {
            [] => None,
            offered if offered.iter().any(|protocol| protocol == PROTOCOL) => Some(HeaderValue::from_static(PROTOCOL)),
            _ => return Err(ApiError::invalid("The subprotocol 'realtime' must be among those offered.")),
        };
        if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
            return Err(ApiError::invalid("The websocket version must be 13."));
        }
        let key = headers.get(SEC_WEBSOCKET_KEY).ok_or_else(|| ApiError::invalid("The websocket key is missing."))?;
        let accept = HeaderValue::from_str(&derive_accept_key(key.as_bytes()))
            .map_err(|_| ApiError::invalid("The websocket key is not valid."))?;
        let query = call.parts.uri.query().unwrap_or_default();
        let model = query.split('&').find_map(|pair| pair.strip_prefix("model=")).unwrap_or_default();
        if model.is_empty() {
            return Err(ApiError::missing("model"));
        }
        let model = call.served(&percent_encoding::percent_decode_str(model).decode_utf8_lossy())?;
        Ok(Self { accept, protocol, model })
    }
}

fn offered_protocols(headers: &HeaderMap) -> Vec<String> {
    let lines = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(|protocol| protocol.trim().to_owned()).collect()
}

type Socket = WebSocketStream<TokioIo<Upgraded>>;

async fn converse(upgraded: Upgraded, session: &str, model: &str) -> Result<(), tokio_tungstenite::tungstenite::Error> {
    let mut socket: Socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
    let mut events = Numbered::default();
    let about = json!({"id": session, "object": "realtime.session", "type": "realtime", "model": model});
    events.send(&mut socket, "session.created", json!({"session": about})).await?;
    while let Some(message) = socket.next().await {
        match message? {
            Message::Text(text) => match serde_json::from_str::<Value>(&text) {
                Ok(event) if event["type"] == "response.create" => respond(&mut socket, &mut events).await?,
                Ok(event) => events.send(&mut socket, "simulator.echo", json!({"received": event})).await?,
                Err(error) => {
                    let error = json!({
                        "type": "invalid_request_error", "code": "invalid_json", "message": error.to_string(),
                        "param": null, "event_id": null,
                    });
                    events.send(&mut socket, "error", json!({"error": error})).await?;
                }
            },
            binary @ Message::Binary(_) => socket.send(binary).await?,
            Message::Close(_) => break,
            // Pings are answered by the library.
            _ => {}
        }
    }
    Ok(())
}

async fn respond(socket: &mut Socket, events: &mut Numbered) -> Result<(), tokio_tungstenite::tungstenite::Error> {
    let id = format!("resp_sim{:08x}", events.0);
    let started = json!({"id": id, "object": "realtime.response", "status": "in_progress", "output": []});
    events.send(socket, "response.created", json!({"response": started})).await?;
    let place = json!({"response_id": id, "output_index": 0, "content_index": 0, "delta": "Heard."});
    events.send(socket, "response.output_text.delta", place).await?;
    let usage = json!({"total_tokens": 12, "input_tokens": 10, "output_tokens": 2});
    let done = json!({"id": id, "object": "realtime.response", "status": "completed", "output": [], "usage": usage});
    events.send(socket, "response.done", json!({"response": done})).await
}

/// Gives each event its id.
#[derive(Debug, Default)]
struct Numbered(u64);

impl Numbered {
    async fn send(
        &mut self,
        socket: &mut Socket,
        kind: &str,
        fields: Value,
    ) -> Result<(), tokio_tungstenite::tungstenite::Error> {
        self.0 += 1;
        let mut event = json!({"type": kind, "event_id": format!("event_sim{:08x}", self.0)});
        if let (Value::Object(event), Value::Object(fields)) = (&mut event, fields) {
            event.extend(fields);
        }
        socket.send(Message::text(event.to_string())).await
    }
}

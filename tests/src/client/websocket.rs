//! A websocket client.

use anyhow::{Context, Result};
use futures_util::{SinkExt, StreamExt};
use http::{HeaderName, HeaderValue, Response};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::{Client, TIMEOUT};

/// An open websocket.
#[derive(Debug)]
pub struct WebSocket {
    /// The reply to the handshake.
    pub handshake: Response<()>,
    stream: WebSocketStream<TcpStream>,
}

/// A handshake that was answered with something else.
#[derive(Debug)]
pub struct Refused {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: String,
}

impl WebSocket {
    /// Opens one at `path`, with the client's headers and those given here.
    ///
    /// # Errors
    /// When the connection fails. A refusal by the server is the inner error.
    pub async fn open(client: &Client, path: &str, headers: &[(&str, &str)]) -> Result<Result<Self, Refused>> {
        let address = client.address();
        let mut request = format!("ws://{address}{path}").into_client_request()?;
        request.headers_mut().extend(client.headers.clone());
        for (name, value) in headers {
            request.headers_mut().append(HeaderName::try_from(*name)?, HeaderValue::from_str(value)?);
        }
        let stream = TcpStream::connect(address).await.with_context(|| format!("connect to {address}"))?;
        match tokio::time::timeout(TIMEOUT, tokio_tungstenite::client_async(request, stream)).await? {
            Ok((stream, handshake)) => Ok(Ok(Self { handshake: handshake.map(|_| ()), stream })),
            Err(Error::Http(response)) => {
                let body = response.body().as_deref().map(|body| String::from_utf8_lossy(body).into_owned());
                Ok(Err(Refused { status: response.status().as_u16(), body: body.unwrap_or_default() }))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Sends a JSON text message.
    ///
    /// # Errors
    /// When the connection is closed.
    pub async fn send(&mut self, message: &Value) -> Result<()> {
        Ok(self.stream.send(Message::text(message.to_string())).await?)
    }

    /// Sends any message.
    ///
    /// # Errors
    /// When the connection is closed.
    pub async fn send_message(&mut self, message: Message) -> Result<()> {
        Ok(self.stream.send(message).await?)
    }

    /// The next message; `None` when the connection is closed.
    ///
    /// # Errors
    /// When the connection breaks, or nothing comes within a minute.
    pub async fn next_message(&mut self) -> Result<Option<Message>> {
        Ok(tokio::time::timeout(TIMEOUT, self.stream.next())
            .await
            .context("no message within a minute")?
            .transpose()?)
    }

    /// The next message, which must be JSON text.
    ///
    /// # Errors
    /// When it is something else, or there is none.
    pub async fn next_json(&mut self) -> Result<Value> {
        let message = self.next_message().await?.context("the connection is closed")?;
        serde_json::from_str(message.to_text()?).context("the message is not JSON")
    }

    /// Closes in order.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn close(&mut self) -> Result<()> {
        self.stream.close(None).await?;
        while self.next_message().await.ok().flatten().is_some() {}
        Ok(())
    }
}

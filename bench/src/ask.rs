//! Single requests to the interfaces beside the measured path: Envoy's admin endpoint and the gateway's admin API.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::http::{Kind, Reader};

/// No answer takes as long as this unless something is stuck.
const STUCK: Duration = Duration::from_secs(10);

/// Longest body accepted.
const BODY_MAX: usize = 1 << 20;

/// Gets a page, which must be there, and returns its body. A token is presented as `Authorization: Bearer`.
pub(crate) async fn get(address: SocketAddr, path: &str, token: Option<&str>) -> Result<String> {
    let asked = timeout(STUCK, exchange(address, path, token)).await;
    asked.context("no answer")?.with_context(|| format!("GET http://{address}{path}"))
}

async fn exchange(address: SocketAddr, path: &str, token: Option<&str>) -> Result<String> {
    let authorization = token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n{authorization}connection: close\r\n\r\n");
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut reader = Reader::new(Kind::Response);
    let mut buffer = vec![0; 16 * 1024];
    let mut body = Vec::new();
    while !reader.is_done() {
        let n = stream.read(&mut buffer).await?;
        ensure!(n > 0, "the connection was closed in the middle of the answer");
        reader.feed(&buffer[..n], |part| body.extend_from_slice(part))?;
        ensure!(body.len() <= BODY_MAX, "the answer has more than {BODY_MAX} bytes");
    }
    let body = String::from_utf8_lossy(&body).into_owned();
    let status = reader.status().context("no status")?;
    ensure!(status == 200, "it answers {status}: {body}");
    Ok(body)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// Answers one request with these bytes and returns what was asked.
    async fn serve(listener: TcpListener, answer: &'static str) -> String {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = vec![0; 4096];
        let n = stream.read(&mut asked).await.unwrap();
        stream.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8_lossy(&asked[..n]).into_owned()
    }

    async fn ask(answer: &'static str, token: Option<&str>) -> (String, Result<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let served = tokio::spawn(serve(listener, answer));
        let got = get(address, "/page", token).await;
        (served.await.unwrap(), got)
    }

    #[tokio::test]
    async fn the_body_is_returned_and_the_token_presented() {
        let (asked, got) =
            ask("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", Some("t")).await;
        assert_eq!(got.unwrap(), "hi");
        assert!(asked.starts_with("GET /page HTTP/1.1\r\n"), "{asked}");
        assert!(asked.contains("\r\nauthorization: Bearer t\r\n"), "{asked}");
    }

    #[tokio::test]
    async fn another_status_is_an_error_that_shows_the_answer() {
        let (asked, got) = ask("HTTP/1.1 404 Not Found\r\ncontent-length: 4\r\n\r\ngone", None).await;
        let error = format!("{:#}", got.unwrap_err());
        assert!(error.contains("404") && error.contains("gone") && error.contains("/page"), "{error}");
        assert!(!asked.contains("authorization"), "{asked}");
    }
}

//! A connection below HTTP: bytes out, bytes in.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A TCP connection. Dropping it closes it.
#[derive(Debug)]
pub struct RawConnection {
    stream: TcpStream,
}

impl From<TcpStream> for RawConnection {
    fn from(stream: TcpStream) -> Self {
        Self { stream }
    }
}

impl RawConnection {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens.
    pub async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await.with_context(|| format!("connect to {address}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream })
    }

    /// Reads what comes next.
    ///
    /// # Errors
    /// When the connection ends, or nothing comes before the deadline.
    pub async fn read_some(&mut self, deadline: Duration) -> Result<String> {
        let mut received = Vec::new();
        let count =
            tokio::time::timeout(deadline, self.stream.read_buf(&mut received)).await.context("nothing came")??;
        anyhow::ensure!(count > 0, "the connection ended");
        Ok(String::from_utf8_lossy(&received).into_owned())
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// When the other side has closed.
    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) -> Result<()> {
        self.stream.write_all(bytes.as_ref()).await?;
        Ok(self.stream.flush().await?)
    }

    /// Sends no more, and goes on reading.
    ///
    /// # Errors
    /// When the other side has closed.
    pub async fn finish_writing(&mut self) -> Result<()> {
        Ok(self.stream.shutdown().await?)
    }

    /// Reads until `pattern` has arrived; returns everything up to and including what came with it.
    ///
    /// # Errors
    /// When the connection ends or the deadline passes before.
    pub async fn read_until(&mut self, pattern: &str, deadline: Duration) -> Result<String> {
        let mut received = Vec::new();
        let reading = async {
            loop {
                if received.windows(pattern.len()).any(|window| window == pattern.as_bytes()) {
                    return Ok(());
                }
                if self.stream.read_buf(&mut received).await? == 0 {
                    anyhow::bail!("the connection ended");
                }
            }
        };
        let outcome = tokio::time::timeout(deadline, reading).await.context("deadline passed");
        let text = String::from_utf8_lossy(&received).into_owned();
        outcome.and_then(|read| read).with_context(|| format!("waiting for {pattern:?} after {text:?}"))?;
        Ok(text)
    }

    /// Reads one reply whose body, if any, has a declared length; returns its text, head included.
    ///
    /// # Errors
    /// When the connection ends or the deadline passes before.
    pub async fn read_reply(&mut self, deadline: Duration) -> Result<String> {
        let mut received = Vec::new();
        let reading = async {
            while !is_whole(&received) {
                if self.stream.read_buf(&mut received).await? == 0 {
                    anyhow::bail!("the connection ended");
                }
            }
            Ok(())
        };
        let outcome = tokio::time::timeout(deadline, reading).await.context("deadline passed");
        let text = String::from_utf8_lossy(&received).into_owned();
        outcome.and_then(|read| read).with_context(|| format!("a reply, after {text:?}"))?;
        Ok(text)
    }

    /// Sends the same bytes so many times, or until the other side takes no more, and meanwhile reads one reply as
    /// [`read_reply`](Self::read_reply) does: a flood is answered in the middle of it.
    ///
    /// # Errors
    /// As those of [`read_reply`](Self::read_reply).
    pub async fn flood(&mut self, piece: &[u8], times: usize, deadline: Duration) -> Result<String> {
        let (mut reader, mut writer) = self.stream.split();
        let writing = async {
            for _ in 0..times {
                if writer.write_all(piece).await.is_err() {
                    break;
                }
            }
            std::future::pending().await
        };
        let mut received = Vec::new();
        let reading = async {
            while !is_whole(&received) {
                if reader.read_buf(&mut received).await? == 0 {
                    anyhow::bail!("the connection ended");
                }
            }
            Ok(())
        };
        let outcome = tokio::select! {
            outcome = tokio::time::timeout(deadline, reading) => outcome.context("deadline passed"),
            never = writing => never,
        };
        let text = String::from_utf8_lossy(&received).into_owned();
        outcome.and_then(|read| read).with_context(|| format!("a reply, after {text:?}"))?;
        Ok(text)
    }

    /// Reads until the other side closes.
    ///
    /// # Errors
    /// When it resets the connection, or does not close before the deadline.
    pub async fn read_to_end(&mut self, deadline: Duration) -> Result<Vec<u8>> {
        let mut received = Vec::new();
        tokio::time::timeout(deadline, self.stream.read_to_end(&mut received))
            .await
            .context("not closed in time")??;
        Ok(received)
    }
}

/// Whether a head and as much body as it declares have arrived.
fn is_whole(reply: &[u8]) -> bool {
    let Some(end) = reply.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&reply[..end]).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.and_then(|length| length.trim().parse().ok()).unwrap_or_default();
    reply.len() >= end + 4 + length
}

//! Envoy's output, line by line, in the gateway's own log.

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};

use super::LastLines;

/// Level, component, text. The time is the gateway's.
pub(super) const FORMAT: &str = "%l|%n|%v";

/// Forwards standard error: Envoy's own log.
pub(super) async fn forward(output: impl AsyncRead + Unpin, lines: LastLines) {
    each_line(output, |line| {
        lines.push(line);
        let mut parts = line.splitn(3, '|');
        match (parts.next(), parts.next(), parts.next()) {
            (Some("critical" | "error"), Some(component), Some(text)) => tracing::error!(component, "envoy: {text}"),
            (Some("warning"), Some(component), Some(text)) => tracing::warn!(component, "envoy: {text}"),
            (Some("info"), Some(component), Some(text)) => tracing::info!(component, "envoy: {text}"),
            (Some("debug" | "trace"), Some(component), Some(text)) => tracing::debug!(component, "envoy: {text}"),
            _ => tracing::warn!("envoy: {line}"),
        }
    })
    .await;
}

/// Forwards standard output: one JSON line for each request, if they were asked for.
pub(super) async fn forward_access_log(output: impl AsyncRead + Unpin) {
    each_line(output, |line| eprintln!("{line}")).await;
}

/// Lines that are no text are shown as far as they are.
async fn each_line(output: impl AsyncRead + Unpin, mut take: impl FnMut(&str)) {
    let mut lines = BufReader::new(output).split(b'\n');
    while let Ok(Some(line)) = lines.next_segment().await {
        take(String::from_utf8_lossy(&line).trim_end());
    }
}

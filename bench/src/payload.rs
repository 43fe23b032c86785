//! What is sent: requests of the three workloads, the virtual keys' tokens, and the upstream's answers.

use std::fmt::{self, Write as _};

use sha2::{Digest, Sha256};

/// The model that clients name.
pub(crate) const MODEL: &str = "gpt-4o-mini";
/// The model that the gateway must put in its place: another length, so that the body has to be moved.
pub(crate) const UPSTREAM_MODEL: &str = "upstream-model-with-another-length";
/// What every answer says it used: tokens of the prompt and of the completion.
const USAGE: [u64; 2] = [210, 42];
/// Tokens that a request is charged.
pub(crate) const CHARGED_TOKENS: u64 = USAGE[0] + USAGE[1];
/// Events of one stream, `[DONE]` being the last.
pub(crate) const EVENTS: u64 = 200;

const PATH: &str = "/v1/chat/completions";
/// Where Anthropic's clients ask.
pub(crate) const MESSAGES_PATH: &str = "/v1/messages";
const TOKEN_PREFIX: &[u8] = b"sk-ditto-bench-";
/// Every token has this many bytes, so that one can be written over another.
pub(crate) const TOKEN_LEN: usize = TOKEN_PREFIX.len() + 32;

/// One kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Workload {
    /// A chat request of 1 kB with `model` in front.
    Chat1k,
    /// One of 100 kB with `model` in front.
    Chat100k,
    /// One of 100 kB with `model` behind the messages, where the Python client of OpenAI puts it.
    Chat100kModelLast,
    /// One of 1 kB that is answered with a paced stream.
    Stream,
    /// An Anthropic request of 1 kB, which the gateway translates for a backend of chat completions. Bare Envoy carries
    /// it, and an answer in the same dialect, as they are.
    Messages1k,
    /// The same, answered with a paced stream.
    MessagesStream,
}

impl Workload {
    pub(crate) fn is_stream(self) -> bool {
        matches!(self, Self::Stream | Self::MessagesStream)
    }

    fn is_messages(self) -> bool {
        matches!(self, Self::Messages1k | Self::MessagesStream)
    }

    /// What the rates and the CPU time are counted in.
    pub(crate) fn unit(self) -> &'static str {
        if self.is_stream() { "event" } else { "request" }
    }

    /// The request's JSON, padded to its size.
    fn body(self) -> String {
        let (size, stream, model_last) = match self {
            Self::Chat1k => (1_000, false, false),
            Self::Chat100k => (100_000, false, false),
            Self::Chat100kModelLast => (100_000, false, true),
            Self::Stream => (1_000, true, false),
            Self::Messages1k => return messages_body(false),
            Self::MessagesStream => return messages_body(true),
        };
        let model = format!(r#""model":"{MODEL}""#);
        let options = if stream { r#","stream":true,"stream_options":{"include_usage":true}"# } else { "" };
        let system = r#"{"role":"system","content":"You answer briefly and in plain words."}"#;
        let build = |text: &str| {
            let messages = format!(r#""messages":[{system},{{"role":"user","content":"{text}"}}]"#);
            if model_last {
                format!(r#"{{{messages},{model}{options},"temperature":0.2,"max_tokens":256}}"#)
            } else {
                format!(r#"{{{model}{options},{messages},"temperature":0.2,"max_tokens":256}}"#)
            }
        };
        let padding = size - build("").len();
        let text: String = "How does water find its way down a hill? ".chars().cycle().take(padding).collect();
        build(&text)
    }

    /// The whole request as it goes over the wire, with the token of key 0.
    pub(crate) fn request(self) -> Request {
        let body = self.body();
        let path = if self.is_messages() { MESSAGES_PATH } else { PATH };
        let mut bytes = format!(
            "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nuser-agent: ditto-bench\r\naccept: */*\r\n\
             content-type: application/json\r\ncontent-length: {}\r\nauthorization: Bearer ",
            body.len()
        )
        .into_bytes();
        let token_at = bytes.len();
        bytes.extend_from_slice(&token(0));
        bytes.extend_from_slice(b"\r\n\r\n");
        bytes.extend_from_slice(body.as_bytes());
        Request { bytes, token_at }
    }
}

/// An Anthropic request of 1 kB.
fn messages_body(stream: bool) -> String {
    let build = |text: &str| {
        format!(
            r#"{{"model":"{MODEL}","stream":{stream},"max_tokens":256,"temperature":0.2,"system":"You answer briefly and in plain words.","messages":[{{"role":"user","content":"{text}"}}]}}"#
        )
    };
    let padding = 1_000 - build("").len();
    let text: String = "How does water find its way down a hill? ".chars().cycle().take(padding).collect();
    build(&text)
}

impl Workload {
    /// What it is called in the names of rows.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Chat1k => "chat-1k",
            Self::Chat100k => "chat-100k",
            Self::Chat100kModelLast => "chat-100k-model-last",
            Self::Stream => "stream",
            Self::Messages1k => "messages-1k",
            Self::MessagesStream => "messages-stream",
        }
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A request ready to send, in which only the token changes.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    bytes: Vec<u8>,
    token_at: usize,
}

impl Request {
    /// The bytes to send.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Writes another key's token over the present one.
    pub(crate) fn set_token(&mut self, token: &[u8; TOKEN_LEN]) {
        self.bytes[self.token_at..self.token_at + TOKEN_LEN].copy_from_slice(token);
    }
}

/// The token of the n-th key: no two alike, and neighbours differ in most digits.
pub(crate) fn token(n: u64) -> [u8; TOKEN_LEN] {
    let mut out = [0; TOKEN_LEN];
    let (prefix, digits) = out.split_at_mut(TOKEN_PREFIX.len());
    prefix.copy_from_slice(TOKEN_PREFIX);
    // Odd multipliers keep the map one to one.
    let mixed = [n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15), (!n).wrapping_mul(0xd1b5_4a32_d192_ed03)];
    for (place, word) in digits.chunks_exact_mut(16).zip(mixed) {
        for (i, digit) in place.iter_mut().enumerate() {
            *digit = b"0123456789abcdef"[(word >> (4 * i)) as usize & 15];
        }
    }
    out
}

/// The form in which a configuration may hold a token.
pub(crate) fn stored_token(n: u64) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(token(n))))
}

/// The upstream's answers, ready to send.
#[derive(Debug)]
pub(crate) struct Answers {
    /// A chat completion of half a kilobyte.
    pub(crate) completion: Vec<u8>,
    /// Head and first event of a stream.
    pub(crate) stream_start: Vec<u8>,
    /// Each of the events between.
    pub(crate) stream_event: Vec<u8>,
    /// The event before the last, with the usage.
    pub(crate) stream_usage: Vec<u8>,
    /// `[DONE]` and the end of the body.
    pub(crate) stream_end: Vec<u8>,
    /// 503.
    pub(crate) refusal: Vec<u8>,
}

impl Answers {
    pub(crate) fn new() -> Self {
        let id = r#""id":"chatcmpl-bench0123456789abcdefghij","created":1754000000"#;
        let [prompt, completion] = USAGE;
        let usage = format!(
            r#""usage":{{"prompt_tokens":{prompt},"completion_tokens":{completion},"total_tokens":{CHARGED_TOKENS}}}"#
        );
        let words =
            "It takes the steepest way that it can find from where it is, and then again, until there is none. "
                .repeat(2);
        let body = format!(
            r#"{{{id},"object":"chat.completion","model":"{UPSTREAM_MODEL}","choices":[{{"index":0,"message":{{"role":"assistant","content":"{words}"}},"finish_reason":"stop"}}],{usage}}}"#
        );
        let completion = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let event = |rest: &str| {
            format!(r#"{{{id},"object":"chat.completion.chunk","model":"{UPSTREAM_MODEL}","choices":[{rest}"#)
        };
        let delta =
            |delta: &str| event(&format!(r#"{{"index":0,"delta":{{{delta}}},"finish_reason":null}}],"usage":null}}"#));
        let mut start =
            String::from("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n");
        start.push_str(&chunk(&delta(r#""role":"assistant","content":"""#)));
        Self {
            completion: completion.into_bytes(),
            stream_start: start.into_bytes(),
            stream_event: chunk(&delta(r#""content":" water""#)).into_bytes(),
            stream_usage: chunk(&event(&format!("],{usage}}}"))).into_bytes(),
            stream_end: format!("{}0\r\n\r\n", chunk("[DONE]")).into_bytes(),
            refusal: refusal(),
        }
    }
}

impl Answers {
    /// The same answers as Anthropic would give them, for who passes them on as they are.
    pub(crate) fn of_messages() -> Self {
        let [input, output] = USAGE;
        let words =
            "It takes the steepest way that it can find from where it is, and then again, until there is none. "
                .repeat(2);
        let head = format!(
            r#""id":"msg_bench0123456789abcdefghij","type":"message","role":"assistant","model":"{UPSTREAM_MODEL}""#
        );
        let usage = |output: u64| format!(r#""usage":{{"input_tokens":{input},"output_tokens":{output}}}"#);
        let body = format!(
            r#"{{{head},"content":[{{"type":"text","text":"{words}"}}],"stop_reason":"end_turn","stop_sequence":null,{}}}"#,
            usage(output)
        );
        let completion = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let named = |name: &str, rest: &str| format!("{name}\ndata: {{\"type\":\"{name}\"{rest}}}\n\n");
        let event = |name: &str, rest: &str| format!("event: {}", named(name, rest));
        let message =
            format!(r#","message":{{{head},"content":[],"stop_reason":null,"stop_sequence":null,{}}}"#, usage(0));
        let begin = event("message_start", &message)
            + &event("content_block_start", r#","index":0,"content_block":{"type":"text","text":""}"#);
        let delta = event("content_block_delta", r#","index":0,"delta":{"type":"text_delta","text":" water"}"#);
        let finish = format!(r#","delta":{{"stop_reason":"end_turn","stop_sequence":null}},{}"#, usage(output));
        let end = event("content_block_stop", r#","index":0"#) + &event("message_delta", &finish);
        let mut start =
            String::from("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n");
        start.push_str(&raw_chunk(&begin));
        Self {
            completion: completion.into_bytes(),
            stream_start: start.into_bytes(),
            stream_event: raw_chunk(&delta).into_bytes(),
            stream_usage: raw_chunk(&end).into_bytes(),
            stream_end: format!("{}0\r\n\r\n", raw_chunk(&event("message_stop", ""))).into_bytes(),
            refusal: refusal(),
        }
    }
}

/// What an overloaded backend says.
fn refusal() -> Vec<u8> {
    let body = r#"{"error":{"message":"The server is overloaded.","type":"server_error","param":null,"code":null}}"#;
    let length = body.len();
    let head =
        format!("HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\ncontent-length: {length}");
    format!("{head}\r\n\r\n{body}").into_bytes()
}

/// One event in a chunk of its own.
fn chunk(data: &str) -> String {
    raw_chunk(&format!("data: {data}\n\n"))
}

/// Text in a chunk of its own.
fn raw_chunk(event: &str) -> String {
    let mut out = String::with_capacity(event.len() + 16);
    // Writing to a string cannot fail.
    let _ = write!(out, "{:x}\r\n{event}\r\n", event.len());
    out
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn bodies_have_their_size_and_are_json() {
        for (workload, size) in [
            (Workload::Chat1k, 1_000),
            (Workload::Chat100k, 100_000),
            (Workload::Chat100kModelLast, 100_000),
            (Workload::Stream, 1_000),
        ] {
            let body = workload.body();
            assert_eq!(body.len(), size);
            let json: serde_json::Value = serde_json::from_str(&body).unwrap();
            assert_eq!(json["model"], MODEL);
            assert_eq!(json["stream"].as_bool().unwrap_or(false), workload.is_stream());
        }
    }

    #[test]
    fn the_token_is_replaced_in_place() {
        let mut request = Workload::Chat1k.request();
        let before = request.bytes().len();
        request.set_token(&token(77));
        let text = String::from_utf8(request.bytes().to_vec()).unwrap();
        assert_eq!(text.len(), before);
        let wanted = format!("authorization: Bearer {}\r\n\r\n{{", String::from_utf8_lossy(&token(77)));
        assert!(text.contains(&wanted), "{text}");
    }

    #[test]
    fn tokens_differ() {
        let all: HashSet<_> = (0..100_000).map(token).collect();
        assert_eq!(all.len(), 100_000);
        assert_eq!(stored_token(0).len(), "sha256:".len() + 64);
    }

    #[test]
    fn answers_can_be_read() {
        let answers = Answers::new();
        let mut reader = crate::http::Reader::new(crate::http::Kind::Response);
        let mut body = Vec::new();
        reader.feed(&answers.completion, |b| body.extend_from_slice(b)).unwrap();
        assert!(reader.is_done());
        assert!((450..650).contains(&body.len()), "{}", body.len());
        let completion: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(completion["usage"]["total_tokens"], CHARGED_TOKENS);

        reader.reset();
        body.clear();
        let pieces = [&answers.stream_start, &answers.stream_event, &answers.stream_usage, &answers.stream_end];
        for piece in pieces {
            reader.feed(piece, |b| body.extend_from_slice(b)).unwrap();
        }
        assert!(reader.is_done());
        let text = String::from_utf8(body).unwrap();
        let events: Vec<_> = text.split_terminator("\n\n").map(|e| e.strip_prefix("data: ").unwrap()).collect();
        assert_eq!((events.len(), events[3]), (4, "[DONE]"));
        for event in &events[..3] {
            serde_json::from_str::<serde_json::Value>(event).unwrap();
        }
        let usage: serde_json::Value = serde_json::from_str(events[2]).unwrap();
        assert_eq!((&usage["choices"], usage["usage"]["total_tokens"].as_u64()), (&serde_json::json!([]), Some(252)));
    }
}

//! Reads a stream of server-sent events, wherever it was cut.

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The `event` field.
    pub name: Option<String>,
    /// The `data` lines, joined by line breaks.
    pub data: String,
}

impl Event {
    /// The data as JSON.
    ///
    /// # Panics
    /// When it is not JSON.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.data)
            .unwrap_or_else(|error| panic!("event data is not JSON: {error}: {}", self.data))
    }

    /// Whether this is the marker at the end of a chat stream.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.data == "[DONE]"
    }
}

/// Takes bytes as they arrive and gives the events they complete.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: Vec<u8>,
}

impl Decoder {
    /// Adds bytes; returns the events that end in them.
    ///
    /// # Panics
    /// When an event is not UTF-8: for a test that is a failure worth seeing at once.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Event> {
        self.buffer.extend_from_slice(bytes);
        let mut events = Vec::new();
        while let Some((end, gap)) = event_end(&self.buffer) {
            let block: Vec<u8> = self.buffer.drain(..end + gap).take(end).collect();
            events.extend(parse(std::str::from_utf8(&block).expect("an event is UTF-8")));
        }
        events
    }

    /// What is left after the last complete event.
    #[must_use]
    pub fn rest(&self) -> &[u8] {
        &self.buffer
    }
}

/// All events of a complete stream.
///
/// # Panics
/// When something is left after the last event, or an event is not UTF-8.
#[must_use]
pub fn events(bytes: &[u8]) -> Vec<Event> {
    let mut decoder = Decoder::default();
    let events = decoder.push(bytes);
    assert!(
        decoder.rest().is_empty(),
        "the stream ends inside an event: {:?}",
        String::from_utf8_lossy(decoder.rest())
    );
    events
}

/// Where the first event ends and how long the blank line after it is.
fn event_end(buffer: &[u8]) -> Option<(usize, usize)> {
    let unix = buffer.windows(2).position(|window| window == b"\n\n").map(|at| (at, 2));
    let dos = buffer.windows(4).position(|window| window == b"\r\n\r\n").map(|at| (at, 4));
    [unix, dos].into_iter().flatten().min()
}

/// A block of comments only is no event.
fn parse(block: &str) -> Option<Event> {
    let mut name = None;
    let mut data: Vec<&str> = Vec::new();
    for line in block.lines() {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => name = Some(value.to_owned()),
            "data" => data.push(value),
            _ => {}
        }
    }
    (name.is_some() || !data.is_empty()).then(|| Event { name, data: data.join("\n") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_cut_gives_the_same_events() {
        let stream =
            ": hello\n\nevent: a\ndata: {\"x\":\"é\"}\n\ndata: one\r\ndata:two\r\n\r\ndata: [DONE]\n\n".as_bytes();
        let whole = events(stream);
        assert_eq!(whole.len(), 3);
        assert_eq!(whole[0], Event { name: Some("a".to_owned()), data: "{\"x\":\"é\"}".to_owned() });
        assert_eq!(whole[1].data, "one\ntwo");
        assert!(whole[2].is_done());
        for cut in 0..stream.len() {
            let mut decoder = Decoder::default();
            let mut parts = decoder.push(&stream[..cut]);
            parts.extend(decoder.push(&stream[cut..]));
            assert_eq!(parts, whole);
        }
    }
}

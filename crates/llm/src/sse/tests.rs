//! The reader against a plain reading of the specification, for streams that are cut in every way.

use proptest::prelude::*;

use super::*;

/// The data of each event, and where each event or blank line ends.
#[derive(Debug, Default, PartialEq, Eq)]
struct Collected {
    events: Vec<Vec<u8>>,
    ends: Vec<usize>,
    current: Vec<u8>,
    /// Where the current piece begins.
    base: usize,
}

impl SseSink for Collected {
    fn data(&mut self, part: &[u8]) {
        self.current.extend_from_slice(part);
    }

    fn end(&mut self, end: usize, has_data: bool) -> bool {
        self.ends.push(self.base + end);
        let data = std::mem::take(&mut self.current);
        if has_data {
            self.events.push(data);
        }
        true
    }
}

fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Collected {
    let (mut reader, mut sink) = (SseReader::default(), Collected::default());
    for piece in pieces {
        // A line feed that was cut off from its return still belongs to the event before.
        if reader.left_over(piece) == 1 {
            *sink.ends.last_mut().unwrap() += 1;
        }
        assert_eq!(reader.feed(piece, &mut sink), piece.len());
        sink.base += piece.len();
    }
    sink.base = 0;
    sink
}

/// The data of each event, as the specification says it.
fn specified(stream: &[u8]) -> Vec<Vec<u8>> {
    let stream = stream.strip_prefix(b"\xef\xbb\xbf").unwrap_or(stream);
    let text = String::from_utf8(stream.to_vec()).unwrap().replace("\r\n", "\n").replace('\r', "\n");
    let (mut events, mut data) = (Vec::new(), String::new());
    let complete = text.rfind('\n').map_or("", |at| &text[..at]);
    for line in complete.split('\n') {
        if line.is_empty() {
            if !data.is_empty() {
                data.pop();
                events.push(std::mem::take(&mut data).into_bytes());
            }
            continue;
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        if name == "data" {
            data.push_str(value.strip_prefix(' ').unwrap_or(value));
            data.push('\n');
        }
    }
    events
}

#[test]
fn reads_what_the_specification_says() {
    for (stream, events) in [
        ("data: a\n\n", vec!["a"]),
        ("\u{feff}data: a\n\ndata:b\r\n\r\ndata:  c\r\r", vec!["a", "b", " c"]),
        ("data: a\ndata: b\n\n", vec!["a\nb"]),
        ("data\n\ndata\ndata\n\ndata:\n", vec!["", "\n"]),
        (": a comment\n\nevent: x\nid: 1\ndata: a\nretry: 9\n\n", vec!["a"]),
        ("dat: a\ndatas: b\n data: c\n\n", vec![]),
        ("data: not ended\n", vec![]),
        ("data: ü\u{feff}\n\n\n\n", vec!["ü\u{feff}"]),
    ] {
        let events: Vec<_> = events.into_iter().map(|event| event.as_bytes().to_vec()).collect();
        assert_eq!(read([stream.as_bytes()]).events, events, "{stream:?}");
        assert_eq!(specified(stream.as_bytes()), events, "{stream:?}");
    }
}

#[test]
fn an_event_in_one_piece_is_handed_out_without_a_copy() {
    struct Places<'a>(&'a [u8], Vec<usize>);
    impl SseSink for Places<'_> {
        fn data(&mut self, part: &[u8]) {
            self.1.push(part.as_ptr() as usize - self.0.as_ptr() as usize);
            self.1.push(part.len());
        }
        fn end(&mut self, _: usize, _: bool) -> bool {
            false
        }
    }
    let stream = b"event: x\ndata: {\"a\":1}\n\ndata: second\n\n";
    let mut sink = Places(stream, Vec::new());
    // The sink stops at the first event; the rest is not read.
    assert_eq!(SseReader::default().feed(stream, &mut sink), 24);
    assert_eq!(sink.1, [15, 7]);
}

fn stream() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => Just("data: "), 1 => Just("data:"), 1 => Just("data"), 1 => Just("dat"), 1 => Just("event: x"), 1 => Just(":"),
        4 => Just("\n"), 2 => Just("\n\n"), 2 => Just("\r"), 2 => Just("\r\n"), 2 => Just("\r\n\r\n"),
        1 => Just("\u{feff}"), 1 => Just(" "), 2 => Just("{\"ü\":1}"), 1 => Just("[DONE]"), 1 => Just("🚢"),
    ];
    prop::collection::vec(part, 0..24).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn agrees_with_the_specification_however_it_is_cut(
        stream in stream(),
        places in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let bytes = stream.as_bytes();
        let whole = read([bytes]);
        prop_assert_eq!(&whole.events, &specified(bytes));
        for at in 0..=bytes.len() {
            let (head, tail) = bytes.split_at(at);
            prop_assert_eq!(&read([head, tail]), &whole);
        }
        prop_assert_eq!(&read(bytes.chunks(1)), &whole);
        let mut places: Vec<_> = places.iter().map(|place| place.index(bytes.len() + 1)).collect();
        places.extend([0, bytes.len()]);
        places.sort_unstable();
        prop_assert_eq!(&read(places.windows(2).map(|pair| &bytes[pair[0]..pair[1]])), &whole);
    }
}

//! Streams of Amazon's in lines that can be read: an event's name and its payload; of an exception, with `!` before it.
//!
//! <https://smithy.io/2.0/aws/amazon-eventstream.html> (seen 2026-11).

/// The stream of these lines. What is no line of a name and a payload has no payload.
pub(crate) fn of_lines(lines: &[u8]) -> Vec<u8> {
    let lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.flat_map(of_line).collect()
}

fn of_line(line: &[u8]) -> Vec<u8> {
    let space = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
    let (name, payload) = (&line[..space], line.get(space + 1..).unwrap_or_default());
    let (name_of, name, kind): (_, _, &[u8]) = match name.strip_prefix(b"!") {
        Some(name) => (":exception-type", name, b"exception"),
        None => (":event-type", name, b"event"),
    };
    frame(&[(name_of, name), (":content-type", b"application/json"), (":message-type", kind)], payload)
}

/// A frame with these headers, all text; those that are too long are cut.
fn frame(headers: &[(&str, &[u8])], payload: &[u8]) -> Vec<u8> {
    let mut written = Vec::new();
    for (name, value) in headers {
        let value = &value[..value.len().min(usize::from(u16::MAX))];
        written.push(u8::try_from(name.len()).unwrap());
        written.extend_from_slice(name.as_bytes());
        written.push(7);
        written.extend_from_slice(&u16::try_from(value.len()).unwrap().to_be_bytes());
        written.extend_from_slice(value);
    }
    let number = |number: usize| u32::try_from(number).unwrap().to_be_bytes();
    let mut frame = [number(written.len() + payload.len() + 16), number(written.len())].concat();
    frame.extend_from_slice(&crc32fast::hash(&frame).to_be_bytes());
    frame.extend_from_slice(&written);
    frame.extend_from_slice(payload);
    frame.extend_from_slice(&crc32fast::hash(&frame).to_be_bytes());
    frame
}

#[test]
fn the_published_frames_come_out() {
    let empty = [0, 0, 0, 0x10, 0, 0, 0, 0, 0x05, 0xc2, 0x48, 0xeb, 0x7d, 0x98, 0xc8, 0xff];
    assert_eq!(frame(&[], b""), empty);
    let event = of_lines(b"messageStart {}\n");
    assert!(event.windows(15).any(|part| part == b":event-type\x07\x00\x0cm"), "{event:?}");
}

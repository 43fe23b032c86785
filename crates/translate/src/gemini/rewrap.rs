//! Replies of a real Gemini backend for clients of `/v1internal`: the same bytes, each wrapped in `{"response": …}`.
//!
//! Nothing is read but where lines begin and end, and nothing is held but the end of a line.

const OPEN: &[u8] = b"{\"response\":";
/// How an error begins, without its spaces: it is not wrapped, because clients look for it at the top.
const ERROR: &[u8] = b"{\"error\"";

/// Wraps a reply piece by piece.
#[derive(Debug)]
pub struct Rewrap {
    is_stream: bool,
    place: Place,
    /// The first letters of the data, until it is known whether they are an error's.
    held: Vec<u8>,
    /// The event is wrapped, and not yet closed.
    wrapped: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// At the beginning of a line, with so many letters of `data:` seen.
    LineStart(usize),
    /// After `data:`, at the data's first letters.
    DataStart,
    /// Within data.
    Data,
    /// In a line of something else.
    Other,
}

const FIELD: &[u8] = b"data:";

impl Rewrap {
    /// For a stream of events, or for one whole JSON body.
    pub fn new(is_stream: bool) -> Self {
        let place = if is_stream { Place::LineStart(0) } else { Place::DataStart };
        Self { is_stream, place, held: Vec::new(), wrapped: false }
    }

    /// The next piece of the backend's body.
    pub fn feed(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        let mut rest = piece;
        while let Some((first, after)) = rest.split_first() {
            if self.place == Place::Data || self.place == Place::Other {
                let end = if self.is_stream { memchr::memchr2(b'\r', b'\n', rest) } else { None };
                let (within, line_end) = rest.split_at_checked(end.unwrap_or(rest.len())).unwrap_or((rest, &[]));
                out.extend_from_slice(within);
                if !line_end.is_empty() {
                    self.line_end(out);
                }
                rest = line_end;
                continue;
            }
            self.letter(*first, out);
            rest = after;
        }
    }

    /// The body is over.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        if self.place == Place::DataStart {
            self.data_begins(out);
        }
        if let Place::LineStart(seen) = self.place {
            out.extend_from_slice(FIELD.get(..seen).unwrap_or_default());
        }
        self.line_end(out);
    }

    fn letter(&mut self, letter: u8, out: &mut Vec<u8>) {
        match self.place {
            Place::LineStart(seen) if FIELD.get(seen) == Some(&letter) => {
                let seen = seen.saturating_add(1);
                self.place = Place::LineStart(seen);
                if seen == FIELD.len() {
                    out.extend_from_slice(b"data: ");
                    self.place = Place::DataStart;
                }
            }
            Place::LineStart(seen) => {
                out.extend_from_slice(FIELD.get(..seen).unwrap_or_default());
                let is_end = letter == b'\r' || letter == b'\n';
                out.push(letter);
                self.place = if is_end { Place::LineStart(0) } else { Place::Other };
            }
            Place::DataStart if self.is_stream && (letter == b'\r' || letter == b'\n') => {
                self.data_begins(out);
                self.line_end(out);
                out.push(letter);
            }
            Place::DataStart if letter.is_ascii_whitespace() => {}
            Place::DataStart => {
                self.held.push(letter);
                if !ERROR.starts_with(&self.held) || self.held.len() == ERROR.len() {
                    self.data_begins(out);
                }
            }
            Place::Data | Place::Other => out.push(letter),
        }
    }

    /// The data's first letters are known.
    fn data_begins(&mut self, out: &mut Vec<u8>) {
        self.wrapped = self.held != ERROR && !self.held.is_empty();
        if self.wrapped {
            out.extend_from_slice(OPEN);
        }
        out.append(&mut self.held);
        self.place = Place::Data;
    }

    /// Google writes each event's data in one line.
    fn line_end(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.wrapped) {
            out.push(b'}');
        }
        self.place = Place::LineStart(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewrap(is_stream: bool, pieces: &[&[u8]]) -> String {
        let (mut rewrap, mut out) = (Rewrap::new(is_stream), Vec::new());
        pieces.iter().for_each(|piece| rewrap.feed(piece, &mut out));
        rewrap.end(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_event_is_wrapped_however_the_stream_is_cut() {
        let body = b": hi\r\n\r\ndata: {\"a\": \"data: x\"}\r\n\r\ndata:{\"b\":1}\n\ndata: {\"error\":{}}\r\n\r\n";
        let expected = ": hi\r\n\r\ndata: {\"response\":{\"a\": \"data: x\"}}\r\n\r\ndata: {\"response\":{\"b\":1}}\n\n\
                        data: {\"error\":{}}\r\n\r\n";
        for cut in 0..body.len() {
            let (first, second) = body.split_at(cut);
            assert_eq!(rewrap(true, &[first, second]), expected, "cut at {cut}");
        }
        let bytes: Vec<&[u8]> = body.chunks(1).collect();
        assert_eq!(rewrap(true, &bytes), expected);
    }

    #[test]
    fn a_whole_body_is_wrapped_as_one() {
        assert_eq!(rewrap(false, &[b"{\n \"a\": 1\n", b"}\n"]), "{\"response\":{\"a\": 1\n}\n}");
        assert_eq!(rewrap(false, &[b"{\n  \"error\": {}}"]), "{\"error\": {}}");
        assert_eq!(rewrap(false, &[]), "");
    }
}

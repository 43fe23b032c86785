//! Reads server-sent events in pieces: <https://html.spec.whatwg.org/multipage/server-sent-events.html>.
//!
//! Nothing is copied and nothing is kept but the place in the grammar: the reader hands out the parts of an event's
//! data as they come, as slices of the piece, and says where the event ends. So an event may have any size, and how a
//! stream is cut changes only how its data is cut.

/// Who reads a stream of events.
pub trait SseSink {
    /// A part of the current event's data. Lines of data are joined by a line feed.
    fn data(&mut self, part: &[u8]);
    /// An event has ended, just before this place of the piece. One without data (`has_data` is false) is a comment or
    /// a blank line, which clients ignore. Returns whether to go on; if not, the rest of the piece is not read.
    fn end(&mut self, end: usize, has_data: bool) -> bool;
}

const BOM: &[u8] = b"\xef\xbb\xbf";
const DATA: &[u8] = b"data";

/// Where the next byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    /// At the start of the stream, after this many bytes of a byte order mark.
    Bom(u8),
    /// At the start of a line.
    #[default]
    Line,
    /// After this many bytes of the field's name `data`.
    Name(u8),
    /// After `data:`, where one space is not part of the value.
    Value,
    /// In the value of `data`.
    Data,
    /// In a line that does not matter.
    Skip,
}

/// Reads a stream piece by piece. See the module's documentation.
#[derive(Debug, Clone)]
pub struct SseReader {
    state: State,
    /// The last byte was a carriage return: a line feed now belongs to it.
    after_return: bool,
    /// That carriage return ended an event.
    at_end: bool,
    /// The current event has a line of data.
    has_data: bool,
}

impl Default for SseReader {
    fn default() -> Self {
        Self { state: State::Bom(0), after_return: false, at_end: false, has_data: false }
    }
}

impl SseReader {
    /// How many bytes at the front of the next piece still belong to the end of the event before: the line feed of a
    /// line end that was cut in two.
    pub fn left_over(&self, piece: &[u8]) -> usize {
        usize::from(self.at_end && self.after_return && piece.first() == Some(&b'\n'))
    }

    /// Reads the next piece. Returns how much of it was read: all, unless the sink stopped.
    pub fn feed(&mut self, piece: &[u8], sink: &mut impl SseSink) -> usize {
        let mut at = usize::from(self.after_return && piece.first() == Some(&b'\n'));
        if !piece.is_empty() {
            self.after_return = false;
            self.at_end = false;
        }
        while let Some(&byte) = piece.get(at) {
            let rest = piece.get(at..).unwrap_or_default();
            match self.state {
                State::Line if matches!(byte, b'\n' | b'\r') => {
                    at = self.past_line_end(piece, at);
                    self.at_end = at == piece.len();
                    let had_data = std::mem::take(&mut self.has_data);
                    if !sink.end(at, had_data) {
                        return at;
                    }
                }
                State::Line if rest.starts_with(b"data:") => {
                    at += DATA.len() + 1;
                    self.begin_data(sink);
                }
                State::Line => self.state = if byte == b'd' { State::Name(0) } else { State::Skip },
                State::Data | State::Skip => {
                    let end = memchr::memchr2(b'\n', b'\r', rest).map_or(piece.len(), |found| at + found);
                    if self.state == State::Data && end > at {
                        sink.data(piece.get(at..end).unwrap_or_default());
                    }
                    at = end;
                    if end < piece.len() {
                        at = self.past_line_end(piece, end);
                        self.state = State::Line;
                    }
                }
                State::Value => {
                    self.state = State::Data;
                    at += usize::from(byte == b' ');
                }
                State::Name(matched) => at += self.name(byte, matched, sink),
                State::Bom(matched) => at += self.bom(byte, matched),
            }
        }
        at
    }

    fn begin_data(&mut self, sink: &mut impl SseSink) {
        if std::mem::replace(&mut self.has_data, true) {
            sink.data(b"\n");
        }
        self.state = State::Value;
    }

    /// A byte of a field's name. Returns whether it is used up.
    fn name(&mut self, byte: u8, matched: u8, sink: &mut impl SseSink) -> usize {
        match DATA.get(usize::from(matched)) {
            Some(&expected) if expected == byte => self.state = State::Name(matched + 1),
            None if byte == b':' => self.begin_data(sink),
            // A field without a colon has an empty value.
            None if matches!(byte, b'\n' | b'\r') => {
                self.begin_data(sink);
                self.state = State::Data;
                return 0;
            }
            _ => {
                self.state = State::Skip;
                return 0;
            }
        }
        1
    }

    /// A byte of what may be a byte order mark. Returns whether it is used up.
    fn bom(&mut self, byte: u8, matched: u8) -> usize {
        if BOM.get(usize::from(matched)) == Some(&byte) {
            let matched = matched + 1;
            self.state = if usize::from(matched) == BOM.len() { State::Line } else { State::Bom(matched) };
            return 1;
        }
        // A part of the mark and then something else is the beginning of a line that does not matter.
        self.state = if matched == 0 { State::Line } else { State::Skip };
        0
    }

    /// The place just past the line end at `at`.
    fn past_line_end(&mut self, piece: &[u8], at: usize) -> usize {
        if piece.get(at) != Some(&b'\r') {
            return at + 1;
        }
        match piece.get(at + 1) {
            Some(b'\n') => at + 2,
            Some(_) => at + 1,
            None => {
                self.after_return = true;
                at + 1
            }
        }
    }
}

#[cfg(test)]
mod tests;

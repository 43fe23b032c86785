//! Finds `model` and `stream` in a JSON request without parsing it into values.
//!
//! A request body may be megabytes of prompt; all that the gateway needs from it are two top-level members, and the
//! place of one of them so that its value can be replaced where it stands. The scanner therefore reads the body once,
//! in pieces of any size, keeps nothing but its place in the grammar, and still checks the whole of it against
//! RFC 8259: what it accepts, a JSON parser accepts (save invalid UTF-8 inside strings other than `model`, which is
//! left to the backend).
//!
//! A second top-level `model` (or `stream`) is refused: parsers differ in which of the two they take, and a request
//! that one side reads as an allowed model and the other as a forbidden one must not pass. Names are compared after
//! unescaping for the same reason.

mod error;
mod number;
mod run;

pub use error::{ScanError, ScanErrorKind};
use number::Number;
use run::plain_run;

/// How deep arrays and objects may nest.
pub const DEPTH_MAX: u32 = 127;
/// How long the value of `model` may be, in bytes as written.
pub const MODEL_BYTES_MAX: usize = 1024;
/// Longer member names cannot be `model` or `stream`, even with each letter written as `\u00xx`.
const NAME_BYTES_MAX: usize = 48;

/// Room for the strings that are kept, so that usual ones need one allocation.
const KEPT_BYTES: usize = 64;

/// What was found in a body.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scanned {
    /// The top-level `model`, when it is a string.
    pub model: Option<ModelField>,
    /// The top-level `stream`, when it is `true`.
    pub stream: bool,
}

/// Where the value of `model` stands and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelField {
    /// The name, unescaped.
    pub name: String,
    /// Offset of the opening quote, in bytes from the start of the body.
    pub start: usize,
    /// Offset just past the closing quote.
    pub end: usize,
}

/// Where in the grammar the next byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// A value must follow.
    Value,
    /// Just after `[`: a value or `]`.
    FirstItem,
    /// Just after `{`: a name or `}`.
    FirstName,
    /// After `,` in an object: a name.
    Name,
    /// After a name: `:`.
    Colon,
    /// After a value: `,` or the end of the container; nothing at the top level.
    After,
    /// Inside a string.
    Text,
    /// After a backslash in a string.
    Escape,
    /// Inside `\uXXXX`, with this many digits to go.
    Unicode(u8),
    /// Inside a number.
    Number(Number),
    /// Inside `true`, `false` or `null`, with these bytes to go.
    Literal(&'static [u8]),
}

/// Which top-level member the current value belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Member {
    Model,
    Stream,
    Other,
}

/// What the current string is kept for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keep {
    Nothing,
    Name,
    Model,
}

/// Reads a body piece by piece. See the module's documentation.
#[derive(Debug)]
pub struct Scanner {
    state: State,
    /// Bytes consumed by earlier calls.
    base: usize,
    depth: u32,
    /// Whether the innermost container is an object.
    in_object: bool,
    /// The same for the containers around it, one bit a level.
    objects: [u64; 2],
    member: Member,
    keep: Keep,
    /// The kept string, as written.
    kept: Vec<u8>,
    kept_escaped: bool,
    /// Whether the string being read is a member name.
    naming: bool,
    model_start: usize,
    model_seen: bool,
    stream_seen: bool,
    found: Scanned,
}

impl Default for Scanner {
    fn default() -> Self {
        Self {
            state: State::Value,
            base: 0,
            depth: 0,
            in_object: false,
            objects: [0; 2],
            member: Member::Other,
            keep: Keep::Nothing,
            kept: Vec::with_capacity(KEPT_BYTES),
            kept_escaped: false,
            naming: false,
            model_start: 0,
            model_seen: false,
            stream_seen: false,
            found: Scanned::default(),
        }
    }
}

impl Scanner {
    /// Reads the next piece of the body.
    pub fn feed(&mut self, piece: &[u8]) -> Result<(), ScanError> {
        let mut at = 0;
        while let Some(&byte) = piece.get(at) {
            let step = match self.state {
                State::Text => {
                    let end = plain_run(piece, at);
                    let step = self.text(piece, at, end);
                    at = end;
                    step
                }
                State::Escape => self.escape(byte).map(|()| at + 1),
                State::Unicode(left) => self.unicode(byte, left).map(|()| at + 1),
                State::Number(number) => self.number(byte, number).map(|used| at + usize::from(used)),
                State::Literal(rest) => self.literal(byte, rest).map(|()| at + 1),
                _ if matches!(byte, b' ' | b'\n' | b'\r' | b'\t') => Ok(at + 1),
                _ => self.structure(byte, at).map(|()| at + 1),
            };
            at = step.map_err(|kind| self.error(kind, at))?;
        }
        self.base += piece.len();
        Ok(())
    }

    /// The place of an error: that of the byte in question, or for a bad `model` the place where it begins, so that it
    /// does not depend on how the body was cut.
    fn error(&self, kind: ScanErrorKind, at: usize) -> ScanError {
        let offset = match kind {
            ScanErrorKind::ModelTooLong | ScanErrorKind::ModelNotText => self.model_start,
            _ => self.base + at,
        };
        ScanError { offset, kind }
    }

    /// Says what was found, once the body is complete.
    pub fn finish(mut self) -> Result<Scanned, ScanError> {
        if self.depth == 0 && matches!(self.state, State::Number(number) if number.may_end()) {
            self.state = State::After;
        }
        match (self.state, self.depth) {
            (State::After, 0) => Ok(self.found),
            _ => Err(ScanError { offset: self.base, kind: ScanErrorKind::Truncated }),
        }
    }

    /// A byte between tokens.
    fn structure(&mut self, byte: u8, at: usize) -> Result<(), ScanErrorKind> {
        match (self.state, byte) {
            (State::FirstItem, b']') | (State::FirstName, b'}') => self.close(),
            (State::Value | State::FirstItem, _) => self.value(byte, at)?,
            (State::FirstName | State::Name, b'"') => self.open_name(),
            (State::Colon, b':') => self.state = State::Value,
            (State::After, b',') if self.depth > 0 => {
                self.state = if self.in_object { State::Name } else { State::Value };
            }
            (State::After, b'}') if self.depth > 0 && self.in_object => self.close(),
            (State::After, b']') if self.depth > 0 && !self.in_object => self.close(),
            _ => return Err(ScanErrorKind::Unexpected),
        }
        Ok(())
    }

    /// The first byte of a value.
    fn value(&mut self, byte: u8, at: usize) -> Result<(), ScanErrorKind> {
        let is_model = self.depth == 1 && self.member == Member::Model;
        if is_model && !matches!(byte, b'"' | b'n') {
            return Err(ScanErrorKind::ModelNotString);
        }
        match byte {
            b'"' => {
                self.naming = false;
                self.keep = if is_model { Keep::Model } else { Keep::Nothing };
                self.model_start = self.base + at;
                self.state = State::Text;
            }
            b'{' => return self.open(true),
            b'[' => return self.open(false),
            b't' => {
                self.state = State::Literal(b"rue");
                if self.depth == 1 && self.member == Member::Stream {
                    self.found.stream = true;
                }
            }
            b'f' => self.state = State::Literal(b"alse"),
            b'n' => self.state = State::Literal(b"ull"),
            b'-' => self.state = State::Number(Number::Minus),
            b'0' => self.state = State::Number(Number::Zero),
            b'1'..=b'9' => self.state = State::Number(Number::Integer),
            _ => return Err(ScanErrorKind::Unexpected),
        }
        Ok(())
    }

    fn open(&mut self, object: bool) -> Result<(), ScanErrorKind> {
        if self.depth >= DEPTH_MAX {
            return Err(ScanErrorKind::TooDeep);
        }
        let (level, outer) = (self.depth, self.in_object);
        if let Some(word) = self.objects.get_mut(level as usize / 64) {
            let bit = 1_u64 << (level % 64);
            *word = if outer { *word | bit } else { *word & !bit };
        }
        self.depth = level + 1;
        self.in_object = object;
        self.state = if object { State::FirstName } else { State::FirstItem };
        Ok(())
    }

    fn close(&mut self) {
        let level = self.depth.saturating_sub(1);
        let outer = self.objects.get(level as usize / 64).copied().unwrap_or_default();
        self.depth = level;
        self.in_object = outer >> (level % 64) & 1 == 1;
        self.state = State::After;
    }

    fn open_name(&mut self) {
        self.naming = true;
        self.keep = if self.depth == 1 { Keep::Name } else { Keep::Nothing };
        self.kept.clear();
        self.kept_escaped = false;
        self.state = State::Text;
    }

    /// Inside a string: from `at` to `end` nothing needs attention, the byte at `end` does. Returns the next place.
    fn text(&mut self, piece: &[u8], at: usize, end: usize) -> Result<usize, ScanErrorKind> {
        if self.keep != Keep::Nothing {
            self.keep_bytes(piece.get(at..end).unwrap_or_default())?;
        }
        match piece.get(end) {
            None => {}
            Some(b'"') => self.end_of_text(end)?,
            Some(b'\\') => {
                self.keep_bytes(b"\\")?;
                self.kept_escaped = true;
                self.state = State::Escape;
            }
            Some(_) => return Err(ScanErrorKind::Unexpected),
        }
        Ok(end + 1)
    }

    fn escape(&mut self, byte: u8) -> Result<(), ScanErrorKind> {
        self.keep_bytes(&[byte])?;
        self.state = match byte {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => State::Text,
            b'u' => State::Unicode(4),
            _ => return Err(ScanErrorKind::Unexpected),
        };
        Ok(())
    }

    fn unicode(&mut self, byte: u8, left: u8) -> Result<(), ScanErrorKind> {
        if !byte.is_ascii_hexdigit() {
            return Err(ScanErrorKind::Unexpected);
        }
        self.keep_bytes(&[byte])?;
        self.state = if left > 1 { State::Unicode(left - 1) } else { State::Text };
        Ok(())
    }

    fn keep_bytes(&mut self, bytes: &[u8]) -> Result<(), ScanErrorKind> {
        let room = match self.keep {
            Keep::Nothing => return Ok(()),
            Keep::Name => NAME_BYTES_MAX,
            Keep::Model => MODEL_BYTES_MAX,
        };
        if self.kept.len() + bytes.len() <= room {
            self.kept.extend_from_slice(bytes);
            return Ok(());
        }
        if self.keep == Keep::Model {
            return Err(ScanErrorKind::ModelTooLong);
        }
        // A name this long is none that matters.
        self.kept.clear();
        self.keep = Keep::Nothing;
        Ok(())
    }

    /// At the closing quote, which stands at `at` of the current piece.
    fn end_of_text(&mut self, at: usize) -> Result<(), ScanErrorKind> {
        if self.naming {
            self.state = State::Colon;
            self.member = self.end_of_name()?;
            return Ok(());
        }
        self.state = State::After;
        if self.keep == Keep::Model {
            let name = self.kept_text().ok_or(ScanErrorKind::ModelNotText)?;
            self.found.model = Some(ModelField { name, start: self.model_start, end: self.base + at + 1 });
            self.keep = Keep::Nothing;
        }
        Ok(())
    }

    fn end_of_name(&mut self) -> Result<Member, ScanErrorKind> {
        if self.keep != Keep::Name {
            return Ok(Member::Other);
        }
        let unescaped = if self.kept_escaped { self.kept_text().map(String::into_bytes) } else { None };
        let member = match unescaped.as_deref().unwrap_or(&self.kept) {
            b"model" => Member::Model,
            b"stream" => Member::Stream,
            _ => Member::Other,
        };
        self.kept.clear();
        self.kept_escaped = false;
        let seen = match member {
            Member::Model => &mut self.model_seen,
            Member::Stream => &mut self.stream_seen,
            Member::Other => return Ok(member),
        };
        if std::mem::replace(seen, true) { Err(ScanErrorKind::Duplicate) } else { Ok(member) }
    }

    /// The kept string, unescaped; `None` when it is not text.
    fn kept_text(&self) -> Option<String> {
        let written = std::str::from_utf8(&self.kept).ok()?;
        if self.kept_escaped { serde_json::from_str(&format!("\"{written}\"")).ok() } else { Some(written.to_owned()) }
    }

    /// Returns whether the byte belonged to the number.
    fn number(&mut self, byte: u8, number: Number) -> Result<bool, ScanErrorKind> {
        match number.next(byte) {
            Some(next) => {
                self.state = State::Number(next);
                Ok(true)
            }
            None if number.may_end() => {
                self.state = State::After;
                Ok(false)
            }
            None => Err(ScanErrorKind::Unexpected),
        }
    }

    fn literal(&mut self, byte: u8, rest: &'static [u8]) -> Result<(), ScanErrorKind> {
        match rest.split_first() {
            Some((&expected, rest)) if expected == byte => {
                self.state = if rest.is_empty() { State::After } else { State::Literal(rest) };
                Ok(())
            }
            _ => Err(ScanErrorKind::Unexpected),
        }
    }
}

#[cfg(test)]
#[path = "scan/tests.rs"]
mod tests;

//! Reads JSON in pieces without building values from it: the grammar, and nothing about what it means.
//!
//! A [`Visit`] says what a member is called to it (its *node*), and for each value whether its text matters. The reader
//! keeps its place in the grammar, one node for each open container, and the few strings that are asked for. It checks
//! all of RFC 8259, save UTF-8 inside strings that nobody keeps. How the document is cut into pieces changes nothing.

mod number;
mod run;
#[cfg(test)]
mod tests;

use number::Number;
pub(crate) use run::plain_run;

/// How deep arrays and objects may nest.
pub(crate) const DEPTH_MAX: u32 = 127;
/// A longer member name is none that anybody looks for, even with each letter written as `\u00xx`.
const NAME_BYTES_MAX: usize = 192;
/// Room for the strings that are kept, so that usual ones need one allocation.
const KEPT_BYTES: usize = 64;

/// What can be wrong with the grammar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Syntax {
    /// The grammar does not allow this byte here.
    Unexpected,
    /// The document ended in the middle.
    Truncated,
    /// Nested deeper than [`DEPTH_MAX`].
    TooDeep,
}

/// What a value is, by its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Number,
    True,
    False,
    Null,
    Object,
    Array,
}

/// What is wanted of a string value. Of other values nothing needs to be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Take {
    /// Nothing.
    Skip,
    /// Its text as it passes, by [`Visit::text`] and [`Visit::escape`].
    Text,
    /// The whole of it at its end, if it is no longer than this many bytes as written.
    Keep(usize),
}

/// A value that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    /// A string; its content as written when it was kept and fits.
    Text(Option<Written<'a>>),
    /// A number; its value when it is written as a whole one and fits.
    Number(Option<u64>),
    True,
    False,
    Null,
    Object,
    Array,
}

/// The content of a string as it was written between the quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Written<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) escaped: bool,
}

impl Written<'_> {
    /// The text itself; `None` when it is none.
    pub(crate) fn text(&self) -> Option<String> {
        let written = std::str::from_utf8(self.bytes).ok()?;
        if self.escaped { serde_json::from_str(&format!("\"{written}\"")).ok() } else { Some(written.to_owned()) }
    }

    /// Whether the text is this. An escaped string is compared after unescaping.
    pub(crate) fn is(&self, text: &str) -> bool {
        if self.escaped { self.text().as_deref() == Some(text) } else { self.bytes == text.as_bytes() }
    }
}

/// Something unescaped that is not in the piece as such.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Escape {
    /// What `\n` and its kin stand for.
    Byte(u8),
    /// A UTF-16 unit, as `\u` gives it.
    Unit(u16),
}

/// Who reads a document. The methods are called in the order of the document.
pub(crate) trait Visit {
    /// What a value is to the visitor, by its place. The default is the document itself.
    type Node: Copy + Default + std::fmt::Debug;
    /// What the visitor, or the grammar, objects to.
    type Error: From<Syntax>;

    /// Whether the names of this object's members matter. If not, they are not looked at.
    fn wants_names(&self, object: Self::Node) -> bool;
    /// The node of an object's member. A name that is too long or no text is empty here.
    fn member(&mut self, object: Self::Node, name: &[u8]) -> Result<Self::Node, Self::Error>;
    /// The node of an array's items.
    fn item(&mut self, array: Self::Node) -> Self::Node;
    /// A value begins, at this offset from the start of the document.
    fn begin(&mut self, node: Self::Node, kind: Kind, start: usize) -> Result<Take, Self::Error>;
    /// A part of a string for which [`Take::Text`] was said.
    fn text(&mut self, node: Self::Node, run: &[u8]);
    /// An escape in such a string.
    fn escape(&mut self, node: Self::Node, escape: Escape);
    /// A value has ended, just before this offset.
    fn end(&mut self, node: Self::Node, value: Value<'_>, end: usize) -> Result<(), Self::Error>;
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

/// Reads a document piece by piece. See the module's documentation.
#[derive(Debug, Clone)]
pub(crate) struct Json<N> {
    state: State,
    /// Bytes consumed by earlier calls.
    base: usize,
    depth: u32,
    /// Whether the innermost container is an object.
    in_object: bool,
    /// The same for the containers around it, one bit a level.
    objects: [u64; 2],
    /// The innermost container's node.
    container: N,
    /// The nodes of the containers around it.
    containers: [N; DEPTH_MAX as usize],
    /// The current value's node.
    node: N,
    take: Take,
    /// Whether the string being read is a member's name.
    naming: bool,
    /// The kept string, as written.
    kept: Vec<u8>,
    kept_escaped: bool,
    kept_overflow: bool,
    /// The current number's value while it is whole and fits.
    number: Option<u64>,
    /// The current `\u`'s value so far.
    unit: u16,
    /// The kind of the current literal.
    literal: Kind,
}

impl<N: Copy + Default> Default for Json<N> {
    fn default() -> Self {
        Self {
            state: State::Value,
            base: 0,
            depth: 0,
            in_object: false,
            objects: [0; 2],
            container: N::default(),
            containers: [N::default(); DEPTH_MAX as usize],
            node: N::default(),
            take: Take::Skip,
            naming: false,
            kept: Vec::with_capacity(KEPT_BYTES),
            kept_escaped: false,
            kept_overflow: false,
            number: None,
            unit: 0,
            literal: Kind::Null,
        }
    }
}

impl<N: Copy + Default> Json<N> {
    /// Begins a new document. Cheaper than a new reader.
    pub(crate) fn reset(&mut self) {
        self.state = State::Value;
        self.base = 0;
        self.depth = 0;
        self.in_object = false;
        self.node = N::default();
        self.naming = false;
        self.take = Take::Skip;
    }

    /// Reads the next piece. An error comes with the offset of the byte in question; nothing may be fed after it.
    pub(crate) fn feed<V: Visit<Node = N>>(&mut self, piece: &[u8], visit: &mut V) -> Result<(), (V::Error, usize)> {
        let mut at = 0;
        while let Some(&byte) = piece.get(at) {
            let step = match self.state {
                State::Text => {
                    let end = plain_run(piece, at);
                    let step = self.text(piece, at, end, visit);
                    at = end;
                    step
                }
                State::Escape => self.escape(byte, visit).map(|()| at + 1).map_err(V::Error::from),
                State::Unicode(left) => self.unicode(byte, left, visit).map(|()| at + 1).map_err(V::Error::from),
                State::Number(number) => {
                    let (end, step) = self.number(piece, at, number, visit);
                    at = end;
                    step.map(|()| end)
                }
                State::Literal(rest) => self.literal(byte, rest, at, visit).map(|()| at + 1),
                _ if matches!(byte, b' ' | b'\n' | b'\r' | b'\t') => Ok(at + 1),
                _ if byte == b'"' && matches!(self.state, State::FirstName | State::Name) => {
                    let (end, step) = self.open_name(piece, at, visit);
                    at = end;
                    step
                }
                _ => self.structure(byte, at, visit).map(|()| at + 1),
            };
            at = step.map_err(|error| (error, self.base.saturating_add(at)))?;
        }
        self.base = self.base.saturating_add(piece.len());
        Ok(())
    }

    /// Ends the document: it must be complete.
    pub(crate) fn finish<V: Visit<Node = N>>(&mut self, visit: &mut V) -> Result<(), (V::Error, usize)> {
        if let State::Number(number) = self.state
            && self.depth == 0
            && number.may_end()
        {
            self.end_value(Value::Number(self.number), self.base, visit).map_err(|error| (error, self.base))?;
        }
        match (self.state, self.depth) {
            (State::After, 0) => Ok(()),
            _ => Err((V::Error::from(Syntax::Truncated), self.base)),
        }
    }

    /// Whether the document is complete. (A number at the top level never is before [`Json::finish`].)
    pub(crate) fn is_complete(&self) -> bool {
        self.depth == 0 && self.state == State::After
    }

    /// Bytes read so far.
    pub(crate) fn consumed(&self) -> usize {
        self.base
    }

    /// A byte between tokens, but for the quote that opens a name.
    #[inline]
    fn structure<V: Visit<Node = N>>(&mut self, byte: u8, at: usize, visit: &mut V) -> Result<(), V::Error> {
        match (self.state, byte) {
            (State::FirstItem, b']') | (State::FirstName, b'}') => self.close(at, visit)?,
            (State::FirstItem, _) => {
                self.node = visit.item(self.container);
                self.value(byte, at, visit)?;
            }
            (State::Value, _) => self.value(byte, at, visit)?,
            (State::Colon, b':') => self.state = State::Value,
            (State::After, b',') if self.depth > 0 => {
                if self.in_object {
                    self.state = State::Name;
                } else {
                    self.state = State::Value;
                    self.node = visit.item(self.container);
                }
            }
            (State::After, b'}') if self.depth > 0 && self.in_object => self.close(at, visit)?,
            (State::After, b']') if self.depth > 0 && !self.in_object => self.close(at, visit)?,
            _ => return Err(Syntax::Unexpected.into()),
        }
        Ok(())
    }

    /// The first byte of a value.
    fn value<V: Visit<Node = N>>(&mut self, byte: u8, at: usize, visit: &mut V) -> Result<(), V::Error> {
        let (kind, state) = match byte {
            b'"' => (Kind::Text, State::Text),
            b'{' => (Kind::Object, State::FirstName),
            b'[' => (Kind::Array, State::FirstItem),
            b't' => (Kind::True, State::Literal(b"rue")),
            b'f' => (Kind::False, State::Literal(b"alse")),
            b'n' => (Kind::Null, State::Literal(b"ull")),
            b'-' => (Kind::Number, State::Number(Number::Minus)),
            b'0' => (Kind::Number, State::Number(Number::Zero)),
            b'1'..=b'9' => (Kind::Number, State::Number(Number::Integer)),
            _ => return Err(Syntax::Unexpected.into()),
        };
        let take = visit.begin(self.node, kind, self.base.saturating_add(at))?;
        match kind {
            Kind::Text => {
                self.naming = false;
                self.take = take;
                self.forget_kept();
            }
            Kind::Object | Kind::Array => self.open(kind == Kind::Object)?,
            Kind::Number => self.number = byte.checked_sub(b'0').map(u64::from).filter(|digit| *digit < 10),
            Kind::True | Kind::False | Kind::Null => self.literal = kind,
        }
        self.state = state;
        Ok(())
    }

    fn open(&mut self, object: bool) -> Result<(), Syntax> {
        if self.depth >= DEPTH_MAX {
            return Err(Syntax::TooDeep);
        }
        let (level, outer) = (self.depth, self.in_object);
        if let Some(word) = self.objects.get_mut(level as usize / 64) {
            let bit = 1_u64 << (level % 64);
            *word = if outer { *word | bit } else { *word & !bit };
        }
        if let Some(place) = self.containers.get_mut(level as usize) {
            *place = self.container;
        }
        self.container = self.node;
        self.depth = level + 1;
        self.in_object = object;
        Ok(())
    }

    fn close<V: Visit<Node = N>>(&mut self, at: usize, visit: &mut V) -> Result<(), V::Error> {
        let value = if self.in_object { Value::Object } else { Value::Array };
        let level = self.depth.saturating_sub(1);
        let outer = self.objects.get(level as usize / 64).copied().unwrap_or_default();
        self.depth = level;
        self.in_object = outer >> (level % 64) & 1 == 1;
        self.node = self.container;
        self.container = self.containers.get(level as usize).copied().unwrap_or_default();
        self.end_value(value, at + 1, visit)
    }

    #[inline]
    fn end_value<V: Visit<Node = N>>(&mut self, value: Value<'_>, end: usize, visit: &mut V) -> Result<(), V::Error> {
        self.state = State::After;
        visit.end(self.node, value, self.base.saturating_add(end))
    }

    /// At the opening quote of a member's name. Most names are whole in the piece and are taken at once. Returns the
    /// place of an error, and the next place.
    #[inline]
    fn open_name<V: Visit<Node = N>>(
        &mut self,
        piece: &[u8],
        at: usize,
        visit: &mut V,
    ) -> (usize, Result<usize, V::Error>) {
        let wanted = visit.wants_names(self.container);
        let end = plain_run(piece, at + 1);
        if piece.get(end) == Some(&b'"') {
            let name = if wanted { piece.get(at + 1..end).unwrap_or_default() } else { &[] };
            self.state = State::Colon;
            let step = visit.member(self.container, name).map(|node| {
                self.node = node;
                end + 1
            });
            return (end, step);
        }
        self.naming = true;
        self.take = if wanted { Take::Keep(NAME_BYTES_MAX) } else { Take::Skip };
        self.forget_kept();
        self.state = State::Text;
        (at, Ok(at + 1))
    }

    fn forget_kept(&mut self) {
        self.kept.clear();
        self.kept_escaped = false;
        self.kept_overflow = false;
    }

    /// Inside a string: from `at` to `end` nothing needs attention, the byte at `end` does. Returns the next place.
    fn text<V: Visit<Node = N>>(
        &mut self,
        piece: &[u8],
        at: usize,
        end: usize,
        visit: &mut V,
    ) -> Result<usize, V::Error> {
        let run = piece.get(at..end).unwrap_or_default();
        let last = piece.get(end);
        match self.take {
            Take::Skip => {}
            Take::Text => visit.text(self.node, run),
            // A string that is whole in the piece need not be copied.
            Take::Keep(room) if last == Some(&b'"') && self.kept.is_empty() && !self.kept_overflow => {
                let whole = Written { bytes: run, escaped: false };
                self.end_of_text(Some(whole).filter(|_| run.len() <= room), end, visit)?;
                return Ok(end + 1);
            }
            Take::Keep(_) => self.keep(run),
        }
        match last {
            None => {}
            Some(b'"') => {
                let kept = std::mem::take(&mut self.kept);
                let whole = Written { bytes: &kept, escaped: self.kept_escaped };
                let whole = Some(whole).filter(|_| matches!(self.take, Take::Keep(_)) && !self.kept_overflow);
                let step = self.end_of_text(whole, end, visit);
                self.kept = kept;
                step?;
            }
            Some(b'\\') => {
                self.keep(b"\\");
                self.kept_escaped = true;
                self.state = State::Escape;
            }
            Some(_) => return Err(Syntax::Unexpected.into()),
        }
        Ok(end + 1)
    }

    fn keep(&mut self, bytes: &[u8]) {
        let Take::Keep(room) = self.take else { return };
        if self.kept_overflow || self.kept.len().saturating_add(bytes.len()) > room {
            self.kept_overflow = true;
        } else {
            self.kept.extend_from_slice(bytes);
        }
    }

    fn escape<V: Visit<Node = N>>(&mut self, byte: u8, visit: &mut V) -> Result<(), Syntax> {
        let meant = match byte {
            b'"' | b'\\' | b'/' => byte,
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => 0,
            _ => return Err(Syntax::Unexpected),
        };
        self.keep(&[byte]);
        if byte == b'u' {
            self.unit = 0;
            self.state = State::Unicode(4);
            return Ok(());
        }
        self.state = State::Text;
        if self.take == Take::Text {
            visit.escape(self.node, Escape::Byte(meant));
        }
        Ok(())
    }

    fn unicode<V: Visit<Node = N>>(&mut self, byte: u8, left: u8, visit: &mut V) -> Result<(), Syntax> {
        let digit = char::from(byte).to_digit(16).ok_or(Syntax::Unexpected)?;
        self.unit = self.unit << 4 | u16::try_from(digit).unwrap_or_default();
        self.keep(&[byte]);
        if left > 1 {
            self.state = State::Unicode(left - 1);
            return Ok(());
        }
        self.state = State::Text;
        if self.take == Take::Text {
            visit.escape(self.node, Escape::Unit(self.unit));
        }
        Ok(())
    }

    /// At the closing quote, which stands at `at` of the current piece.
    fn end_of_text<V: Visit<Node = N>>(
        &mut self,
        whole: Option<Written<'_>>,
        at: usize,
        visit: &mut V,
    ) -> Result<(), V::Error> {
        if !self.naming {
            return self.end_value(Value::Text(whole), at + 1, visit);
        }
        self.state = State::Colon;
        self.node = match whole {
            Some(whole) if whole.escaped => {
                let name = whole.text().unwrap_or_default();
                visit.member(self.container, name.as_bytes())?
            }
            whole => visit.member(self.container, whole.map_or(&[], |whole| whole.bytes))?,
        };
        Ok(())
    }

    /// Reads on in a number. Returns the place of the first byte that is not part of it.
    fn number<V: Visit<Node = N>>(
        &mut self,
        piece: &[u8],
        from: usize,
        mut number: Number,
        visit: &mut V,
    ) -> (usize, Result<(), V::Error>) {
        let mut at = from;
        while let Some(&byte) = piece.get(at) {
            let Some(next) = number.next(byte) else {
                let step = if number.may_end() {
                    self.end_value(Value::Number(self.number), at, visit)
                } else {
                    Err(Syntax::Unexpected.into())
                };
                return (at, step);
            };
            number = next;
            self.number = match (self.number, next) {
                (Some(value), Number::Integer | Number::Zero) => {
                    value.checked_mul(10).and_then(|value| value.checked_add(u64::from(byte.wrapping_sub(b'0'))))
                }
                _ => None,
            };
            at += 1;
        }
        self.state = State::Number(number);
        (at, Ok(()))
    }

    fn literal<V: Visit<Node = N>>(
        &mut self,
        byte: u8,
        rest: &'static [u8],
        at: usize,
        visit: &mut V,
    ) -> Result<(), V::Error> {
        let rest = match rest.split_first() {
            Some((&expected, rest)) if expected == byte => rest,
            _ => return Err(Syntax::Unexpected.into()),
        };
        if !rest.is_empty() {
            self.state = State::Literal(rest);
            return Ok(());
        }
        let value = match self.literal {
            Kind::True => Value::True,
            Kind::False => Value::False,
            _ => Value::Null,
        };
        self.end_value(value, at + 1, visit)
    }
}

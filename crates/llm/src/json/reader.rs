//! The reader: its place in the grammar, and what happens between the tokens.

use super::number::Number;
use super::run::plain_run;
use super::{DEPTH_MAX, Kind, Syntax, Take, Value, Visit};

/// Room for the strings that are kept, so that usual ones need one allocation.
const KEPT_BYTES: usize = 64;

/// Where in the grammar the next byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
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
    /// The document's own node.
    root: N,
    pub(super) state: State,
    /// Bytes consumed by earlier calls.
    pub(super) base: usize,
    pub(super) depth: u32,
    /// Whether the innermost container is an object.
    pub(super) in_object: bool,
    /// The same for the containers around it, one bit a level.
    pub(super) objects: [u64; 2],
    /// The innermost container's node.
    pub(super) container: N,
    /// The nodes of the containers around it.
    pub(super) containers: [N; DEPTH_MAX as usize],
    /// The current value's node.
    pub(super) node: N,
    pub(super) take: Take,
    /// Whether the string being read is a member's name.
    pub(super) naming: bool,
    /// The kept string, as written.
    pub(super) kept: Vec<u8>,
    pub(super) kept_escaped: bool,
    pub(super) kept_overflow: bool,
    /// The current number's value while it is whole and fits.
    pub(super) number: Option<u64>,
    /// The current `\u`'s value so far.
    pub(super) unit: u16,
    /// The kind of the current literal.
    pub(super) literal: Kind,
}

impl<N: Copy + Default> Default for Json<N> {
    fn default() -> Self {
        Self::rooted(N::default())
    }
}

impl<N: Copy + Default> Json<N> {
    /// A reader of documents that have this node.
    pub(crate) fn rooted(root: N) -> Self {
        Self {
            root,
            state: State::Value,
            base: 0,
            depth: 0,
            in_object: false,
            objects: [0; 2],
            container: N::default(),
            containers: [N::default(); DEPTH_MAX as usize],
            node: root,
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

    /// Begins a new document. Cheaper than a new reader.
    pub(crate) fn reset(&mut self) {
        self.state = State::Value;
        self.base = 0;
        self.depth = 0;
        self.in_object = false;
        self.node = self.root;
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
    pub(super) fn structure<V: Visit<Node = N>>(&mut self, byte: u8, at: usize, visit: &mut V) -> Result<(), V::Error> {
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
    pub(super) fn value<V: Visit<Node = N>>(&mut self, byte: u8, at: usize, visit: &mut V) -> Result<(), V::Error> {
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

    pub(super) fn open(&mut self, object: bool) -> Result<(), Syntax> {
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

    pub(super) fn close<V: Visit<Node = N>>(&mut self, at: usize, visit: &mut V) -> Result<(), V::Error> {
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
    pub(super) fn end_value<V: Visit<Node = N>>(
        &mut self,
        value: Value<'_>,
        end: usize,
        visit: &mut V,
    ) -> Result<(), V::Error> {
        self.state = State::After;
        visit.end(self.node, value, self.base.saturating_add(end))
    }
}

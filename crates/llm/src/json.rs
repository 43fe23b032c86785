//! Reads JSON in pieces without building values from it: the grammar, and nothing about what it means.
//!
//! A [`Visit`] says what a member is called to it (its *node*), and for each value whether its text matters. The reader
//! keeps its place in the grammar, one node for each open container, and the few strings that are asked for. It checks
//! all of RFC 8259, save UTF-8 inside strings that nobody keeps. How the document is cut into pieces changes nothing.

mod number;
mod reader;
mod run;
mod scalar;
#[cfg(test)]
mod tests;
mod text;

pub(crate) use reader::Json;

/// How deep arrays and objects may nest.
pub(crate) const DEPTH_MAX: u32 = 127;

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
    /// What a value is to the visitor, by its place. The default is the document itself, unless the
    /// reader was told another.
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

//! Strings: names, and values of which somebody wants the text.

use super::reader::{Json, State};
use super::run::plain_run;
use super::{Escape, Syntax, Take, Value, Visit, Written};

/// A longer member name is none that anybody looks for, even with each letter written as `\u00xx`.
const NAME_BYTES_MAX: usize = 192;

impl<N: Copy + Default> Json<N> {
    /// At the opening quote of a member's name. Most names are whole in the piece and are taken at once. Returns the
    /// place of an error, and the next place.
    #[inline]
    pub(super) fn open_name<V: Visit<Node = N>>(
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

    pub(super) fn forget_kept(&mut self) {
        self.kept.clear();
        self.kept_escaped = false;
        self.kept_overflow = false;
    }

    /// Inside a string: from `at` to `end` nothing needs attention, the byte at `end` does. Returns the next place.
    pub(super) fn text<V: Visit<Node = N>>(
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

    pub(super) fn keep(&mut self, bytes: &[u8]) {
        let Take::Keep(room) = self.take else { return };
        if self.kept_overflow || self.kept.len().saturating_add(bytes.len()) > room {
            self.kept_overflow = true;
        } else {
            self.kept.extend_from_slice(bytes);
        }
    }

    pub(super) fn escape<V: Visit<Node = N>>(&mut self, byte: u8, visit: &mut V) -> Result<(), Syntax> {
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

    pub(super) fn unicode<V: Visit<Node = N>>(&mut self, byte: u8, left: u8, visit: &mut V) -> Result<(), Syntax> {
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
    pub(super) fn end_of_text<V: Visit<Node = N>>(
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
}

//! Calls of tools in a backend's stream: which call a piece belongs to.
//!
//! OpenAI numbers its calls and tells the id and the name of each once. Others repeat them, number all calls 0, do not
//! number them at all, or give them no ids. What always tells calls apart is that arguments are one JSON object.

use super::wire_reply::Call;

/// Calls of one choice; as many as OpenAI allows tools in a request, twice.
const SLOTS_MAX: usize = 256;

/// One call.
#[derive(Debug, Default)]
pub(super) struct Slot {
    pub(super) index: Option<u32>,
    pub(super) id: String,
    pub(super) name: String,
    pub(super) custom: bool,
    /// The part's number, once it is open.
    pub(super) part: Option<u32>,
    pub(super) closed: bool,
    /// Arguments that came before the name.
    pub(super) held: String,
    pub(super) balance: Balance,
}

/// The calls of one choice, in the order in which they began.
#[derive(Debug, Default)]
pub(super) struct Slots(pub(super) Vec<Slot>);

/// More calls than there can be.
#[derive(Debug)]
pub(super) struct TooMany;

impl Slots {
    /// The place of the call that this piece belongs to; `None`: to none.
    pub(super) fn place(&mut self, piece: &Call<'_>) -> Result<Option<usize>, TooMany> {
        let name = piece.function.as_ref().and_then(|function| function.name.as_deref());
        let name = name.or_else(|| piece.custom.as_ref().and_then(|custom| custom.name.as_deref())).unwrap_or_default();
        let id = piece.id.as_deref().unwrap_or_default();
        let known = match id {
            "" => self.without_id(piece.index, name),
            id => self.with_id(piece.index, id, name),
        };
        if let Some(slot) = known.and_then(|place| self.0.get_mut(place)) {
            if slot.part.is_none() {
                fill(&mut slot.id, id);
                fill(&mut slot.name, name);
            }
            return Ok(known);
        }
        if id.is_empty() && name.is_empty() {
            return Ok(None);
        }
        if self.0.len() >= SLOTS_MAX {
            return Err(TooMany);
        }
        let (id, name) = (id.to_owned(), name.to_owned());
        self.0.push(Slot { index: piece.index, id, name, custom: piece.custom.is_some(), ..Slot::default() });
        Ok(self.0.len().checked_sub(1))
    }

    fn with_id(&self, index: Option<u32>, id: &str, name: &str) -> Option<usize> {
        if let Some(place) = self.0.iter().rposition(|slot| slot.id == id) {
            return Some(place);
        }
        // An id that comes after its call has begun.
        self.last_of(index).filter(|&place| {
            let slot = self.0.get(place);
            slot.is_some_and(|slot| slot.id.is_empty() && slot.part.is_none() && (name.is_empty() || slot.name == name))
        })
    }

    fn without_id(&self, index: Option<u32>, name: &str) -> Option<usize> {
        let place = self.last_of(index)?;
        let slot = self.0.get(place)?;
        let another = !name.is_empty() && !slot.name.is_empty() && (slot.name != name || slot.balance.is_whole());
        Some(place).filter(|_| !another)
    }

    /// The latest call of this number; without a number, the latest of all.
    fn last_of(&self, index: Option<u32>) -> Option<usize> {
        match index {
            Some(_) => self.0.iter().rposition(|slot| slot.index == index),
            None => self.0.len().checked_sub(1),
        }
    }
}

fn fill(known: &mut String, said: &str) {
    if known.is_empty() {
        known.push_str(said);
    }
}

/// Tells when a JSON object or list is whole.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Balance {
    depth: u32,
    opened: bool,
    in_string: bool,
    escaped: bool,
}

impl Balance {
    /// Looks at more of the text.
    pub(super) fn feed(&mut self, text: &str) {
        for byte in text.bytes() {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_string => self.escaped = true,
                b'"' => self.in_string = !self.in_string,
                _ if self.in_string => {}
                b'{' | b'[' => {
                    self.opened = true;
                    self.depth = self.depth.saturating_add(1);
                }
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
    }

    pub(super) fn is_whole(&self) -> bool {
        self.opened && self.depth == 0
    }
}

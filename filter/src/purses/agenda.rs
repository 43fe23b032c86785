//! Which purses may have something to say: a message looks at these, not at all that there are.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use super::slot::Slot;

/// Slots that something has happened to since a message looked at them, each once, oldest first.
#[derive(Debug)]
pub(super) struct Agenda<R>(VecDeque<Rc<RefCell<Slot<R>>>>);

impl<R> Default for Agenda<R> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<R> Agenda<R> {
    /// Something has happened to this slot.
    pub(super) fn add(&mut self, slot: &Rc<RefCell<Slot<R>>>) {
        if !std::mem::replace(&mut slot.borrow_mut().on_agenda, true) {
            self.0.push_back(Rc::clone(slot));
        }
    }

    /// The next slot to look at.
    pub(super) fn next(&mut self) -> Option<Rc<RefCell<Slot<R>>>> {
        let slot = self.0.pop_front()?;
        slot.borrow_mut().on_agenda = false;
        Some(slot)
    }
}

//! What all workers of one Envoy share.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::rc::Rc;

/// Something that another worker does.
type Deed = Box<dyn FnOnce()>;

/// Values with marks; a copy is the same store.
#[derive(Clone, Default)]
pub(crate) struct Shared(Rc<Inner>);

#[derive(Default)]
struct Inner {
    values: RefCell<BTreeMap<String, (Vec<u8>, u32)>>,
    next_mark: Cell<u32>,
    meanwhile: RefCell<VecDeque<Deed>>,
    calls: Cell<usize>,
}

impl Shared {
    /// Has another worker do this just before the next value is set.
    pub(crate) fn meanwhile(&self, deed: impl FnOnce() + 'static) {
        self.0.meanwhile.borrow_mut().push_back(Box::new(deed));
    }

    /// How often anything was asked for or set.
    pub(crate) fn calls(&self) -> usize {
        self.0.calls.get()
    }

    /// Puts a value there, whatever is there.
    pub(crate) fn put(&self, name: &str, value: &[u8]) {
        let mark = self.0.next_mark.get() + 1;
        self.0.next_mark.set(mark);
        self.0.values.borrow_mut().insert(name.to_owned(), (value.to_vec(), mark));
    }

    /// What is there.
    pub(crate) fn value(&self, name: &str) -> Vec<u8> {
        self.get(name).0
    }

    pub(super) fn get(&self, name: &str) -> (Vec<u8>, u32) {
        self.0.calls.set(self.0.calls.get() + 1);
        self.0.values.borrow().get(name).cloned().unwrap_or_default()
    }

    pub(super) fn set(&self, name: &str, value: &[u8], mark: u32) -> bool {
        let deed = self.0.meanwhile.borrow_mut().pop_front();
        if let Some(deed) = deed {
            deed();
        }
        let fresh = self.get(name).1 == mark;
        if fresh {
            self.put(name, value);
        }
        fresh
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Shared").field(&self.0.values).finish()
    }
}

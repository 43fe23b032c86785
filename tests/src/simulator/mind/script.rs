//! A model's side that a test writes.

use std::fmt;
use std::sync::Arc;

use super::heard::Heard;
use super::said::Said;

type Answer = dyn Fn(&Heard) -> Option<Said> + Send + Sync;

/// Decides what the model says to a request; `None` leaves it to the directives and rules.
#[derive(Clone)]
pub struct Script(Arc<Answer>);

impl Script {
    /// A script for all dialects: it sees requests in neutral form.
    pub fn new(answer: impl Fn(&Heard) -> Option<Said> + Send + Sync + 'static) -> Self {
        Self(Arc::new(answer))
    }

    pub(super) fn answer(&self, heard: &Heard) -> Option<Said> {
        (self.0)(heard)
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Script")
    }
}

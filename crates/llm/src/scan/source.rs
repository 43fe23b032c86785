//! Where Anthropic's images and documents come from: text in the body, or something whose size tells little.

use super::node::anthropic::TEXT_SOURCES;
use super::words::is_any;
use crate::estimate::TextStats;
use crate::json::Value;

/// The current source, as far as it was read. Its type may come after its data.
#[derive(Debug, Default)]
pub(super) struct Source {
    /// Whether its type says that it is text.
    is_text: Option<bool>,
    /// The text before its data.
    before: Option<TextStats>,
}

impl Source {
    /// Its data begins, after this text. Returns whether the data may be text.
    pub(super) fn data_begins(&mut self, text: &TextStats) -> bool {
        if self.is_text.is_none() {
            self.before = Some(*text);
        }
        self.is_text != Some(false)
    }

    /// Its type is known. What was taken for text and is none is taken out of `text`. Returns whether it is none.
    pub(super) fn has_type(&mut self, value: Value<'_>, text: &mut TextStats) -> bool {
        let is_text = is_any(value, &TEXT_SOURCES);
        self.is_text = Some(is_text);
        if let Some(before) = self.before.take().filter(|_| !is_text) {
            *text = before;
        }
        !is_text
    }

    /// It has ended. Returns whether it did not say what it is.
    pub(super) fn end(&mut self) -> bool {
        self.before = None;
        self.is_text.is_none()
    }
}

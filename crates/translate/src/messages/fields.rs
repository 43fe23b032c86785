//! Samples of every member of a request.
//!
//! <https://platform.claude.com/docs/en/api/messages/create> (seen 2026-11), betas included.

mod blocks;
mod conversation;
mod options;

use crate::fields::Field;

/// A minimal request.
pub const BASE: &str = r#"{"model":"claude-sonnet-4-5","max_tokens":64,"messages":[{"role":"user","content":"Hi"}]}"#;

/// Every member.
pub const FIELDS: &[Field] = &ALL;

const ALL: [Field; COUNT] = all();
const COUNT: usize = conversation::FIELDS.len() + blocks::FIELDS.len() + options::FIELDS.len();

// It runs in the compiler only, which sees to the bounds.
#[allow(clippy::indexing_slicing)]
const fn all() -> [Field; COUNT] {
    let mut all = [Field { name: "", sample: "" }; COUNT];
    let mut at = 0;
    while at < COUNT {
        let (conversation, blocks) = (conversation::FIELDS.len(), blocks::FIELDS.len());
        all[at] = if at < conversation {
            conversation::FIELDS[at]
        } else if at < conversation + blocks {
            blocks::FIELDS[at - conversation]
        } else {
            options::FIELDS[at - conversation - blocks]
        };
        at += 1;
    }
    all
}

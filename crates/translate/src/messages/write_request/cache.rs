//! Marks of what to cache: at most four.

use super::super::wire_request::{Block, CacheControl, Message};
use super::Body;
use crate::json::TextOr;
use crate::loss::{Feature, Losses};

/// <https://platform.claude.com/docs/en/build-with-claude/prompt-caching> (seen 2026-11)
const MARKS_MAX: usize = 4;

/// Takes the first marks out where there are too many, because the last ones cover the most.
pub(super) fn limit(body: &mut Body<'_>, losses: &mut Losses) {
    let mut marks: Vec<&mut Option<CacheControl<'_>>> = Vec::new();
    marks.extend(body.tools.iter_mut().map(|tool| &mut tool.cache_control));
    marks.extend(body.system.iter_mut().map(|block| &mut block.cache_control));
    marks.extend(body.messages.iter_mut().flat_map(blocks).map(|block| &mut block.cache_control));
    marks.retain(|mark| mark.is_some());
    let many = marks.len().saturating_sub(MARKS_MAX);
    if many > 0 {
        losses.drop(Feature::CacheControl, "Anthropic takes four marks; the last ones stay");
    }
    let (first, last) = marks.split_at_mut_checked(many).unwrap_or_default();
    first.iter_mut().for_each(|mark| **mark = None);
    longer_first(last, losses);
}

/// What lives for an hour must not come after what lives for five minutes, and is lowered to that.
fn longer_first(marks: &mut [&mut Option<CacheControl<'_>>], losses: &mut Losses) {
    let mut short = false;
    for mark in marks.iter_mut().filter_map(|mark| mark.as_mut()) {
        let hour = mark.ttl.as_deref() == Some("1h");
        if hour && short {
            mark.ttl = None;
            losses.drop(Feature::CacheControl, "Anthropic takes marks of an hour only before those of five minutes");
        }
        short |= !hour;
    }
}

fn blocks<'m, 'a>(message: &'m mut Message<'a>) -> &'m mut [Block<'a>] {
    match &mut message.content {
        TextOr::List(blocks) => blocks,
        TextOr::Text(_) => &mut [],
    }
}

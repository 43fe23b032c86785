//! Marks of what to cache: at most four.

use super::super::wire_request::{Block, CacheControl, Message};
use super::Body;
use crate::json::TextOr;
use crate::loss::{Feature, Losses};

/// <https://platform.claude.com/docs/en/build-with-claude/prompt-caching> (seen 2026-11)
const MARKS_MAX: usize = 4;

/// Takes the first marks out where there are too many: the last ones cover the most.
pub(super) fn limit(body: &mut Body<'_>, losses: &mut Losses) {
    let mut marks: Vec<&mut Option<CacheControl<'_>>> = Vec::new();
    marks.extend(body.tools.iter_mut().map(|tool| &mut tool.cache_control));
    marks.extend(body.system.iter_mut().map(|block| &mut block.cache_control));
    marks.extend(body.messages.iter_mut().flat_map(blocks).map(|block| &mut block.cache_control));
    marks.retain(|mark| mark.is_some());
    let Some(many) = marks.len().checked_sub(MARKS_MAX).filter(|many| *many > 0) else { return };
    losses.drop(Feature::CacheControl, "Anthropic takes four marks; the last ones stay");
    for mark in marks.into_iter().take(many) {
        *mark = None;
    }
}

fn blocks<'m, 'a>(message: &'m mut Message<'a>) -> &'m mut [Block<'a>] {
    match &mut message.content {
        TextOr::List(blocks) => blocks,
        TextOr::Text(_) => &mut [],
    }
}

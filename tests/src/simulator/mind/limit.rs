//! Cuts an answer to what the request allows, and counts what it costs.

use super::super::tokens;
use super::Mind;
use super::heard::{Heard, Thinking, ToolCall};
use super::said::{Finish, Said, Usage};

/// The answer as it is sent.
pub(super) fn settle(mind: &Mind<'_>, heard: &Heard, mut said: Said) -> Said {
    show_thoughts(heard, &mut said);
    if heard.single_call {
        said.calls.truncate(1);
    }
    if said.text.is_none() && said.calls.is_empty() && said.refusal.is_none() {
        said.text = Some(String::new());
    }
    for (at, call) in said.calls.iter_mut().enumerate().filter(|(_, call)| call.id.is_empty()) {
        call.id = format!("{}sim{}{:08x}{at:02x}", mind.call_prefix, heard.digest, mind.order);
    }
    if let Some(stop) = stop(&heard.stop, &mut said) {
        said.finish = Some(Finish::StopString(stop));
    }
    let limit = mind.manner.cap(heard.max_tokens);
    let (hidden, mut left) = mind.manner.reason(limit);
    if cut(&mut said, &mut left) {
        said.finish = Some(Finish::Length);
    }
    said.finish = Some(said.finish());
    let usage = || count(mind, heard, &said, hidden);
    said.usage = Some(said.usage.unwrap_or_else(usage));
    said
}

fn show_thoughts(heard: &Heard, said: &mut Said) {
    match heard.thinking {
        Thinking::Hidden => said.thinking = None,
        Thinking::IfAny => {}
        Thinking::Shown => {
            said.thinking.get_or_insert_with(|| format!("I was asked {} and will answer.", heard.digest));
        }
    }
}

/// Ends the text before the first stop string, and says which it was.
fn stop(strings: &[String], said: &mut Said) -> Option<String> {
    let text = said.text.as_mut()?;
    let found = |string: &String| text.find(string.as_str()).map(|at| (at, string.clone()));
    let (at, string) = strings.iter().filter(|string| !string.is_empty()).filter_map(found).min()?;
    text.truncate(at);
    said.calls.clear();
    Some(string)
}

/// Cuts to what is left under the limit: thought, text, refusal, calls. Says whether something was cut. A call of
/// which not even the name fits is not begun.
fn cut(said: &mut Said, left: &mut Option<u64>) -> bool {
    let mut cut = false;
    for text in [&mut said.thinking, &mut said.text, &mut said.refusal].into_iter().flatten() {
        cut |= cut_text(text, left);
    }
    let mut kept = Vec::new();
    for mut call in std::mem::take(&mut said.calls) {
        if cut || !take(left, call.opening_tokens()) {
            cut = true;
            break;
        }
        cut = cut_arguments(&mut call, left);
        kept.push(call);
    }
    said.calls = kept;
    cut
}

fn cut_arguments(call: &mut ToolCall, left: &mut Option<u64>) -> bool {
    cut_text(&mut call.arguments, left)
}

fn cut_text(text: &mut String, left: &mut Option<u64>) -> bool {
    let (pieces, cut) = limited(text, *left);
    let count = pieces.len() as u64;
    *text = pieces.concat();
    take(left, count);
    cut
}

/// Takes tokens from what is left, if there are so many.
fn take(left: &mut Option<u64>, tokens: u64) -> bool {
    match left {
        None => true,
        Some(left) => match left.checked_sub(tokens) {
            Some(rest) => {
                *left = rest;
                true
            }
            None => false,
        },
    }
}

/// The text as pieces, cut after `limit` of them; and whether it was cut.
pub(in super::super) fn limited(text: &str, limit: Option<u64>) -> (Vec<&str>, bool) {
    let mut pieces = tokens::pieces(text);
    let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    let cut = pieces.len() > limit;
    pieces.truncate(limit);
    (pieces, cut)
}

fn count(mind: &Mind<'_>, heard: &Heard, said: &Said, hidden: u64) -> Usage {
    let input = heard.tokens();
    let cached_read = mind.manner.cached_tokens.min(input);
    Usage {
        input,
        cached_read,
        cache_creation: mind.manner.cache_creation_tokens.min(input - cached_read),
        output: hidden + said.shown_tokens(),
        reasoning: hidden + said.thinking_tokens(),
    }
}

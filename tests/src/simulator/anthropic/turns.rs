//! The order of messages: who begins, and that every call of a tool has its result in the next message.
//! <https://platform.claude.com/docs/en/agents-and-tools/tool-use/handle-tool-calls> (seen 2026-11).

use std::collections::BTreeSet;

use super::super::mind::{Message, Part, Role};
use super::error::ApiError;

/// A message of the conversation: neighbours of one role are one message.
#[derive(Debug)]
pub(super) struct Turn {
    /// The place of its first part in the request.
    pub(super) at: usize,
    pub(super) message: Message,
}

/// Joins neighbours of one role.
pub(super) fn join(messages: impl IntoIterator<Item = Turn>) -> Vec<Turn> {
    let mut turns: Vec<Turn> = Vec::new();
    for turn in messages {
        match turns.last_mut() {
            Some(last) if last.message.role == turn.message.role => last.message.parts.extend(turn.message.parts),
            _ => turns.push(turn),
        }
    }
    turns
}

/// Checks the order, and tells each result the name of its tool.
pub(super) fn check(turns: &mut [Turn]) -> Result<(), ApiError> {
    match turns.first() {
        None => return Err(ApiError::at("messages", "at least one message is required")),
        Some(first) if first.message.role != Role::User => {
            return Err(ApiError::at("messages", "first message must use the \"user\" role"));
        }
        Some(_) => {}
    }
    unique_calls(turns)?;
    let mut calls: Vec<(String, String)> = Vec::new();
    let mut called_at = 0;
    for turn in turns.iter_mut() {
        if turn.message.role == Role::User {
            results(turn, &calls, called_at)?;
            calls.clear();
        } else {
            calls = calls_of(&turn.message);
            called_at = turn.at;
        }
    }
    unanswered(&calls, called_at)
}

fn calls_of(message: &Message) -> Vec<(String, String)> {
    let call = |part: &Part| match part {
        Part::Call(call) => Some((call.id.clone(), call.name.clone())),
        _ => None,
    };
    message.parts.iter().filter_map(call).collect()
}

fn unique_calls(turns: &[Turn]) -> Result<(), ApiError> {
    let mut seen = BTreeSet::new();
    for turn in turns {
        for (id, _) in calls_of(&turn.message) {
            if !seen.insert(id) {
                return Err(ApiError::at(&format!("messages.{}", turn.at), "`tool_use` ids must be unique"));
            }
        }
    }
    Ok(())
}

/// The results of a user's message: they come first, and answer all calls of the message before.
fn results(turn: &mut Turn, calls: &[(String, String)], called_at: usize) -> Result<(), ApiError> {
    let mut open: Vec<&(String, String)> = calls.iter().collect();
    let mut others = false;
    for (at, part) in turn.message.parts.iter_mut().enumerate() {
        let Part::Result(result) = part else {
            others = true;
            continue;
        };
        let path = format!("messages.{}.content.{at}", turn.at);
        match open.iter().position(|(id, _)| *id == result.id) {
            Some(found) if !others => result.name = open.remove(found).1.clone(),
            Some(_) => break,
            None if calls.iter().any(|(id, _)| *id == result.id) => {
                let message = format!("each `tool_use` must have a single result; found several for {}", result.id);
                return Err(ApiError::at(&path, message));
            }
            None => {
                let message = format!(
                    "unexpected `tool_use_id` found in `tool_result` blocks: {}. The previous message has no such \
                     `tool_use` block.",
                    result.id
                );
                return Err(ApiError::at(&path, message));
            }
        }
    }
    let open: Vec<(String, String)> = open.into_iter().cloned().collect();
    unanswered(&open, called_at)
}

fn unanswered(open: &[(String, String)], called_at: usize) -> Result<(), ApiError> {
    if open.is_empty() {
        return Ok(());
    }
    let ids: Vec<&str> = open.iter().map(|(id, _)| id.as_str()).collect();
    let message = format!(
        "`tool_use` ids were found without `tool_result` blocks immediately after: {}. The next message must begin \
         with a `tool_result` for each.",
        ids.join(", ")
    );
    Err(ApiError::at(&format!("messages.{called_at}"), message))
}

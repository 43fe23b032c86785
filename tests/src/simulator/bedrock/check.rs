//! The rules of a conversation with Converse that its fields alone do not tell.

use serde_json::Value;

use super::super::mind::signature;
use super::error::AwsError;

type Check = Result<(), AwsError>;

pub(super) fn request(body: &Value) -> Check {
    let messages = list(&body["messages"]);
    let Some(first) = messages.first() else {
        return Err(AwsError::invalid(
            "A conversation must start with a user message. Try again with a conversation that starts with a user \
             message.",
        ));
    };
    if first["role"] != "user" {
        return Err(AwsError::invalid(
            "A conversation must start with a user message. Try again with a conversation that starts with a user \
             message.",
        ));
    }
    for (at, message) in messages.iter().enumerate() {
        if at > 0 && messages.get(at - 1).is_some_and(|before| before["role"] == message["role"]) {
            return Err(AwsError::invalid(
                "A conversation must alternate between user and assistant roles. Make sure the conversation \
                 alternates between user and assistant roles and try again.",
            ));
        }
        content(at, message)?;
    }
    turns(messages)?;
    tools(body, messages)?;
    inference(&body["inferenceConfig"])
}

fn content(at: usize, message: &Value) -> Check {
    let blocks = list(&message["content"]);
    if blocks.is_empty() {
        return Err(AwsError::invalid(format!(
            "The content field in the Message object at messages.{at} is empty. Add a ContentBlock object to the \
             content field and try again."
        )));
    }
    for (index, block) in blocks.iter().enumerate() {
        let place = format!("messages.{at}.content.{index}");
        if block["text"].as_str().is_some_and(|text| text.trim().is_empty()) {
            return Err(AwsError::invalid(format!(
                "The text field in the ContentBlock object at {place} is blank. Add text to the text field, and try \
                 again."
            )));
        }
        let (role, kinds) = (&message["role"], ["toolUse", "reasoningContent", "toolResult", "image", "document"]);
        for kind in kinds.into_iter().filter(|kind| block.get(kind).is_some()) {
            if (role == "user") == matches!(kind, "toolUse" | "reasoningContent") {
                let role = role.as_str().unwrap_or_default();
                return Err(AwsError::of_model(&format!("{place}: `{kind}` blocks may not be in {role} messages")));
            }
        }
        thought(&block["reasoningContent"]["reasoningText"], &place)?;
        if let Some(call) = block.get("toolUse") {
            identifier(&call["toolUseId"], &format!("{place}.toolUse.toolUseId"), "[a-zA-Z0-9_.:-]+", ".:")?;
            identifier(&call["name"], &format!("{place}.toolUse.name"), "[a-zA-Z0-9_-]+", "")?;
        }
    }
    Ok(())
}

fn thought(thought: &Value, place: &str) -> Check {
    match (thought["text"].as_str(), thought["signature"].as_str()) {
        (Some(text), Some(mark)) if mark != signature(text) => {
            Err(AwsError::of_model(&format!("{place}: Invalid `signature` in `thinking` block")))
        }
        (Some(_), None) => Err(AwsError::of_model(&format!("{place}.thinking.signature: Field required"))),
        _ => Ok(()),
    }
}

/// Every call is answered in the next message, and nothing else is.
fn turns(messages: &[Value]) -> Check {
    let mut open: Vec<&str> = Vec::new();
    for (at, message) in messages.iter().enumerate() {
        let answers = ids(message, "toolResult");
        let missing: Vec<&str> = open.iter().copied().filter(|id| !answers.contains(id)).collect();
        if !missing.is_empty() {
            return Err(AwsError::invalid(format!(
                "Expected toolResult blocks at messages.{at}.content for the following Ids: {}",
                missing.join(", ")
            )));
        }
        if answers.len() > open.len() {
            return Err(AwsError::invalid(format!(
                "The number of toolResult blocks at messages.{at}.content exceeds the number of toolUse blocks of \
                 previous turn."
            )));
        }
        open = ids(message, "toolUse");
    }
    Ok(())
}

fn ids<'a>(message: &'a Value, kind: &str) -> Vec<&'a str> {
    list(&message["content"]).iter().filter_map(|block| block[kind]["toolUseId"].as_str()).collect()
}

fn tools(body: &Value, messages: &[Value]) -> Check {
    let Some(config) = body.get("toolConfig") else {
        let used = |message: &Value| !ids(message, "toolUse").is_empty() || !ids(message, "toolResult").is_empty();
        return match messages.iter().any(used) {
            true => Err(AwsError::invalid(
                "The toolConfig field must be defined when using toolUse and toolResult content blocks.",
            )),
            false => Ok(()),
        };
    };
    let tools = list(&config["tools"]);
    if tools.is_empty() {
        let rule = "have length greater than or equal to 1";
        return Err(AwsError::constraint(&config["tools"], "toolConfig.tools", rule));
    }
    let mut names: Vec<&Value> = Vec::new();
    for (at, tool) in tools.iter().enumerate() {
        let Some(specification) = tool.get("toolSpec") else { continue };
        let place = format!("toolConfig.tools.{at}.toolSpec");
        identifier(&specification["name"], &format!("{place}.name"), "[a-zA-Z0-9_-]+", "")?;
        if specification["inputSchema"]["json"]["type"] != "object" {
            return Err(AwsError::invalid(format!(
                "The value at {place}.inputSchema.json.type must be one of the following: object."
            )));
        }
        if specification.get("description").is_some_and(|description| description == "") {
            let at = format!("{place}.description");
            return Err(AwsError::constraint(
                &specification["description"],
                &at,
                "have length greater than or equal to 1",
            ));
        }
        if names.contains(&&specification["name"]) {
            let name = specification["name"].as_str().unwrap_or_default();
            return Err(AwsError::invalid(format!(
                "The toolConfig field contains duplicate names: {name}. Names must be unique."
            )));
        }
        names.push(&specification["name"]);
    }
    match config["toolChoice"]["tool"].get("name") {
        Some(name) if !names.contains(&name) => Err(AwsError::invalid(format!(
            "The tool name at toolConfig.toolChoice.tool.name is not among the tools: {name}."
        ))),
        _ => Ok(()),
    }
}

fn inference(config: &Value) -> Check {
    for (name, least, most) in [("maxTokens", 1.0, f64::MAX), ("temperature", 0.0, 1.0), ("topP", 0.0, 1.0)] {
        let Some(number) = config[name].as_f64() else { continue };
        let at = format!("inferenceConfig.{name}");
        if number < least {
            let rule = format!("have value greater than or equal to {least}");
            return Err(AwsError::constraint(&config[name], &at, &rule));
        }
        if number > most {
            return Err(AwsError::constraint(&config[name], &at, &format!("have value less than or equal to {most}")));
        }
    }
    Ok(())
}

/// Up to 64 letters, digits, `_`, `-`, and a few more.
fn identifier(value: &Value, at: &str, pattern: &str, more: &str) -> Check {
    let text = value.as_str().unwrap_or_default();
    let fits = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | '-') || more.contains(char);
    match text.len() {
        0 => Err(AwsError::constraint(value, at, "have length greater than or equal to 1")),
        1..=64 if text.chars().all(fits) => Ok(()),
        1..=64 => Err(AwsError::constraint(value, at, &format!("satisfy regular expression pattern: {pattern}"))),
        _ => Err(AwsError::constraint(value, at, "have length less than or equal to 64")),
    }
}

pub(super) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

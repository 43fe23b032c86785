//! Refusals as Bedrock words them: `{"message"}`, and the exception's name in `x-amzn-errortype`.
//!
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html> (seen 2026-11).

use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::super::fields::{Kind, Misfit, MisfitKind, Step};
use super::super::reply::Reply;
use super::super::sigv4::Refused;

/// One refusal.
#[derive(Debug, Clone)]
pub(super) struct AwsError {
    status: StatusCode,
    exception: &'static str,
    message: String,
}

impl AwsError {
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, exception: "ValidationException", message: message.into() }
    }

    /// What the model behind Converse refuses.
    pub(super) fn of_model(message: &str) -> Self {
        Self::invalid(format!("The model returned the following errors: {message}"))
    }

    pub(super) fn not_json(error: &serde_json::Error) -> Self {
        Self { exception: "SerializationException", ..Self::invalid(error.to_string()) }
    }

    pub(super) fn unknown_operation() -> Self {
        Self { status: StatusCode::NOT_FOUND, exception: "UnknownOperationException", message: String::new() }
    }

    pub(super) fn misfits(misfits: &[Misfit]) -> Self {
        if let Some(wrong) = misfits.iter().find_map(serialization) {
            return Self { exception: "SerializationException", ..Self::invalid(wrong) };
        }
        let extra: Vec<String> = misfits.iter().filter_map(extraneous).collect();
        if !extra.is_empty() {
            // The service itself ignores what it does not know, and the models refuse it; here all refuse it, because
            // nothing that sends it can mean it.
            let keys = extra.join("");
            let again = "please reformat your input and try again.";
            return Self::invalid(format!("Malformed input request: {keys}, {again}"));
        }
        if let Some(Misfit { path, kind: MisfitKind::Choice }) = misfits.first() {
            let place = place(path, "", ".", 0);
            return Self::invalid(format!("The object at {place} must set exactly one of its keys."));
        }
        let constraints: Vec<String> = misfits.iter().filter_map(constraint).collect();
        let count = constraints.len();
        let errors = if count == 1 { "error" } else { "errors" };
        Self::invalid(format!("{count} validation {errors} detected: {}", constraints.join("; ")))
    }

    /// One broken constraint of a member.
    pub(super) fn constraint(value: &Value, at: &str, constraint: &str) -> Self {
        Self::invalid(format!(
            "1 validation error detected: Value '{}' at '{at}' failed to satisfy constraint: Member must {constraint}",
            shown(value)
        ))
    }

    /// What Bedrock says with a bare status.
    pub(super) fn of_status(status: StatusCode, message: String) -> Self {
        let exception = match status.as_u16() {
            403 => "AccessDeniedException",
            404 => "ResourceNotFoundException",
            408 => "ModelTimeoutException",
            424 => "ModelErrorException",
            429 => "ThrottlingException",
            503 => "ServiceUnavailableException",
            400..=499 => "ValidationException",
            _ => "InternalServerException",
        };
        Self { status, exception, message }
    }

    /// Another status than the exception's own has, as with errors of the model itself.
    pub(super) fn forbidden(message: &str) -> Self {
        Self::of_status(StatusCode::FORBIDDEN, message.to_owned())
    }

    /// The event's name in a stream, and its payload.
    pub(super) fn into_event(self) -> (String, Value) {
        let mut letters = self.exception.chars();
        let first: String = letters.next().map(|first| first.to_ascii_lowercase()).into_iter().collect();
        (format!("{first}{}", letters.as_str()), json!({"message": self.message}))
    }

    pub(super) fn into_reply(self) -> Reply {
        let service = match self.exception {
            exception if exception.contains("Signature") || exception.contains("Token") => "coral.service",
            exception if exception.contains("Client") || exception.contains("Unknown") => "coral.service",
            _ => "bedrock",
        };
        let body = json!({"message": self.message}).to_string();
        let mut reply = Reply::bytes(self.status, "application/json", body.into());
        let kind = format!("{}:http://internal.amazon.com/coral/com.amazon.{service}/", self.exception);
        if let Ok(value) = HeaderValue::from_str(&kind) {
            reply.set_header(HeaderName::from_static("x-amzn-errortype"), value);
        }
        reply
    }
}

impl From<Refused> for AwsError {
    fn from(Refused(exception, message): Refused) -> Self {
        Self { status: StatusCode::FORBIDDEN, exception, message }
    }
}

/// A value that cannot even be read.
fn serialization(misfit: &Misfit) -> Option<String> {
    let MisfitKind::Wrong(value, kind) = &misfit.kind else { return None };
    let wanted = match kind {
        Kind::Text | Kind::TextOr(_) => "a String",
        Kind::Flag => "a Boolean",
        Kind::Integer => "an Integer",
        Kind::Number => "a Float",
        Kind::Bytes => "a Blob",
        Kind::List(_) => "a List",
        Kind::Map(_) | Kind::Message(_) | Kind::Struct => "an Object",
        Kind::Word(_) if !value.is_string() => "a String",
        Kind::Word(_) | Kind::Any => return None,
    };
    let got = match value {
        Value::String(_) => "STRING_VALUE",
        Value::Number(number) if number.is_f64() => "DECIMAL_VALUE",
        Value::Number(_) => "NUMBER_VALUE",
        Value::Bool(true) => "TRUE_VALUE",
        Value::Bool(false) => "FALSE_VALUE",
        Value::Array(_) => "START_ARRAY",
        Value::Object(_) => "START_OBJECT",
        Value::Null => "NULL_VALUE",
    };
    Some(format!("{got} cannot be converted to {wanted}"))
}

fn extraneous(misfit: &Misfit) -> Option<String> {
    let MisfitKind::Unknown(name, _) = &misfit.kind else { return None };
    Some(format!("#{}: extraneous key [{name}] is not permitted", place(&misfit.path, "/", "/", 0)))
}

fn constraint(misfit: &Misfit) -> Option<String> {
    let place = place(&misfit.path, "", ".", 1);
    match &misfit.kind {
        MisfitKind::Missing(name) => {
            let at = if place.is_empty() { (*name).to_owned() } else { format!("{place}.{name}") };
            Some(format!("Value at '{at}' failed to satisfy constraint: Member must not be null"))
        }
        MisfitKind::Wrong(value, Kind::Word(words)) => Some(format!(
            "Value '{}' at '{place}' failed to satisfy constraint: Member must satisfy enum value set: [{}]",
            shown(value),
            words.join(", ")
        )),
        _ => None,
    }
}

/// A path such as `messages.1.member.content`, where members of lists are counted from `first`.
fn place(path: &[Step], before: &str, between: &str, first: usize) -> String {
    let steps = path.iter().map(|step| match step {
        Step::Field(name) => name.clone(),
        Step::At(at) if first == 1 => format!("{}.member", at + 1),
        Step::At(at) => at.to_string(),
    });
    let steps: Vec<String> = steps.collect();
    if steps.is_empty() { String::new() } else { format!("{before}{}", steps.join(between)) }
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

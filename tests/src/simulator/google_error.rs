//! Refusals as Google's APIs word them: `{"error": {"code", "message", "status", "details"}}`.
//!
//! <https://cloud.google.com/apis/design/errors> and <https://ai.google.dev/gemini-api/docs/troubleshooting> (seen
//! 2026-11).

use http::StatusCode;
use serde_json::{Value, json};

use super::fields::{Kind, Misfit, MisfitKind, Step, camel};
use super::reply::Reply;

/// Which of Google's services refuses; its name is in what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    /// `generativelanguage.googleapis.com`.
    Studio,
    /// `aiplatform.googleapis.com`.
    Vertex,
}

/// One refusal.
#[derive(Debug, Clone)]
pub(super) struct GoogleError {
    status: StatusCode,
    message: String,
    details: Vec<Value>,
}

impl GoogleError {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), details: Vec::new() }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// One broken rule of a field's content.
    pub(super) fn rule(path: &str, rule: &str) -> Self {
        Self::invalid(format!("* {path}: {rule}\n"))
    }

    /// What does not fit the fields, each on a line of the message and in the details.
    pub(super) fn misfits(misfits: &[Misfit], service: Service) -> Self {
        if let Some(choice) = misfits.iter().find(|misfit| matches!(misfit.kind, MisfitKind::Choice)) {
            let path = format!("GenerateContentRequest.{}", place(&choice.path));
            return Self::rule(&format!("{path}.data"), "required oneof field 'data' must have one initialized field");
        }
        let lines: Vec<(String, String)> =
            misfits.iter().map(|misfit| (place(&misfit.path), line(misfit, service))).collect();
        let violations: Vec<Value> = lines
            .iter()
            .map(|(place, line)| match place.is_empty() {
                true => json!({"description": line}),
                false => json!({"field": place, "description": line}),
            })
            .collect();
        let message: Vec<&str> = lines.iter().map(|(_, line)| line.as_str()).collect();
        let detail = json!({"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": violations});
        Self { details: vec![detail], ..Self::invalid(message.join("\n")) }
    }

    pub(super) fn bad_json(error: &serde_json::Error) -> Self {
        Self::invalid(format!("Invalid JSON payload received. {error}."))
    }

    pub(super) fn no_identity() -> Self {
        let message = "Method doesn't allow unregistered callers (callers without established identity). Please use \
                       API Key or other form of API consumer identity to call this API.";
        Self::new(StatusCode::FORBIDDEN, message)
    }

    pub(super) fn wrong_key() -> Self {
        let message = "API key not valid. Please pass a valid API key.";
        let info = error_info("API_KEY_INVALID", Service::Studio);
        let local = json!({
            "@type": "type.googleapis.com/google.rpc.LocalizedMessage", "locale": "en-US", "message": message,
        });
        Self { details: vec![info, local], ..Self::invalid(message) }
    }

    /// A bearer token that is missing, unknown or too old.
    pub(super) fn wrong_token(reason: &'static str) -> Self {
        let message = "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or \
                       other valid authentication credential. See \
                       https://developers.google.com/identity/sign-in/web/devconsole-project.";
        let info = error_info(reason, Service::Vertex);
        Self { details: vec![info], ..Self::new(StatusCode::UNAUTHORIZED, message) }
    }

    /// What Google says with a bare status.
    pub(super) fn of_status(status: StatusCode, message: String) -> Self {
        let details = match status.as_u16() {
            429 => vec![json!({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7s"})],
            _ => Vec::new(),
        };
        Self { details, ..Self::new(status, message) }
    }

    pub(super) fn value(&self) -> Value {
        let mut error = json!({"code": self.status.as_u16(), "message": self.message, "status": word(self.status)});
        if !self.details.is_empty() {
            error["details"] = json!(self.details);
        }
        json!({"error": error})
    }

    pub(super) fn into_reply(self) -> Reply {
        let text = format!("{:#}\n", self.value());
        Reply::bytes(self.status, "application/json; charset=UTF-8", text.into())
    }

    /// The refusal of a stream that would have been an array.
    pub(super) fn into_array_reply(self) -> Reply {
        let text = format!("[{:#}\n]", self.value());
        Reply::bytes(self.status, "application/json; charset=UTF-8", text.into())
    }
}

fn error_info(reason: &str, service: Service) -> Value {
    json!({
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": "googleapis.com",
        "metadata": {"service": service.host()},
    })
}

impl Service {
    fn host(self) -> &'static str {
        match self {
            Self::Studio => "generativelanguage.googleapis.com",
            Self::Vertex => "aiplatform.googleapis.com",
        }
    }

    /// Whether a name that AI Studio does not know is one of the service's own; what it asks for is not simulated.
    pub(super) fn knows(self, misfit: &Misfit) -> bool {
        let MisfitKind::Unknown(name, message) = &misfit.kind else { return false };
        let own: &[&str] = match (self, *message) {
            (Self::Vertex, "Schema") => &["additional_properties", "defs", "ref"],
            (Self::Vertex, "GenerateContentRequest") => &["labels", "model_armor_config"],
            (Self::Vertex, "GenerationConfig") => &["audio_timestamp", "routing_config", "model_selection_config"],
            (Self::Vertex, "SafetySetting") => &["method"],
            (Self::Vertex, "Blob" | "FileData") => &["display_name"],
            (Self::Vertex, "FunctionCallingConfig") => &["stream_function_call_arguments"],
            (Self::Vertex, "FunctionCall") => &["partial_args", "will_continue"],
            (Self::Vertex, "Tool") => &["retrieval", "enterprise_web_search", "parallel_ai_search"],
            _ => &[],
        };
        own.iter().any(|known| known == name || camel(known) == *name)
    }

    fn package(self) -> &'static str {
        match self {
            Self::Studio => "google.ai.generativelanguage.v1beta",
            Self::Vertex => "google.cloud.aiplatform.v1",
        }
    }
}

/// The code of `google.rpc.Code` that goes with a status.
fn word(status: StatusCode) -> &'static str {
    match status.as_u16() {
        400 => "INVALID_ARGUMENT",
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        409 => "ABORTED",
        429 => "RESOURCE_EXHAUSTED",
        499 => "CANCELLED",
        500 => "INTERNAL",
        501 => "UNIMPLEMENTED",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        _ => "UNKNOWN",
    }
}

/// A path as Google writes it: `tools[0].function_declarations[0].parameters`.
pub(super) fn place(path: &[Step]) -> String {
    let mut place = String::new();
    for step in path {
        match step {
            Step::Field(name) if place.is_empty() => place.push_str(name),
            Step::Field(name) => place.extend([".", name]),
            Step::At(at) => place.push_str(&format!("[{at}]")),
        }
    }
    place
}

fn line(misfit: &Misfit, service: Service) -> String {
    let place = place(&misfit.path);
    let at = if place.is_empty() { String::new() } else { format!(" at '{place}'") };
    match &misfit.kind {
        MisfitKind::Unknown(name, _) => {
            format!("Invalid JSON payload received. Unknown name \"{name}\"{at}: Cannot find field.")
        }
        MisfitKind::NotRepeated(name) => {
            let (parent, _) = misfit.path.split_at(misfit.path.len().saturating_sub(1));
            let at = self::place(parent);
            format!(
                "Invalid JSON payload received. Unknown name \"{name}\" at '{at}': Proto field is not repeating, \
                 cannot start list."
            )
        }
        MisfitKind::Wrong(value, Kind::Bytes) => {
            format!("Invalid value{at} (TYPE_BYTES), Base64 decoding failed for {value}")
        }
        MisfitKind::Wrong(value, kind) => format!("Invalid value{at} ({}), {value}", type_name(*kind, misfit, service)),
        MisfitKind::Missing(name) => format!("Missing field '{name}'{at}."),
        MisfitKind::Choice => format!("Invalid value{at} (oneof)."),
    }
}

fn type_name(kind: Kind, misfit: &Misfit, service: Service) -> String {
    let package = service.package();
    match kind {
        Kind::Text | Kind::TextOr(_) => "TYPE_STRING".to_owned(),
        Kind::Flag => "TYPE_BOOL".to_owned(),
        Kind::Integer => "TYPE_INT32".to_owned(),
        Kind::Number => "TYPE_FLOAT".to_owned(),
        Kind::Bytes => "TYPE_BYTES".to_owned(),
        Kind::Any => "type.googleapis.com/google.protobuf.Value".to_owned(),
        Kind::Struct => "type.googleapis.com/google.protobuf.Struct".to_owned(),
        Kind::Message(message) => format!("type.googleapis.com/{package}.{}", message.name),
        Kind::Word(_) => match misfit.path.last() {
            Some(Step::Field(name)) => format!("type.googleapis.com/{package}.{name}"),
            _ => "TYPE_ENUM".to_owned(),
        },
        Kind::List(inner) | Kind::Map(inner) => type_name(*inner, misfit, service),
    }
}

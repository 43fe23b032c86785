//! Answers of the filter's own.
//!
//! After an answer the stage must pause, so each of these returns the pause.

use ditto_llm::dialect::Dialect;
use ditto_llm::fault::Fault;

use crate::host::{Flow, Host, HostError};

/// Says what is wrong in the client's dialect. An empty `request_id` is left out.
pub(crate) fn fault(host: &impl Host, dialect: Dialect, request_id: &str, fault: &Fault) -> Flow {
    let body = fault.body(dialect).to_string();
    let retry_after = fault.retry_after_seconds().map(|seconds| seconds.to_string());
    let more = fault.headers();
    let mut headers = vec![("content-type", "application/json")];
    headers.extend(more.iter().map(|(name, value)| (*name, value.as_str())));
    if !request_id.is_empty() {
        headers.extend([("x-ditto-request-id", request_id), ("x-request-id", request_id)]);
    }
    if let Some(seconds) = &retry_after {
        headers.push(("retry-after", seconds));
    }
    paused(host, host.reply(fault.status(), &headers, body.as_bytes()))
}

/// Gives an answer that the gateway knows itself. An empty `request_id` is left out.
pub(crate) fn json(host: &impl Host, request_id: &str, body: &[u8]) -> Flow {
    let mut headers = vec![("content-type", "application/json")];
    if !request_id.is_empty() {
        headers.extend([("x-ditto-request-id", request_id), ("x-request-id", request_id)]);
    }
    paused(host, host.reply(200, &headers, body))
}

/// Says that there is nothing at this path.
pub(crate) fn nothing_here(host: &impl Host) -> Flow {
    paused(host, host.reply(404, &[], b""))
}

/// Envoy refused a call: the request cannot be trusted to be what was decided, so it ends here.
pub(crate) fn host_error(host: &impl Host, error: HostError) -> Flow {
    warn(host, error);
    fault(host, Dialect::OpenAi, "", &Fault::Internal)
}

/// Tells the operator of a refused call.
pub(crate) fn warn(host: &impl Host, error: HostError) {
    host.warn(&format!("host call {} failed with status {}", error.call, error.status));
}

fn paused(host: &impl Host, replied: Result<(), HostError>) -> Flow {
    if let Err(error) = replied {
        warn(host, error);
    }
    Flow::Pause
}

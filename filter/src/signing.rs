//! Signs requests to backends that want it, with keys that came with the credentials.

use ditto_llm::fault::Fault;
use ditto_policy::routing::Backend;
use ditto_translate::sigv4::{self, Keys, Unsigned};

use crate::knowledge::Credentials;

pub(crate) use ditto_translate::sigv4::TOKEN_HEADER;

/// Whether attempts at this backend are signed.
pub(crate) fn signs(backend: &Backend) -> bool {
    backend.provider.as_ref().is_some_and(|provider| provider.signs)
}

/// The headers that sign a request as it leaves; none for a backend that wants no signature.
///
/// # Errors
/// [`Fault::NotReady`] while its keys are not known here.
pub(crate) fn headers(
    backend: &Backend,
    credentials: Option<&Credentials>,
    path: &str,
    body: &[u8],
    now_ms: u64,
) -> Result<Vec<(&'static str, String)>, Fault> {
    if !signs(backend) {
        return Ok(Vec::new());
    }
    let known = credentials.and_then(|credentials| credentials.sigv4.as_ref()).ok_or(Fault::NotReady)?;
    let keys = Keys {
        access_key_id: &known.access_key_id,
        secret_access_key: &known.secret_access_key,
        session_token: &known.session_token,
        region: &known.region,
        service: &known.service,
    };
    let request = Unsigned { method: "POST", host: &backend.authority, path, body, now_seconds: now_ms / 1_000 };
    Ok(sigv4::sign(&keys, &request))
}

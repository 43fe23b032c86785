//! How the gateway proves to a backend who it is.

use crate::secret::Secret;

/// What AWS Signature Version 4 signs with
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html>, seen 2026-11).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigV4 {
    /// Names the key.
    pub access_key_id: Secret,
    /// The key.
    pub secret_access_key: Secret,
    /// Comes with keys that expire.
    pub session_token: Option<Secret>,
    /// Where the service is.
    pub region: String,
    /// The service's name in signatures.
    pub service: String,
}

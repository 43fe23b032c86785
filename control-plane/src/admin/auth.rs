//! Who may use `/admin`.

use std::fmt;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use ditto_policy::secret::Secret;
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};

use super::ApiError;

/// The admin token, kept as its SHA-256 only.
#[derive(Clone)]
pub struct AdminToken([u8; 32]);

impl AdminToken {
    /// Takes the token in clear and keeps its hash.
    pub fn new(token: &Secret) -> Self {
        Self(hash(token.expose().as_bytes()))
    }

    /// Whether the request presents the token, in either header. The time it takes tells nothing about the token:
    /// hashes are compared, all of them, in constant time.
    fn is_presented(&self, headers: &HeaderMap) -> bool {
        let own = headers.get("x-admin-token").map(|value| value.as_bytes().trim_ascii());
        let bearer = headers.get(header::AUTHORIZATION).and_then(bearer_token);
        let mut found = Choice::from(0);
        for presented in [own, bearer].into_iter().flatten() {
            found |= hash(presented).ct_eq(&self.0);
        }
        found.into()
    }
}

impl fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminToken(…)")
    }
}

fn hash(token: &[u8]) -> [u8; 32] {
    Sha256::digest(token).into()
}

/// The credentials of `Authorization: Bearer <credentials>`; the scheme's name is case-insensitive.
fn bearer_token(value: &HeaderValue) -> Option<&[u8]> {
    let (scheme, token) = value.as_bytes().split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

/// Puts `router` behind the token, and forbids caches to keep what it answers.
pub(super) fn protect(router: Router, token: AdminToken) -> Router {
    router.route_layer(middleware::from_fn_with_state(token, check))
}

async fn check(State(token): State<AdminToken>, request: Request, next: Next) -> Response {
    let mut response = if token.is_presented(request.headers()) {
        next.run(request).await
    } else {
        ApiError::unauthorized().into_response()
    };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

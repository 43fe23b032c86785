//! Reading virtual keys.

use serde_json::Value;

use super::{Problem, VirtualKey};
use crate::key::TokenHash;

impl VirtualKey {
    /// Reads a virtual key as the admin API receives it. It is as strict as the document; an absent token, or the
    /// placeholder `redacted`, leaves [`VirtualKey::token`] blank. `${NAME}` is not expanded here.
    ///
    /// # Errors
    ///
    /// Every problem found, each with a path below `path`.
    pub fn from_value(value: &Value, path: &str) -> Result<VirtualKey, Vec<Problem>> {
        let _ = value;
        Err(vec![Problem::new(path, "virtual keys cannot be read yet")])
    }

    /// The hash under which the token is looked up; `None` when there is no token. A token of the form
    /// `sha256:<64 hex digits>` is taken as already hashed.
    pub fn token_hash(&self) -> Option<TokenHash> {
        if self.token.is_blank() {
            return None;
        }
        let token = self.token.expose();
        Some(TokenHash::from_stored(token).unwrap_or_else(|| TokenHash::of(token.as_bytes())))
    }
}

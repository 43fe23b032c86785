//! The hashes of tokens seen lately.

use std::cell::RefCell;

use ditto_policy::key::TokenHash;

/// Tokens whose hashes are remembered, one for each place.
const RECENT_TOKENS: usize = 1024;
/// Longer tokens are hashed each time.
const RECENT_TOKEN_BYTES_MAX: usize = 256;

/// A cache: a client sends the same token with every request, and to compare it costs a
/// tenth of what hashing it does. It holds a function's values and nothing else, so it never goes stale.
#[derive(Debug)]
pub(crate) struct RecentTokens(RefCell<Vec<Option<HashedToken>>>);

/// A token and its hash.
type HashedToken = (Box<[u8]>, TokenHash);

impl Default for RecentTokens {
    fn default() -> Self {
        Self(RefCell::new(vec![None; RECENT_TOKENS]))
    }
}

impl RecentTokens {
    /// The hash of a token.
    pub(crate) fn hash(&self, token: &[u8]) -> TokenHash {
        // Tokens are random at their end, and operators' own ones differ somewhere.
        let sum = token
            .iter()
            .rev()
            .take(24)
            .fold(0_usize, |sum, &byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)));
        let mut recent = self.0.borrow_mut();
        let Some(slot) = recent.get_mut(sum % RECENT_TOKENS) else { return TokenHash::of(token) };
        match slot {
            Some((known, hash)) if **known == *token => *hash,
            _ => {
                let hash = TokenHash::of(token);
                if token.len() <= RECENT_TOKEN_BYTES_MAX {
                    *slot = Some((token.into(), hash));
                }
                hash
            }
        }
    }
}

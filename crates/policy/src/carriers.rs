//! Where a virtual key stands in a request.

/// The values of the headers that may carry a virtual key; empty for one that is not there.
///
/// The filter and the control plane read them by the same rule, so that a key which opens one opens the other.
#[derive(Debug, Clone, Copy, Default)]
pub struct Carriers<'h> {
    /// `x-litellm-api-key`, with or without `Bearer ` before the key.
    pub litellm_api_key: &'h [u8],
    /// `authorization`, with `Bearer ` before the key.
    pub authorization: &'h [u8],
    /// `x-ditto-virtual-key`.
    pub virtual_key: &'h [u8],
    /// `x-api-key`.
    pub api_key: &'h [u8],
}

impl<'h> Carriers<'h> {
    /// The first that holds a key, in the order of the fields.
    pub fn token(&self) -> Option<&'h [u8]> {
        let litellm = bearer(self.litellm_api_key).unwrap_or(self.litellm_api_key);
        let carriers = [litellm, bearer(self.authorization).unwrap_or_default(), self.virtual_key, self.api_key];
        carriers.into_iter().map(<[u8]>::trim_ascii).find(|token| !token.is_empty())
    }
}

/// The credential after `Bearer `, whose case does not matter (RFC 9110, 11.1).
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| rest.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_carrier_that_holds_a_key_counts() {
        let all =
            Carriers { litellm_api_key: b"Bearer a", authorization: b"bearer  b ", virtual_key: b" c ", api_key: b"d" };
        assert_eq!(all.token(), Some(&b"a"[..]));
        let rest = Carriers { litellm_api_key: b" ", ..all };
        assert_eq!(rest.token(), Some(&b"b"[..]));
        let rest = Carriers { authorization: b"Basic eDp5", ..rest };
        assert_eq!(rest.token(), Some(&b"c"[..]));
        let rest = Carriers { virtual_key: b"", ..rest };
        assert_eq!(rest.token(), Some(&b"d"[..]));
        assert_eq!(Carriers { api_key: b"", ..rest }.token(), None);
        assert_eq!(Carriers { litellm_api_key: b"plain", ..Carriers::default() }.token(), Some(&b"plain"[..]));
    }
}

//! The head of a request: the headers that the gateway looks at, found in one pass over one host call's bytes.

use ditto_llm::dialect::Dialect;

/// proxy-wasm's serialised header map: a count, the sizes of all names and values, then the names and values, each
/// followed by a zero byte. Numbers are 32 bits, little-endian. A damaged map ends the iteration.
pub fn pairs(map: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let count = read_u32(map, 0).unwrap_or(0);
    let mut data = count.saturating_mul(8).saturating_add(4);
    (0..count).map_while(move |index| {
        let sizes = index.saturating_mul(8).saturating_add(4);
        let name = map.get(data..data.checked_add(read_u32(map, sizes)?)?)?;
        let value_start = data.checked_add(name.len())?.checked_add(1)?;
        let value = map.get(value_start..value_start.checked_add(read_u32(map, sizes.checked_add(4)?)?)?)?;
        data = value_start.checked_add(value.len())?.checked_add(1)?;
        Some((name, value))
    })
}

fn read_u32(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?) as usize)
}

/// The reverse of [`pairs`].
pub fn serialise(headers: &[(&str, &str)]) -> Vec<u8> {
    let size = |text: &str| (text.len() as u32).to_le_bytes();
    let mut map = Vec::with_capacity(headers.iter().map(|(name, value)| name.len() + value.len() + 10).sum());
    map.extend_from_slice(&(headers.len() as u32).to_le_bytes());
    for (name, value) in headers {
        map.extend_from_slice(&size(name));
        map.extend_from_slice(&size(value));
    }
    for (name, value) in headers {
        map.extend_from_slice(name.as_bytes());
        map.push(0);
        map.extend_from_slice(value.as_bytes());
        map.push(0);
    }
    map
}

/// What the gateway stage reads from the request headers.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Head<'h> {
    /// `:method`.
    pub method: &'h [u8],
    /// `:path`, query included.
    pub path: &'h [u8],
    /// `content-type`.
    pub content_type: &'h [u8],
    /// `content-length`, when it is a number.
    pub content_length: Option<u64>,
    /// `x-request-id`.
    pub request_id: &'h [u8],
    /// Whether the client asks for another protocol (a websocket).
    pub upgrade: bool,
    /// `authorization`.
    pub authorization: &'h [u8],
    litellm_api_key: &'h [u8],
    virtual_key: &'h [u8],
    api_key: &'h [u8],
    goog_api_key: &'h [u8],
    /// `anthropic-beta`.
    pub beta: &'h [u8],
    /// `anthropic-version`.
    pub anthropic_version: &'h [u8],
    #[cfg(feature = "fault-injection")]
    /// `x-ditto-fault`, in the test build only.
    pub fault: &'h [u8],
}

impl<'h> Head<'h> {
    /// Reads the serialised header map. Of a repeated header the first value counts.
    pub fn parse(map: &'h [u8]) -> Self {
        let mut head = Self::default();
        for (name, value) in pairs(map) {
            let slot = match name {
                b":path" => &mut head.path,
                b":method" => &mut head.method,
                b"content-type" => &mut head.content_type,
                b"authorization" => &mut head.authorization,
                b"x-request-id" => &mut head.request_id,
                b"x-litellm-api-key" => &mut head.litellm_api_key,
                b"x-ditto-virtual-key" => &mut head.virtual_key,
                b"x-api-key" => &mut head.api_key,
                b"x-goog-api-key" => &mut head.goog_api_key,
                b"anthropic-beta" => &mut head.beta,
                b"anthropic-version" => &mut head.anthropic_version,
                b"content-length" => {
                    head.content_length = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
                    continue;
                }
                b"upgrade" => {
                    head.upgrade = true;
                    continue;
                }
                #[cfg(feature = "fault-injection")]
                b"x-ditto-fault" => &mut head.fault,
                _ => continue,
            };
            if slot.is_empty() {
                *slot = value;
            }
        }
        head
    }

    /// Whether the body is JSON.
    pub fn is_json(&self) -> bool {
        const JSON: &[u8] = b"application/json";
        self.content_type.get(..JSON.len()).is_some_and(|start| start.eq_ignore_ascii_case(JSON))
    }

    /// The virtual key: the first carrier that holds one, in the documented order. Google's clients have carriers of
    /// their own, which come first on Google's endpoints.
    pub fn token(&self, dialect: Dialect) -> Option<&'h [u8]> {
        let litellm = bearer(self.litellm_api_key).unwrap_or(self.litellm_api_key);
        let bearer = bearer(self.authorization).unwrap_or_default();
        let carriers = match dialect {
            Dialect::Gemini => [self.virtual_key, self.goog_api_key, self.query_key(), litellm, bearer],
            _ => [litellm, bearer, self.virtual_key, self.api_key, b""],
        };
        carriers.into_iter().map(<[u8]>::trim_ascii).find(|token| !token.is_empty())
    }

    /// The query's `key`, in which Google's clients may send theirs.
    fn query_key(&self) -> &'h [u8] {
        let Some(at) = self.path.iter().position(|&byte| byte == b'?') else { return b"" };
        let query = self.path.get(at.saturating_add(1)..).unwrap_or_default();
        query.split(|&byte| byte == b'&').find_map(|parameter| parameter.strip_prefix(b"key=")).unwrap_or_default()
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

    fn token(headers: &[(&str, &str)]) -> Option<String> {
        let map = serialise(headers);
        Head::parse(&map).token(Dialect::OpenAi).map(|token| String::from_utf8(token.to_vec()).unwrap())
    }

    #[test]
    fn carriers_count_in_the_documented_order() {
        let all = [
            ("x-api-key", "d"),
            ("x-ditto-virtual-key", "c"),
            ("authorization", "Bearer b"),
            ("x-litellm-api-key", "Bearer a"),
        ];
        for (left, expected) in [(4, "a"), (3, "b"), (2, "c"), (1, "d")] {
            assert_eq!(token(&all[..left]).as_deref(), Some(expected));
        }
        assert_eq!(token(&[]), None);
    }

    #[test]
    fn googles_clients_have_carriers_of_their_own() {
        let all = [
            ("authorization", "Bearer e"),
            ("x-litellm-api-key", "d"),
            (":path", "/v1beta/models/m:generateContent?alt=sse&key=c"),
            ("x-goog-api-key", "b"),
            ("x-ditto-virtual-key", "a"),
        ];
        for (left, expected) in [(5, "a"), (4, "b"), (3, "c"), (2, "d"), (1, "e")] {
            let map = serialise(&all[..left]);
            assert_eq!(Head::parse(&map).token(Dialect::Gemini), Some(expected.as_bytes()));
        }
        let map = serialise(&all[2..4]);
        assert_eq!(Head::parse(&map).token(Dialect::OpenAi), None);
    }

    #[test]
    fn bearer_is_optional_for_litellm_and_required_for_authorization() {
        assert_eq!(token(&[("x-litellm-api-key", "sk-1")]).as_deref(), Some("sk-1"));
        assert_eq!(token(&[("authorization", "bEaReR  sk-1 ")]).as_deref(), Some("sk-1"));
        assert_eq!(token(&[("authorization", "Basic c2s6MQ==")]), None);
        assert_eq!(token(&[("authorization", "Bearer ")]), None);
        assert_eq!(token(&[("authorization", "Basic x"), ("x-api-key", "sk-2")]).as_deref(), Some("sk-2"));
    }

    #[test]
    fn json_is_recognised_with_parameters_and_in_any_case() {
        for (content_type, expected) in
            [("application/json", true), ("Application/JSON; charset=utf-8", true), ("text/json", false), ("", false)]
        {
            let map = serialise(&[("content-type", content_type)]);
            assert_eq!(Head::parse(&map).is_json(), expected, "{content_type}");
        }
    }

    #[test]
    fn a_map_survives_the_round_trip() {
        let headers = [(":path", "/v1/x"), ("a", ""), ("", "b"), ("ü", "ß")];
        let map = serialise(&headers);
        let read: Vec<_> = pairs(&map).collect();
        let expected: Vec<_> = headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
        assert_eq!(read, expected);
    }

    #[test]
    fn damaged_maps_end_early_and_never_panic() {
        let map = serialise(&[("a", "1"), ("bb", "22"), ("ccc", "333")]);
        for end in 0..map.len() {
            assert!(pairs(&map[..end]).count() <= 3);
        }
        let mut huge = map.clone();
        huge[..4].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(pairs(&huge).count(), 0);
        huge = map;
        huge[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(pairs(&huge).count(), 0);
    }
}

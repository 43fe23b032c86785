//! AWS's request signatures, version 4.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html> (seen 2026-11). What is
//! signed is the method, the path and query as they leave, the host, the headers made here, and the body. All services
//! but S3 encode the path once more for the signature, although it is encoded already.

use sha2::{Digest, Sha256};

use crate::url::{decoded, escape_into};
use ditto_llm::time::to_basic;

/// Who signs, and for which service.
#[derive(Debug, Clone, Copy)]
pub struct Keys<'a> {
    /// The public part of the key.
    pub access_key_id: &'a str,
    /// The secret part of the key.
    pub secret_access_key: &'a str,
    /// What temporary keys carry besides; empty: none.
    pub session_token: &'a str,
    /// The region that the request goes to.
    pub region: &'a str,
    /// The service's name in signatures, such as `bedrock`.
    pub service: &'a str,
}

/// What is signed.
#[derive(Debug, Clone, Copy)]
pub struct Unsigned<'a> {
    /// The method, in capitals.
    pub method: &'a str,
    /// The `host` header as the service gets it.
    pub host: &'a str,
    /// The path and query as they leave.
    pub path: &'a str,
    /// The body.
    pub body: &'a [u8],
    /// The moment, in seconds since 1970.
    pub now_seconds: u64,
}

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// The header of temporary keys' token.
pub const TOKEN_HEADER: &str = "x-amz-security-token";
const DATE_HEADER: &str = "x-amz-date";
const HASH_HEADER: &str = "x-amz-content-sha256";

/// The headers that sign a request: `authorization` and all that it signs besides the host.
pub fn sign(keys: &Keys<'_>, request: &Unsigned<'_>) -> Vec<(&'static str, String)> {
    let date = to_basic(request.now_seconds);
    let mut headers = vec![(HASH_HEADER, hex(&Sha256::digest(request.body))), (DATE_HEADER, date)];
    if !keys.session_token.is_empty() {
        headers.push((TOKEN_HEADER, keys.session_token.to_owned()));
    }
    let authorization = authorization(keys, request, &headers);
    headers.push(("authorization", authorization));
    headers
}

/// The value of `authorization`; `headers` are in alphabetical order, and `host` stands before them.
fn authorization(keys: &Keys<'_>, request: &Unsigned<'_>, headers: &[(&'static str, String)]) -> String {
    let value = |name: &str| headers.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value.as_str());
    let mut names = String::from("host");
    let mut lines = format!("host:{}\n", request.host);
    for (name, value) in headers {
        names.push(';');
        names.push_str(name);
        lines.push_str(&format!("{name}:{}\n", value.trim()));
    }
    // A hash that is not among the headers is part of the canonical request all the same.
    let hash = match value(HASH_HEADER) {
        "" => hex(&Sha256::digest(request.body)),
        hash => hash.to_owned(),
    };
    let (path, query) = request.path.split_once('?').unwrap_or((request.path, ""));
    let (path, query) = (canonical_path(path), canonical_query(query));
    let canonical = format!("{}\n{path}\n{query}\n{lines}\n{names}\n{hash}", request.method);
    let date = value(DATE_HEADER);
    let day = date.get(..8).unwrap_or_default();
    let scope = format!("{day}/{}/{}/aws4_request", keys.region, keys.service);
    let to_sign = format!("{ALGORITHM}\n{date}\n{scope}\n{}", hex(&Sha256::digest(canonical.as_bytes())));
    let secret = format!("AWS4{}", keys.secret_access_key);
    let steps = [day, keys.region, keys.service, "aws4_request", &to_sign];
    let signature = steps.into_iter().fold(secret.into_bytes(), |key, step| hmac(&key, step.as_bytes()).to_vec());
    let id = keys.access_key_id;
    format!("{ALGORITHM} Credential={id}/{scope}, SignedHeaders={names}, Signature={}", hex(&signature))
}

/// The path with all but its slashes encoded once more.
fn canonical_path(path: &str) -> String {
    let mut canonical = String::with_capacity(path.len());
    for (at, segment) in path.split('/').enumerate() {
        if at > 0 {
            canonical.push('/');
        }
        escape_into(segment.as_bytes(), &mut canonical);
    }
    canonical
}

/// The parameters, each decoded and encoded as AWS does it, in order.
fn canonical_query(query: &str) -> String {
    let again = |text: &str| {
        let mut escaped = String::new();
        escape_into(&decoded(text), &mut escaped);
        escaped
    };
    let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let mut pairs: Vec<_> = pairs.map(|(name, value)| (again(name), again(value))).collect();
    pairs.sort_unstable();
    let pairs: Vec<_> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

/// HMAC with SHA-256: <https://www.rfc-editor.org/rfc/rfc2104#section-2>.
fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut block = [0_u8; 64];
    let hashed;
    let key = if key.len() > block.len() {
        hashed = Sha256::digest(key);
        hashed.as_slice()
    } else {
        key
    };
    for (place, byte) in block.iter_mut().zip(key) {
        *place = *byte;
    }
    let inner = Sha256::new_with_prefix(block.map(|byte| byte ^ 0x36)).chain_update(message).finalize();
    Sha256::new_with_prefix(block.map(|byte| byte ^ 0x5c)).chain_update(inner).finalize().into()
}

fn hex(bytes: &[u8]) -> String {
    let halves = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    halves.filter_map(|half| char::from_digit(u32::from(half), 16)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(service: &'static str) -> Keys<'static> {
        Keys {
            access_key_id: "AKIDEXAMPLE",
            secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            session_token: "",
            region: "us-east-1",
            service,
        }
    }

    fn vector(method: &'static str, path: &'static str) -> String {
        let request = Unsigned { method, host: "example.amazonaws.com", path, body: b"", now_seconds: 1_440_938_160 };
        let headers = [(DATE_HEADER, to_basic(request.now_seconds))];
        let authorization = authorization(&keys("service"), &request, &headers);
        authorization.rsplit_once('=').unwrap().1.to_owned()
    }

    /// Of AWS's own test suite: `get-vanilla`, `post-vanilla`, `get-vanilla-query-order-key-case`.
    #[test]
    fn the_published_vectors_come_out() {
        assert_eq!(vector("GET", "/"), "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
        assert_eq!(vector("POST", "/"), "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b");
        assert_eq!(
            vector("GET", "/?Param2=value2&Param1=value1"),
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"
        );
    }

    #[test]
    fn what_is_encoded_is_encoded_again() {
        assert_eq!(canonical_path("/model/a%3A0/converse"), "/model/a%253A0/converse");
        assert_eq!(canonical_query("b=2&a=x%20y&a="), "a=&a=x%20y&b=2");
    }

    #[test]
    fn temporary_keys_sign_their_token() {
        let keys = Keys { session_token: "session", ..keys("bedrock") };
        let request = Unsigned { method: "POST", host: "h", path: "/p", body: b"{}", now_seconds: 0 };
        let headers = sign(&keys, &request);
        assert!(headers.contains(&(TOKEN_HEADER, "session".to_owned())));
        let authorization = &headers.iter().find(|(name, _)| *name == "authorization").unwrap().1;
        assert!(authorization.contains("host;x-amz-content-sha256;x-amz-date;x-amz-security-token"), "{authorization}");
        assert!(authorization.contains("Credential=AKIDEXAMPLE/19700101/us-east-1/bedrock/"), "{authorization}");
    }

    #[test]
    fn long_keys_are_hashed() {
        // Test case 6 of RFC 4231.
        let digest = hmac(&[0xaa; 131], b"Test Using Larger Than Block-Size Key - Hash Key First");
        assert_eq!(hex(&digest), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    }
}

//! An assertion by which a service account asks for a token: a JWT that it signed by RS256.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::Value;

use super::{OAuthError, ServiceAccount};

/// An assertion may live for this long, in seconds.
const LIFETIME_MAX: i64 = 3600;
/// How far its clock may be off, in seconds.
const SKEW: i64 = 300;
/// What stands between the algorithm of an RSA key and the key in a `PUBLIC KEY`: no parameters, and a bit string.
const KEY_MARK: [u8; 4] = [0x05, 0x00, 0x03, 0x82];

pub(super) fn check(text: &str, account: Option<&ServiceAccount>, now: SystemTime) -> Result<(), OAuthError> {
    let grant = |description: &str| OAuthError::new("invalid_grant", description);
    let Some((signed, signature)) = text.rsplit_once('.') else {
        return Err(grant("Bad Request: the assertion is no JWT."));
    };
    let (header, claims) = signed.split_once('.').ok_or_else(|| grant("Bad Request: the assertion is no JWT."))?;
    let (header, claims) = (object(header)?, object(claims)?);
    if header["alg"] != "RS256" {
        return Err(grant("Invalid JWT: alg must be RS256."));
    }
    let account = account.filter(|account| claims["iss"] == *account.email);
    let account = account.ok_or_else(|| grant("Invalid grant: account not found"))?;
    let key = public_key(&account.public_key).ok_or_else(|| grant("The simulator was given no RSA key in PEM."))?;
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key)
        .verify(signed.as_bytes(), &signature)
        .map_err(|_| grant("Invalid JWT Signature."))?;
    if claims["aud"].as_str().is_none_or(|audience| !audience.ends_with("/token")) {
        return Err(grant("Invalid JWT: Failed audience check. The right audience is the URL of the token endpoint."));
    }
    let now = now.duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX));
    let (from, until) = (claims["iat"].as_i64().unwrap_or(i64::MAX), claims["exp"].as_i64().unwrap_or(0));
    let long = until.checked_sub(from).is_none_or(|life| life > LIFETIME_MAX);
    if long || until < now - SKEW || from > now + SKEW {
        return Err(grant(
            "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat \
             and exp values in the JWT claim.",
        ));
    }
    if claims["scope"].as_str().is_none_or(str::is_empty) {
        return Err(OAuthError::new("invalid_scope", "Invalid OAuth scope or ID token audience provided."));
    }
    Ok(())
}

fn object(part: &str) -> Result<Value, OAuthError> {
    let bytes = URL_SAFE_NO_PAD.decode(part).unwrap_or_default();
    serde_json::from_slice(&bytes).map_err(|error| {
        OAuthError::new("invalid_grant", format!("Invalid JWT: a part is not JSON in base64: {error}"))
    })
}

/// The key as PKCS #1 has it, from PEM of that form or of the general one.
fn public_key(pem: &str) -> Option<Vec<u8>> {
    let lines: String = pem.lines().map(str::trim).filter(|line| !line.starts_with("-----")).collect();
    let bytes = STANDARD.decode(lines).ok()?;
    if pem.contains("BEGIN RSA PUBLIC KEY") {
        return Some(bytes);
    }
    let mark = bytes.windows(KEY_MARK.len()).position(|window| window == KEY_MARK)?;
    // Behind the mark: two bytes of length, and the number of unused bits.
    bytes.get(mark + KEY_MARK.len() + 3..).map(<[u8]>::to_vec)
}

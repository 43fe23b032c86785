//! AWS's request signatures, version 4, as a service checks them.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html> (seen 2026-11). Of the canonical request,
//! the path is the one thing that surprises: all services but S3 encode what came encoded once more.

use std::time::{SystemTime, UNIX_EPOCH};

use http::request::Parts;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use ring::hmac;
use sha2::{Digest, Sha256};

/// All that AWS encodes: everything but letters, digits and four signs.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// How far a request's clock may be off, in seconds.
const SKEW_SECS: i64 = 300;
const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// Who may call, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsCredentials {
    /// The public part of the key, as in `AKIDEXAMPLE`.
    pub access_key_id: String,
    /// The secret part of the key.
    pub secret_access_key: String,
    /// What temporary credentials carry besides; requests must have it in `x-amz-security-token`.
    pub session_token: Option<String>,
    /// The region that requests must be signed for.
    pub region: String,
}

/// Why a signature is refused: the exception's name, and what is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused(pub(super) &'static str, pub(super) String);

/// Checks a request's signature for `service` at the moment `now`.
pub(super) fn verify(
    parts: &Parts,
    body: &[u8],
    credentials: &AwsCredentials,
    service: &str,
    now: SystemTime,
) -> Result<(), Refused> {
    let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let Some(authorization) = header("authorization") else {
        return Err(Refused("MissingAuthenticationTokenException", "Missing Authentication Token".to_owned()));
    };
    let claim = Claim::read(authorization)?;
    let date = header("x-amz-date").ok_or_else(|| {
        incomplete("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    })?;
    claim.check_scope(credentials, service, date)?;
    check_date(date, now)?;
    if header("x-amz-security-token") != credentials.session_token.as_deref() {
        return Err(unknown_token());
    }
    let must = ["host", "x-amz-date", "x-amz-security-token"];
    let unsigned = must.iter().find(|name| header(name).is_some() && !claim.signed_headers.contains(*name));
    if let Some(name) = unsigned {
        return Err(invalid(format!("'{name}' must be a 'SignedHeader' in the AWS Authorization.")));
    }
    let payload = hex::encode(Sha256::digest(body));
    if header("x-amz-content-sha256").is_some_and(|claimed| claimed != payload) {
        return Err(invalid("The value of 'x-amz-content-sha256' is not the hash of the body.".to_owned()));
    }
    let canonical = canonical_request(parts, &claim.signed_headers, &payload);
    let scope = format!("{}/{}/{service}/aws4_request", claim.day, credentials.region);
    let to_sign = format!("{ALGORITHM}\n{date}\n{scope}\n{}", hex::encode(Sha256::digest(canonical.as_bytes())));
    let key = signing_key(&credentials.secret_access_key, claim.day, &credentials.region, service);
    let signature = hex::decode(claim.signature).unwrap_or_default();
    hmac::verify(&key, to_sign.as_bytes(), &signature).map_err(|_| {
        invalid(format!(
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
             Access Key and signing method. Consult the service documentation for details.\n\nThe Canonical String \
             for this request should have been\n'{canonical}'\n\nThe String-to-Sign should have been\n'{to_sign}'\n"
        ))
    })
}

/// What the `Authorization` header says.
struct Claim<'a> {
    access_key_id: &'a str,
    day: &'a str,
    region: &'a str,
    service: &'a str,
    signed_headers: Vec<&'a str>,
    signature: &'a str,
}

impl<'a> Claim<'a> {
    fn read(authorization: &'a str) -> Result<Self, Refused> {
        let fields = authorization
            .strip_prefix(ALGORITHM)
            .ok_or_else(|| incomplete(&format!("Authorization header requires the algorithm {ALGORITHM}.")))?;
        let field = |name: &str| {
            let mut pairs = fields.split(',').filter_map(|pair| pair.trim().split_once('='));
            let value = pairs.find(|(key, _)| *key == name).map(|(_, value)| value);
            value.ok_or_else(|| incomplete(&format!("Authorization header requires '{name}' parameter.")))
        };
        let scope: Vec<&str> = field("Credential")?.split('/').collect();
        let [access_key_id, day, region, service, "aws4_request"] = scope[..] else {
            return Err(incomplete("Credential must have exactly 5 slash-delimited elements."));
        };
        let signed_headers = field("SignedHeaders")?.split(';').collect();
        Ok(Self { access_key_id, day, region, service, signed_headers, signature: field("Signature")? })
    }

    fn check_scope(&self, credentials: &AwsCredentials, service: &str, date: &str) -> Result<(), Refused> {
        if self.access_key_id != credentials.access_key_id {
            return Err(unknown_token());
        }
        if self.region != credentials.region {
            return Err(invalid(format!("Credential should be scoped to a valid region, not '{}'.", self.region)));
        }
        if self.service != service {
            return Err(invalid(format!("Credential should be scoped to correct service: '{service}'.")));
        }
        if date.split_once('T').is_none_or(|(day, _)| day != self.day) {
            return Err(invalid(format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{}' != '{date}'.",
                self.day
            )));
        }
        Ok(())
    }
}

fn incomplete(message: &str) -> Refused {
    Refused("IncompleteSignatureException", message.to_owned())
}

fn invalid(message: String) -> Refused {
    Refused("InvalidSignatureException", message)
}

fn unknown_token() -> Refused {
    Refused("UnrecognizedClientException", "The security token included in the request is invalid.".to_owned())
}

fn canonical_request(parts: &Parts, signed_headers: &[&str], payload: &str) -> String {
    let path = parts.uri.path().split('/').map(|segment| utf8_percent_encode(segment, ENCODED).to_string());
    let mut query: Vec<String> = parts
        .uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let again = |text| utf8_percent_encode(&percent_decode_str(text).decode_utf8_lossy(), ENCODED).to_string();
            format!("{}={}", again(name), again(value))
        })
        .collect();
    query.sort_unstable();
    let headers: String = signed_headers.iter().map(|name| format!("{name}:{}\n", values(parts, name))).collect();
    format!(
        "{}\n{}\n{}\n{headers}\n{}\n{payload}",
        parts.method,
        path.collect::<Vec<_>>().join("/"),
        query.join("&"),
        signed_headers.join(";"),
    )
}

/// All values of a header, with single spaces.
fn values(parts: &Parts, name: &str) -> String {
    let values = parts.headers.get_all(name).iter().map(|value| {
        let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
        text.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
    });
    values.collect::<Vec<_>>().join(",")
}

fn signing_key(secret: &str, day: &str, region: &str, service: &str) -> hmac::Key {
    let key = |bytes: &[u8]| hmac::Key::new(hmac::HMAC_SHA256, bytes);
    let first = key(format!("AWS4{secret}").as_bytes());
    [day, region, service, "aws4_request"]
        .into_iter()
        .fold(first, |with, text| key(hmac::sign(&with, text.as_bytes()).as_ref()))
}

fn check_date(date: &str, now: SystemTime) -> Result<(), Refused> {
    let then =
        seconds(date).ok_or_else(|| incomplete(&format!("Date must be in ISO-8601 'basic format'. Got '{date}'.")))?;
    let now = now.duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX));
    match then - now {
        late if late < -SKEW_SECS => Err(invalid(format!("Signature expired: {date} is now earlier than 5 min. ago."))),
        early if early > SKEW_SECS => {
            Err(invalid(format!("Signature not yet current: {date} is still later than 5 min. from now.")))
        }
        _ => Ok(()),
    }
}

/// Seconds since 1970 of `20260131T235959Z`.
fn seconds(date: &str) -> Option<i64> {
    let (day, time) = date.strip_suffix('Z')?.split_once('T')?;
    let number = |text: &str, from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    if day.len() != 8 || time.len() != 6 {
        return None;
    }
    let (year, month, day) = (number(day, 0, 4)?, number(day, 4, 6)?, number(day, 6, 8)?);
    // Years begin in March, so that the odd day is the last one.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468;
    Some(days * 86_400 + number(time, 0, 2)? * 3600 + number(time, 2, 4)? * 60 + number(time, 4, 6)?)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::Request;

    use super::*;

    const DATE: &str = "20261121T120000Z";
    const BODY: &[u8] = b"{\"messages\":[]}";
    const PLAIN: (&str, &str) =
        ("content-type;host;x-amz-date", "7165791a0922a36e7df9493d806b235bd17151d2aaa6b95d80b2c33b1e2dce97");
    const SESSION: (&str, &str) = (
        "content-type;host;x-amz-date;x-amz-security-token;x-spaces",
        "df5fee97587cbda45e09bbc317f46b2d8d4e258eab4b9f545800f65c2422a048",
    );

    fn credentials(session_token: Option<&str>) -> AwsCredentials {
        AwsCredentials {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned(),
            session_token: session_token.map(str::to_owned),
            region: "us-east-1".to_owned(),
        }
    }

    fn now() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_795_262_400)
    }

    fn request(path: &str, (signed, signature): (&str, &str), token: Option<&str>) -> Parts {
        let scope = "AKIDEXAMPLE/20261121/us-east-1/bedrock/aws4_request";
        let claim = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={signed}, Signature={signature}");
        let mut request = Request::post(path)
            .header("host", "bedrock-runtime.us-east-1.amazonaws.com")
            .header("content-type", "application/json")
            .header("x-amz-date", DATE)
            .header("x-spaces", "  a   b  ")
            .header("authorization", claim);
        if let Some(token) = token {
            request = request.header("x-amz-security-token", token);
        }
        request.body(()).unwrap().into_parts().0
    }

    const PATH: &str = "/model/us.anthropic.claude-sonnet-4-20250514-v1%3A0/converse";

    /// The signatures are those that botocore 1.44 made of the same requests.
    #[test]
    fn the_signatures_of_another_signer_are_taken() {
        assert_eq!(verify(&request(PATH, PLAIN, None), BODY, &credentials(None), "bedrock", now()), Ok(()));
        let path = format!("{PATH}?b=2&a=x%20y&a=");
        let request = request(&path, SESSION, Some("session"));
        assert_eq!(verify(&request, BODY, &credentials(Some("session")), "bedrock", now()), Ok(()));
    }

    /// `get-vanilla` of AWS's own test suite.
    #[test]
    fn a_published_vector_is_taken() {
        let claim = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
                     SignedHeaders=host;x-amz-date, \
                     Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
        let request = Request::get("/")
            .header("host", "example.amazonaws.com")
            .header("x-amz-date", "20150830T123600Z")
            .header("authorization", claim);
        let parts = request.body(()).unwrap().into_parts().0;
        let then = UNIX_EPOCH + Duration::from_secs(1_440_938_160);
        assert_eq!(verify(&parts, b"", &credentials(None), "service", then), Ok(()));
    }

    #[test]
    fn anything_else_is_refused_by_its_name() {
        let plain = request(PATH, PLAIN, None);
        let name = |parts: &Parts, body: &[u8], credentials: &AwsCredentials, now| {
            verify(parts, body, credentials, "bedrock", now).unwrap_err().0
        };
        let right = credentials(None);
        assert_eq!(name(&plain, b"{}", &right, now()), "InvalidSignatureException");
        assert_eq!(name(&plain, BODY, &right, now() + Duration::from_secs(301)), "InvalidSignatureException");
        assert_eq!(name(&plain, BODY, &right, now() - Duration::from_secs(301)), "InvalidSignatureException");
        assert_eq!(name(&plain, BODY, &credentials(Some("s")), now()), "UnrecognizedClientException");
        let other = AwsCredentials { access_key_id: "OTHER".to_owned(), ..right.clone() };
        assert_eq!(name(&plain, BODY, &other, now()), "UnrecognizedClientException");
        let far = AwsCredentials { region: "eu-west-1".to_owned(), ..right.clone() };
        assert_eq!(name(&plain, BODY, &far, now()), "InvalidSignatureException");
        let once = request(&PATH.replace("%3A", ":"), PLAIN, None);
        assert_eq!(name(&once, BODY, &right, now()), "InvalidSignatureException");
        let mut without = plain;
        without.headers.remove("authorization");
        assert_eq!(name(&without, BODY, &right, now()), "MissingAuthenticationTokenException");
        without.headers.insert("authorization", "Bearer x".parse().unwrap());
        assert_eq!(name(&without, BODY, &right, now()), "IncompleteSignatureException");
    }

    #[test]
    fn dates_are_counted() {
        assert_eq!(seconds("19700101T000000Z"), Some(0));
        assert_eq!(seconds("20240229T235959Z"), Some(1_709_251_199));
        assert_eq!(seconds(DATE), Some(1_795_262_400));
        assert_eq!(seconds("2026-11-21"), None);
    }
}

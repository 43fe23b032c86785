//! Reading `tls` of a backend: by what its certificate is checked, and what the gateway shows it.

use serde_json::Value;

use super::problem::{Path, shown};
use super::reader::{Object, Reader};
use crate::secret::Secret;

/// A certificate, a chain, a key or a bundle may hold this many bytes.
const PEM_BYTES_MAX: usize = 1 << 20;
/// What every text in PEM has.
const PEM_BEGIN: &str = "-----BEGIN ";

/// How TLS is spoken with one backend.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BackendTls {
    /// The authorities (PEM) of which one must have signed its certificate, in place of those of the gateway.
    pub ca: Option<String>,
    /// What the gateway proves itself with.
    pub client: Option<ClientCertificate>,
    /// The name that is asked for and that its certificate must be for, in place of the host.
    pub server_name: Option<String>,
}

/// A certificate with its key, both in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The certificate and those between it and an authority.
    pub chain: Secret,
    /// Its private key.
    pub key: Secret,
}

/// Reads `tls` of a backend at this base URL.
pub(super) fn backend_tls(reader: &mut Reader<'_>, backend: &Object<'_>, base_url: &str) -> Option<BackendTls> {
    let tls = backend.optional(reader, "tls", tls)?;
    if base_url.starts_with("http://") {
        reader.problem(&backend.at("tls"), "the base URL begins with http://: write https://, or remove this");
    }
    Some(tls)
}

fn tls(reader: &mut Reader<'_>, value: &Value, path: &Path<'_>) -> Option<BackendTls> {
    let object = reader.object(value, path, &["ca", "client_cert", "client_key", "server_name"])?;
    let ca = object.optional(reader, "ca", certificates);
    let chain = object.optional(reader, "client_cert", certificates);
    let key = object.optional(reader, "client_key", private_key);
    for (given, missing) in [("client_cert", "client_key"), ("client_key", "client_cert")] {
        if object.get(given).is_some() && object.get(missing).is_none() {
            reader.problem(&object.at(missing), format!("is missing: `{given}` needs it"));
        }
    }
    let client = chain.zip(key).map(|(chain, key)| ClientCertificate { chain, key });
    let server_name = object.optional(reader, "server_name", server_name);
    Some(BackendTls { ca: ca.map(|ca| ca.expose().to_owned()), client, server_name })
}

fn certificates(reader: &mut Reader<'_>, value: &Value, path: &Path<'_>) -> Option<Secret> {
    let text = pem(reader, value, path)?;
    if text.expose().contains("PRIVATE KEY-----") {
        reader.problem(path, "there is a private key in it: only certificates belong here");
        return None;
    }
    if !text.expose().contains("-----BEGIN CERTIFICATE-----") {
        reader.problem(path, "there is no `BEGIN CERTIFICATE` in it");
        return None;
    }
    Some(text)
}

fn private_key(reader: &mut Reader<'_>, value: &Value, path: &Path<'_>) -> Option<Secret> {
    let text = pem(reader, value, path)?;
    if !text.expose().contains("PRIVATE KEY-----") {
        reader.problem(path, "there is no private key in PEM in it");
        return None;
    }
    if text.expose().contains("ENCRYPTED") {
        reader.problem(path, "the key is encrypted: give it in clear, by a file that only the gateway can read");
        return None;
    }
    Some(text)
}

/// PEM: as it is written, by a reference, or in a file of this path.
fn pem(reader: &mut Reader<'_>, value: &Value, path: &Path<'_>) -> Option<Secret> {
    let given = reader.secret(value, path)?;
    let text = if given.expose().contains(PEM_BEGIN) { given } else { from_file(reader, &given, path)? };
    if text.expose().len() > PEM_BYTES_MAX {
        reader.problem(path, format!("holds more than {PEM_BYTES_MAX} bytes: is it the right file?"));
        return None;
    }
    Some(text)
}

fn from_file(reader: &mut Reader<'_>, file: &Secret, path: &Path<'_>) -> Option<Secret> {
    // What does not look like a path may be a mangled key, and is not shown.
    let file = file.expose().trim();
    if !file.starts_with('/') {
        reader.problem(path, "expected PEM, a reference to it, or the absolute path of a file with it");
        return None;
    }
    match reader.read_file(file) {
        Some(Ok(text)) => Some(Secret::new(text)),
        Some(Err(reason)) => {
            reader.problem(path, format!("cannot read {}: {reason}", shown(file)));
            None
        }
        None => {
            reader.problem(path, "files are read for the configuration document only: give the PEM itself");
            None
        }
    }
}

fn server_name(reader: &mut Reader<'_>, value: &Value, path: &Path<'_>) -> Option<String> {
    let name = reader.text(value, path)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._:".contains(c);
    if name.len() > 253 || !name.chars().all(plain) {
        reader.problem(path, "expected the name or the address in the backend's certificate, such as api.example.com");
        return None;
    }
    Some(name.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::testing::Fixed;
    use crate::document::{Format, Loaded, Problem, load};

    const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    const KEY: &str = "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n";

    fn load_tls(tls: &Value, base_url: &str) -> Result<Loaded, Vec<Problem>> {
        let environment = Fixed::new(&[("CLIENT_KEY", KEY)])
            .with_file("/tls/ca.pem", CERTIFICATE)
            .with_file("/tls/key.pem", KEY)
            .with_file("/tls/both.pem", &format!("{CERTIFICATE}{KEY}"));
        let text = serde_json::json!({"backends": [{"name": "a", "base_url": base_url, "tls": tls}]}).to_string();
        load(&text, Some(Format::Json), &environment)
    }

    fn problems(tls: &Value) -> Vec<String> {
        load_tls(tls, "https://h").unwrap_err().iter().map(Problem::to_string).collect()
    }

    #[test]
    fn pem_is_given_itself_by_a_reference_or_by_a_path() {
        let client = ClientCertificate { chain: Secret::new(CERTIFICATE), key: Secret::new(KEY) };
        for key in [KEY, "${CLIENT_KEY}", "/tls/key.pem", "secret://env/CLIENT_KEY"] {
            let tls = serde_json::json!({"ca": "/tls/ca.pem", "client_cert": CERTIFICATE, "client_key": key,
                "server_name": "API.example.com"});
            let loaded = load_tls(&tls, "https://h").unwrap();
            let read = loaded.document.backends[0].tls.clone().unwrap();
            assert_eq!(read.ca.as_deref(), Some(CERTIFICATE));
            assert_eq!((read.client.as_ref(), read.server_name.as_deref()), (Some(&client), Some("api.example.com")));
            assert!(!format!("{read:?}").contains("hunter2"));
        }
        let file = load_tls(
            &serde_json::json!({"client_cert": "/tls/ca.pem",
            "client_key": "secret://file?path=/tls/key.pem"}),
            "https://h",
        );
        assert!(file.unwrap().document.backends[0].tls.as_ref().unwrap().client.is_some());
    }

    #[test]
    fn what_is_wrong_has_a_path_and_shows_no_key() {
        for (tls, expected) in [
            (serde_json::json!({"client_key": KEY}), "client_cert: is missing: `client_key` needs it"),
            (serde_json::json!({"client_cert": CERTIFICATE}), "client_key: is missing: `client_cert` needs it"),
            (
                serde_json::json!({"ca": "/tls/both.pem"}),
                "ca: there is a private key in it: only certificates belong here",
            ),
            (serde_json::json!({"ca": "/tls/none.pem"}), "ca: cannot read /tls/none.pem: no such file"),
            (
                serde_json::json!({"ca": "hunter2"}),
                "ca: expected PEM, a reference to it, or the absolute path of a file with it",
            ),
            (
                serde_json::json!({"server_name": "https://h"}),
                "server_name: expected the name or the address in the backend's certificate, such as api.example.com",
            ),
            (
                serde_json::json!({"client_cert": CERTIFICATE, "client_key": "/tls/ca.pem"}),
                "client_key: there is no private key in PEM in it",
            ),
        ] {
            assert_eq!(problems(&tls), [format!("backends[0].tls.{expected}")]);
        }
        let clear = load_tls(&serde_json::json!({"server_name": "h"}), "http://h").unwrap_err();
        assert!(clear[0].to_string().starts_with("backends[0].tls: the base URL begins with http://"), "{clear:?}");
    }
}

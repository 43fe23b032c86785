//! What the listener proves itself with, and whom it lets in: files that the flags name, read at the start and again
//! whenever they change.
//!
//! Envoy gets them as secrets over xDS. So a change moves no connection, and an Envoy elsewhere needs no files.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use ditto_policy::secret::Secret;

use crate::pem::{self, PairFlaw};

/// A file may hold this many bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, and those of the authorities between it and one that clients trust.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The authorities by one of which clients' certificates must be signed; `None`: clients need none.
    pub client_ca: Option<PathBuf>,
}

/// What the files said when they were read last, checked.
#[derive(Debug, PartialEq, Eq)]
pub struct TlsMaterial {
    /// See [`TlsFiles::certificate`].
    pub certificate: String,
    /// See [`TlsFiles::key`].
    pub key: Secret,
    /// See [`TlsFiles::client_ca`].
    pub client_ca: Option<String>,
}

/// TLS of the listener; every clone sees a change.
#[derive(Debug, Clone)]
pub struct ListenerTls {
    files: TlsFiles,
    current: Arc<RwLock<Arc<TlsMaterial>>>,
}

impl ListenerTls {
    /// Reads the files.
    ///
    /// # Errors
    /// What is wrong with them, with the flag and the file.
    pub fn open(files: TlsFiles) -> Result<Self, String> {
        let current = Arc::new(RwLock::new(Arc::new(files.read()?)));
        Ok(Self { files, current })
    }

    /// What is in force.
    pub fn current(&self) -> Arc<TlsMaterial> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the files again, and says whether that changed anything.
    ///
    /// # Errors
    /// What is wrong with them; what was read before stays.
    pub fn refresh(&self) -> Result<bool, String> {
        let fresh = self.files.read()?;
        if *self.current() == fresh {
            return Ok(false);
        }
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(fresh);
        Ok(true)
    }
}

impl TlsFiles {
    fn read(&self) -> Result<TlsMaterial, String> {
        let certificate = read("--tls-cert", &self.certificate)?;
        let key = read("--tls-key", &self.key)?;
        pem::check_pair(&certificate, &key).map_err(|flaw| match flaw {
            PairFlaw::Certificate(flaw) => format!("--tls-cert {}: {flaw}", self.certificate.display()),
            PairFlaw::Key(flaw) => format!("--tls-key {}: {flaw}", self.key.display()),
        })?;
        let client_ca = self.client_ca.as_deref().map(read_authorities).transpose()?;
        Ok(TlsMaterial { certificate, key: Secret::new(key), client_ca })
    }
}

fn read_authorities(path: &Path) -> Result<String, String> {
    let text = read("--tls-client-ca", path)?;
    pem::check_authorities(&text).map_err(|flaw| format!("--tls-client-ca {}: {flaw}", path.display()))?;
    Ok(text)
}

fn read(flag: &str, path: &Path) -> Result<String, String> {
    let bounded = || {
        let size = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
        if size > FILE_BYTES_MAX {
            return Err(format!("it is larger than {FILE_BYTES_MAX} bytes: is it the right file?"));
        }
        let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
        String::from_utf8(bytes).map_err(|_| "it is not text: PEM is needed, not DER".to_owned())
    };
    bounded().map_err(|error| format!("{flag} {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    fn write(files: &TlsFiles) {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec!["a.example".to_owned()]).unwrap().self_signed(&key).unwrap();
        fs::write(&files.certificate, certificate.pem()).unwrap();
        fs::write(&files.key, key.serialize_pem()).unwrap();
    }

    fn files(place: &Path) -> TlsFiles {
        TlsFiles { certificate: place.join("cert.pem"), key: place.join("key.pem"), client_ca: None }
    }

    #[test]
    fn changed_files_are_seen_and_half_changed_ones_are_not_taken() {
        let place = tempfile::tempdir().unwrap();
        let files = files(place.path());
        write(&files);
        let tls = ListenerTls::open(files.clone()).unwrap();
        let first = tls.current();
        assert_eq!(tls.refresh(), Ok(false));
        let key = fs::read_to_string(&files.key).unwrap();
        write(&files);
        let fresh = fs::read_to_string(&files.key).unwrap();
        fs::write(&files.key, &key).unwrap();
        assert!(tls.refresh().unwrap_err().contains("not the key"));
        assert_eq!(tls.clone().current(), first);
        fs::write(&files.key, &fresh).unwrap();
        assert_eq!(tls.refresh(), Ok(true));
        assert_eq!(tls.current().key.expose(), fresh);
    }

    #[test]
    fn what_is_wrong_names_the_flag_and_the_file() {
        let place = tempfile::tempdir().unwrap();
        let good = files(place.path());
        write(&good);
        let der = place.path().join("der");
        fs::write(&der, [0x30, 0x82, 0xff]).unwrap();
        let ca = |path: &Path| TlsFiles { client_ca: Some(path.to_owned()), ..good.clone() };
        for (files, parts) in [
            (TlsFiles { certificate: "/nowhere/c".into(), ..good.clone() }, ["--tls-cert", "/nowhere/c: No such file"]),
            (TlsFiles { certificate: der.clone(), ..good.clone() }, ["--tls-cert", "PEM is needed, not DER"]),
            (TlsFiles { certificate: good.key.clone(), ..good.clone() }, ["--tls-cert", "BEGIN CERTIFICATE"]),
            (TlsFiles { key: good.certificate.clone(), ..good.clone() }, ["--tls-key", "no private key"]),
            (ca(&good.key), ["--tls-client-ca", "key.pem"]),
        ] {
            let error = ListenerTls::open(files).unwrap_err();
            assert!(parts.iter().all(|part| error.contains(part)), "{error}");
        }
        assert!(ListenerTls::open(ca(&good.certificate)).unwrap().current().client_ca.is_some());
    }
}

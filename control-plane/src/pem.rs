//! Certificates and keys in PEM: read only to tell what is wrong with them before Envoy does.

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error, RootCertStore};

/// What is wrong with a certificate and its key. No variant repeats what they say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PairFlaw {
    /// The certificate.
    Certificate(String),
    /// The key, or how it goes with the certificate.
    Key(String),
}

/// Reads a chain of certificates.
///
/// # Errors
/// Why there is none.
pub fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    match read {
        Ok(chain) if chain.is_empty() => Err("there is no `BEGIN CERTIFICATE` in it".to_owned()),
        Ok(chain) => Ok(chain),
        Err(_) => Err("its PEM is broken".to_owned()),
    }
}

/// Sees whether these can be certificates of authorities.
///
/// # Errors
/// Why they cannot.
pub fn check_authorities(pem: &str) -> Result<(), String> {
    let mut roots = RootCertStore::empty();
    for (index, certificate) in certificates(pem)?.into_iter().enumerate() {
        roots.add(certificate).map_err(|_| format!("certificate {} in it cannot be read", index + 1))?;
    }
    Ok(())
}

/// Sees whether the key is that of the first certificate of the chain.
///
/// # Errors
/// What is wrong with which of them.
pub fn check_pair(chain: &str, key: &str) -> Result<(), PairFlaw> {
    let chain = certificates(chain).map_err(PairFlaw::Certificate)?;
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
        .map_err(|_| PairFlaw::Key("there is no private key in it that can be read (PEM, not encrypted)".to_owned()))?;
    let provider = rustls::crypto::ring::default_provider();
    match CertifiedKey::from_der(chain, key, &provider) {
        Ok(_) => Ok(()),
        Err(Error::InconsistentKeys(_)) => Err(PairFlaw::Key("it is not the key of the certificate".to_owned())),
        Err(Error::InvalidCertificate(_)) => Err(PairFlaw::Certificate("it cannot be read".to_owned())),
        Err(_) => Err(PairFlaw::Key("it is of a kind that is not known: use RSA or ECDSA".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    fn pair() -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec!["a.example".to_owned()]).unwrap().self_signed(&key).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    #[test]
    fn a_key_must_be_that_of_its_certificate() {
        let ((chain, key), (other, _)) = (pair(), pair());
        assert_eq!(check_pair(&chain, &key), Ok(()));
        assert!(matches!(check_pair(&other, &key), Err(PairFlaw::Key(flaw)) if flaw.contains("not the key")));
        assert_eq!(check_pair(&format!("{chain}{other}"), &key), Ok(()), "the first counts");
    }

    #[test]
    fn what_is_no_pem_is_told_without_being_shown() {
        let (chain, key) = pair();
        for (chain, key, which) in
            [("hunter2", key.as_str(), false), (&key, &key, false), (&chain, "hunter2", true), (&chain, &chain, true)]
        {
            let flaw = check_pair(chain, key).unwrap_err();
            assert_eq!(matches!(flaw, PairFlaw::Key(_)), which, "{flaw:?}");
            assert!(!format!("{flaw:?}").contains("hunter2"));
        }
        let broken = "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n";
        assert_eq!(certificates(broken), Err("its PEM is broken".to_owned()));
        let no_certificate = "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n";
        assert!(check_authorities(no_certificate).is_err());
        assert_eq!(check_authorities(&chain), Ok(()));
    }
}

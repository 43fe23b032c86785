//! Sealing secrets that a store keeps: AES-256-GCM under a key that the operator gives.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ditto_policy::secret::Secret;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

/// Names the form of what is sealed.
const FORM: &str = "aes256gcm:";
/// Bytes of a key.
const KEY_BYTES: usize = 32;

/// Seals under the first of its keys, and opens what any of them has sealed.
pub struct Sealer(Vec<LessSafeKey>);

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealer({} keys)", self.0.len())
    }
}

impl Sealer {
    /// A key, in hex or base64; former ones after it, with commas between, so that it can be changed.
    ///
    /// # Errors
    /// One of them is none. The text says nothing of it.
    pub fn parse(keys: &Secret) -> Result<Self, String> {
        let key = |text: &str| {
            let text = text.trim();
            let bytes = hex::decode(text).ok().or_else(|| STANDARD.decode(text).ok());
            let bytes = bytes.filter(|bytes| bytes.len() == KEY_BYTES).ok_or_else(|| {
                format!("expected {KEY_BYTES} random bytes in hex or base64, as `openssl rand -hex 32` makes them")
            })?;
            Self::key(&bytes)
        };
        Ok(Self(keys.expose().split(',').map(key).collect::<Result<_, _>>()?))
    }

    /// A key that nobody knows, for what does not outlive the process.
    ///
    /// # Errors
    /// The operating system has no randomness.
    pub fn of_this_process() -> Result<Self, String> {
        let mut bytes = [0; KEY_BYTES];
        getrandom::fill(&mut bytes).map_err(|error| error.to_string())?;
        Ok(Self(vec![Self::key(&bytes)?]))
    }

    fn key(bytes: &[u8]) -> Result<LessSafeKey, String> {
        let key = UnboundKey::new(&AES_256_GCM, bytes).map_err(|_| "the key cannot be used".to_owned())?;
        Ok(LessSafeKey::new(key))
    }

    /// Seals a text that belongs to `owner`; nobody else's can be put in its place.
    ///
    /// # Errors
    /// The operating system has no randomness.
    pub fn seal(&self, text: &str, owner: &str) -> Result<String, String> {
        let failed = |_| "the secret cannot be sealed".to_owned();
        let key = self.0.first().ok_or("there is no key to seal with")?;
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(|error| error.to_string())?;
        let mut bytes = text.as_bytes().to_vec();
        let about = Aad::from(owner.as_bytes());
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), about, &mut bytes).map_err(failed)?;
        Ok(format!("{FORM}{}", STANDARD.encode([&nonce[..], &bytes].concat())))
    }

    /// Opens what was sealed for `owner`.
    ///
    /// # Errors
    /// None of the keys has sealed it, or not for this owner.
    pub fn open(&self, sealed: &str, owner: &str) -> Result<Secret, String> {
        let failed =
            || format!("a key of the provider `{owner}` cannot be opened: --secrets-key-env names another key");
        let bytes = sealed.strip_prefix(FORM).and_then(|text| STANDARD.decode(text).ok()).ok_or_else(failed)?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_LEN>().ok_or_else(failed)?;
        for key in &self.0 {
            let mut bytes = sealed.to_vec();
            let about = Aad::from(owner.as_bytes());
            if let Ok(opened) = key.open_in_place(Nonce::assume_unique_for_key(*nonce), about, &mut bytes) {
                return String::from_utf8(opened.to_vec()).map(Secret::new).map_err(|_| failed());
            }
        }
        Err(failed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(keys: &str) -> Sealer {
        Sealer::parse(&Secret::new(keys)).unwrap()
    }

    #[test]
    fn what_is_sealed_is_opened_by_its_key_for_its_owner_only() {
        let (first, second) = ("11".repeat(32), STANDARD.encode([2; 32]));
        let sealed = sealer(&first).seal("sk-secret", "openai").unwrap();
        assert!(!sealed.contains("sk-secret"));
        assert_ne!(sealed, sealer(&first).seal("sk-secret", "openai").unwrap(), "a nonce is used once");
        assert_eq!(sealer(&first).open(&sealed, "openai").unwrap().expose(), "sk-secret");
        assert!(sealer(&first).open(&sealed, "other").is_err());
        assert!(sealer(&second).open(&sealed, "openai").is_err());
        // A new key is put before the former one.
        let both = sealer(&format!("{second},{first}"));
        assert_eq!(both.open(&sealed, "openai").unwrap().expose(), "sk-secret");
        let anew = both.seal("sk-secret", "openai").unwrap();
        assert!(sealer(&second).open(&anew, "openai").is_ok() && sealer(&first).open(&anew, "openai").is_err());
        for damaged in ["", "sk-secret", "aes256gcm:", "aes256gcm:AAAA", &sealed[..sealed.len() - 4]] {
            assert!(both.open(damaged, "openai").is_err(), "{damaged}");
        }
    }

    #[test]
    fn a_key_has_32_bytes_and_is_not_shown() {
        for keys in ["", "secret", &"11".repeat(16), &"11".repeat(33), &format!("{},", "11".repeat(32))] {
            let error = Sealer::parse(&Secret::new(keys)).unwrap_err();
            assert!(error.contains("openssl rand -hex 32") && (keys.is_empty() || !error.contains(keys)), "{error}");
        }
        assert_eq!(format!("{:?}", sealer(&"11".repeat(32))), "Sealer(1 keys)");
    }
}

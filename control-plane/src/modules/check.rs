//! Whether a module can be a filter of this gateway, as far as its form tells. Envoy finds out the rest.
//!
//! <https://webassembly.github.io/spec/core/binary/modules.html> (seen 2026-11)

use ditto_policy::filter_config::{SCHEMA, SCHEMA_SECTION};

/// What every module begins with: its magic number and the version of its form.
pub(super) const HEAD: &[u8] = b"\0asm\x01\0\0\0";
/// The export by which Envoy knows the interface that a module speaks.
pub(super) const ABI: &str = "proxy_abi_version_0_2_1";

pub(super) const CUSTOM_SECTION: u8 = 0;
pub(super) const EXPORT_SECTION: u8 = 7;

/// Says what is wrong with a module.
///
/// # Errors
/// It is none, or none for this gateway.
pub fn check(module: &[u8]) -> Result<(), String> {
    let sections = module.strip_prefix(HEAD).ok_or("it is no WebAssembly module of version 1")?;
    let mut reader = Reader(sections);
    let (mut has_abi, mut schema) = (false, None);
    while !reader.0.is_empty() {
        let (kind, mut section) = reader.section().ok_or("it is cut short, or damaged")?;
        match kind {
            CUSTOM_SECTION if section.name() == Some(SCHEMA_SECTION.as_bytes()) => schema = Some(section.0),
            EXPORT_SECTION => has_abi |= section.exports(ABI).ok_or("its exports are damaged")?,
            _ => {}
        }
    }
    if !has_abi {
        return Err(format!("it does not export {ABI}: it is no filter for Envoy, or for another version of it"));
    }
    match schema.map(<[u8; 4]>::try_from) {
        Some(Ok(schema)) if u32::from_le_bytes(schema) == SCHEMA => Ok(()),
        Some(Ok(schema)) => {
            let schema = u32::from_le_bytes(schema);
            Err(format!("it reads configurations of schema {schema}, and this gateway writes schema {SCHEMA}"))
        }
        _ => Err(format!("it does not say, in a section {SCHEMA_SECTION}, which configurations it reads")),
    }
}

/// What is not read yet.
struct Reader<'m>(&'m [u8]);

impl<'m> Reader<'m> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// A number in LEB128.
    fn number(&mut self) -> Option<usize> {
        let mut number = 0_u64;
        for shift in (0..35).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return usize::try_from(number).ok();
            }
        }
        None
    }

    fn take(&mut self, length: usize) -> Option<&'m [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn name(&mut self) -> Option<&'m [u8]> {
        let length = self.number()?;
        self.take(length)
    }

    fn section(&mut self) -> Option<(u8, Self)> {
        let kind = self.byte()?;
        let length = self.number()?;
        Some((kind, Self(self.take(length)?)))
    }

    /// Whether one of the exports has this name.
    fn exports(&mut self, name: &str) -> Option<bool> {
        let mut has = false;
        for _ in 0..self.number()? {
            has |= self.name()? == name.as_bytes();
            let (_kind, _index) = (self.byte()?, self.number()?);
        }
        Some(has)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{module, named, section};
    use super::*;

    #[test]
    fn a_filter_of_this_gateway_passes() {
        assert_eq!(check(&module(ABI, SCHEMA)), Ok(()));
    }

    #[test]
    fn what_is_none_is_refused_with_its_reason() {
        let without_schema = {
            let whole = module(ABI, SCHEMA);
            let length = whole.len() - section(CUSTOM_SECTION, &named(SCHEMA_SECTION, &[0; 4])).len();
            whole[..length].to_vec()
        };
        for (module, reason) in [
            (Vec::new(), "no WebAssembly module"),
            (b"\0asm\x0d\0\x01\0".to_vec(), "no WebAssembly module"),
            (HEAD.to_vec(), ABI),
            (module("proxy_abi_version_0_3_0", SCHEMA), ABI),
            (module(ABI, SCHEMA + 1), "and this gateway writes schema"),
            (without_schema, "does not say"),
        ] {
            let error = check(&module).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn a_module_that_is_cut_anywhere_is_refused() {
        let whole = module(ABI, SCHEMA);
        for length in 0..whole.len() {
            assert!(check(&whole[..length]).is_err(), "{length}");
        }
        let mut endless = HEAD.to_vec();
        endless.extend(section(EXPORT_SECTION, &[0xff; 9]));
        assert!(check(&endless).unwrap_err().contains("damaged"));
    }
}

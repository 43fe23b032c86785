//! Modules for tests: what the check looks at, and nothing else.

use ditto_policy::filter_config::{SCHEMA, SCHEMA_SECTION};

use super::check::{ABI, CUSTOM_SECTION, EXPORT_SECTION, HEAD};

pub(crate) fn section(kind: u8, content: &[u8]) -> Vec<u8> {
    let mut section = vec![kind, u8::try_from(content.len()).unwrap()];
    section.extend_from_slice(content);
    section
}

pub(crate) fn named(name: &str, rest: &[u8]) -> Vec<u8> {
    let mut named = vec![u8::try_from(name.len()).unwrap()];
    named.extend_from_slice(name.as_bytes());
    named.extend_from_slice(rest);
    named
}

pub(crate) fn module(abi: &str, schema: u32) -> Vec<u8> {
    let mut exports = vec![2];
    exports.extend(named("memory", &[2, 0]));
    exports.extend(named(abi, &[0, 0x85, 1]));
    let mut module = HEAD.to_vec();
    module.extend(section(EXPORT_SECTION, &exports));
    module.extend(section(CUSTOM_SECTION, &named("name", b"x")));
    module.extend(section(CUSTOM_SECTION, &named(SCHEMA_SECTION, &schema.to_le_bytes())));
    module
}

/// A module that passes the check, with a mark that tells it from others.
pub(crate) fn passing(mark: &str) -> Vec<u8> {
    let mut passing = module(ABI, SCHEMA);
    passing.extend(section(CUSTOM_SECTION, &named("mark", mark.as_bytes())));
    passing
}

//! See the package description in Cargo.toml.
pub mod xds;

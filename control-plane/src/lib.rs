//! See the package description in Cargo.toml.
pub mod admin;
pub mod keys;
pub mod xds;

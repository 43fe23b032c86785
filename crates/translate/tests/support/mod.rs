//! All clients and all backends, for tests that go over every pair.

// Each test uses its own part of this.
#![allow(dead_code)]

pub(crate) mod frames;
pub(crate) mod goldens;
pub(crate) mod json;
pub(crate) mod replies;
pub(crate) mod requests;
pub(crate) mod streamed;

//! What models cost, and what a call costs.
//!
//! Money is a whole number of pico-dollars (10⁻¹² US dollars): the cheapest token of any price list is worth many of
//! them. Charges are rounded up once. Nothing here does I/O, and no input makes it panic.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

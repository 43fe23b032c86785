//! What models cost, and what a call costs.
//!
//! Money is a whole number of pico-dollars (10⁻¹² US dollars): the cheapest token of any price list is worth many of
//! them. Charges are rounded up once. Nothing here does I/O, and no input makes it panic.
//!
//! Prices come from LiteLLM's price file ([`PriceTable::from_litellm`]) and keep every digit that it has ([`Rate`]).

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod decimal;
mod litellm;
mod money;
mod price;
mod table;

pub use decimal::{Rate, RateError};
pub use litellm::{Loaded, PriceError, Reason, Skipped, SkippedRows};
pub use money::{PICO_PER_MICRO, micros_to_pico, pico_to_micros_ceil};
pub use price::Price;
pub use table::PriceTable;

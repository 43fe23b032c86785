//! Limits and budgets: the books of all gateways that share a store.

pub mod store;
pub mod terms;

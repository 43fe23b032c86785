//! Limits and budgets: the books of all gateways that share a store.

pub mod announce_redis;
mod batch;
pub mod books;
pub mod desk;
mod fail_open;
mod guard;
mod holders;
mod job;
pub mod options;
mod outbox;
mod queue;
pub mod reaper;
mod recall;
mod rounds;
pub mod session;
pub mod status;
pub mod store;
pub mod terms;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

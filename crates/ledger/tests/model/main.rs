//! The lease protocol as a model: workers, a ledger, a network that loses and delays, crashes, clocks that are set, and an
//! operator who changes limits. At every step no account is overdrawn and every delivered token is in the books; at the
//! end nothing is held and nothing was charged but what was delivered, and what crashed workers held.

mod check;
mod exhaustive;
mod ledger_side;
mod quiet;
mod random;
mod worker_side;
mod world;

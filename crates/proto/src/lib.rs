//! Messages between the control plane and the filter, generated from `proto/`.
//!
//! Generated types stay at the edges: `ditto-policy` holds the domain types, and each side converts where it
//! sends or receives.

/// `ditto.sync.v1`: virtual keys and backend credentials, streamed to every worker of every Envoy.
#[allow(missing_docs, clippy::all, unreachable_pub)]
pub mod sync {
    include!(concat!(env!("OUT_DIR"), "/ditto.sync.v1.rs"));
}

/// `ditto.ledger.v1`: leases from the ledger, and reports of what was spent from them.
#[allow(missing_docs, clippy::all, unreachable_pub)]
pub mod ledger {
    include!(concat!(env!("OUT_DIR"), "/ditto.ledger.v1.rs"));
}

/// `ditto.outcome.v1`: what became of clients' requests, told by every worker of every Envoy.
#[allow(missing_docs, clippy::all, unreachable_pub)]
pub mod outcome {
    include!(concat!(env!("OUT_DIR"), "/ditto.outcome.v1.rs"));
}

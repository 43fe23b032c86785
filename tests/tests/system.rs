//! The whole system: the gateway as operators start it, a real Envoy, and simulated providers.

mod system {
    mod bodies;
    mod command_line;
    mod documents;
    mod fallback;
    mod hand;
    mod headers;
    mod keys;
    mod open_relay;
    mod process;
    mod protocols;
    mod reload;
    mod rig;
    mod rollout;
    mod streaming;
    mod support;
    mod surface;
}

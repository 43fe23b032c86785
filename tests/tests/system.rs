//! The whole system: the gateway as operators start it, a real Envoy, and simulated providers.

mod system {
    mod documents;
    mod headers;
    mod keys;
    mod open_relay;
    mod reload;
    mod rig;
    mod rollout;
    mod support;
    mod surface;
}

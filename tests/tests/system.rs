//! The whole system: the gateway as operators start it, a real Envoy, and simulated providers.

mod system {
    mod keys;
    mod reload;
    mod rig;
    mod rollout;
    mod support;
}

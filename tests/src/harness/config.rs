//! Configurations that many tests start from.

use serde_json::{Value, json};

use crate::simulator::Simulator;

/// The virtual key of these configurations.
pub const TOKEN: &str = "sk-ditto-harness-0123456789abcdef";
/// Its id.
pub const KEY_ID: &str = "harness";
/// What the backends of these configurations are sent as bearer token.
pub const PROVIDER_KEY: &str = "sk-provider-harness-secret";

/// One simulator behind one virtual key.
#[must_use]
pub fn single(simulator: &Simulator) -> Value {
    routed(&[("simulator", simulator)])
}

/// Several simulators, the first in front and the others to fall back on, behind one virtual key.
#[must_use]
pub fn routed(backends: &[(&str, &Simulator)]) -> Value {
    let (names, backends): (Vec<Value>, Vec<Value>) = backends
        .iter()
        .map(|(name, simulator)| (json!({"backend": name, "weight": 1.0}), backend(name, simulator)))
        .unzip();
    json!({
        "backends": backends,
        "virtual_keys": [key(KEY_ID, TOKEN)],
        "router": {"default_backends": names, "rules": []},
    })
}

/// A backend that goes to a simulator.
#[must_use]
pub fn backend(name: &str, simulator: &Simulator) -> Value {
    let headers = json!({"authorization": format!("Bearer {PROVIDER_KEY}")});
    json!({"name": name, "base_url": simulator.base_url(), "headers": headers})
}

/// A virtual key without limits.
#[must_use]
pub fn key(id: &str, token: &str) -> Value {
    json!({"id": id, "token": token, "enabled": true})
}

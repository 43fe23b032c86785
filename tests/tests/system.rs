//! The whole system: the gateway as operators start it, a real Envoy, and simulated providers.

mod system {
    mod admin_api;
    mod away;
    mod bodies;
    mod command_line;
    mod config_rollout;
    mod config_versions;
    mod crashes;
    mod credentials;
    mod credentials_refresh;
    mod documents;
    mod failures;
    mod fallback;
    mod foreign_envoy;
    mod hand;
    mod hard_clients;
    mod headers;
    mod keys;
    mod models;
    mod module_rollout;
    mod names;
    mod open_relay;
    mod outcomes;
    mod passthrough;
    mod process;
    mod protocols;
    mod provider_api;
    mod providers;
    mod reload;
    mod replicas;
    mod resilience_breaker;
    mod resilience_checks;
    mod resilience_matrix;
    mod resilience_retry;
    mod resilience_status;
    mod revocation;
    mod rig;
    mod rollout;
    mod secrets;
    mod streaming;
    mod surface;
    mod tls;
    mod tls_listener;
    mod tls_upstream;
    mod trap;
}

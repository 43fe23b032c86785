//! The control plane: the configuration, the virtual keys, the admin API, xDS, and the Envoy that it starts.
//!
//! It is never on the path of a request. It tells every Envoy and every filter worker what they decide by, and a
//! gateway whose control plane is away goes on with what it knows.

pub mod admin;
pub mod admin_token;
pub mod app;
pub mod bootstrap;
pub mod config;
pub mod control;
pub mod credentials;
pub mod environment;
pub mod envoy;
pub mod health;
pub mod holder;
pub mod http_client;
pub mod keys;
pub mod ledger;
pub mod listener_tls;
pub mod load;
pub mod locate;
pub mod metrics;
pub mod models;
pub mod modules;
pub mod outcomes;
pub mod pem;
pub mod providers;
pub mod redis;
pub mod resources;
pub mod settings;
pub mod sqlite;
pub mod stores;
pub mod telemetry;
pub mod xds;

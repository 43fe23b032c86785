//! An Envoy process, and what it says about itself.

use std::collections::BTreeSet;
use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Patience for things that take milliseconds on an idle machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) const POLL_INTERVAL: Duration = Duration::from_millis(20);

const LOG_LINES_SHOWN: usize = 60;

pub(crate) type HttpClient = Client<HttpConnector, Empty<Bytes>>;

/// A running Envoy that is configured by an xDS server. Killed on drop.
pub(crate) struct Envoy {
    process: Child,
    directory: TempDir,
    admin: SocketAddr,
    listener: SocketAddr,
    client: HttpClient,
}

/// What Envoy has, by its own account. Not all by version: that of a cluster is of the response that brought it, and
/// that of a filter, as Envoy shows it, is of the last response even if it was refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Holdings {
    pub(crate) clusters: BTreeSet<String>,
    pub(crate) routes: BTreeSet<String>,
    pub(crate) listener_version: String,
    pub(crate) route_version: String,
    pub(crate) filter_code: String,
}

impl Envoy {
    /// Starts Envoy and waits until it listens.
    pub(crate) async fn start(xds: SocketAddr) -> Self {
        let directory = TempDir::new().unwrap();
        let bootstrap = directory.path().join("bootstrap.json");
        std::fs::write(&bootstrap, bootstrap_for(xds).to_string()).unwrap();
        let admin_path = directory.path().join("admin");
        let log = File::create(directory.path().join("log")).unwrap();
        let process = Command::new(binary())
            .args(["--concurrency", "2", "--disable-hot-restart", "--log-level", "info"])
            .arg("--config-path")
            .arg(&bootstrap)
            .arg("--admin-address-path")
            .arg(&admin_path)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("Envoy starts");
        let unknown = ([0, 0, 0, 0], 0).into();
        let mut envoy = Self { process, directory, admin: unknown, listener: unknown, client: http_client() };
        let admin = || async { std::fs::read_to_string(&admin_path).ok()?.parse().ok() };
        envoy.admin = eventually("Envoy's admin address", admin).await;
        envoy.listener = eventually("a listener", || async { envoy.listener_address().await }).await;
        envoy
    }

    pub(crate) fn listener(&self) -> SocketAddr {
        self.listener
    }

    /// A request through Envoy: status and body.
    pub(crate) fn get(&self, path: &'static str) -> impl Future<Output = Result<(u16, String), String>> + use<> {
        let (client, listener) = (self.client.clone(), self.listener);
        async move { get(&client, listener, path).await }
    }

    pub(crate) async fn holdings(&self) -> Option<Holdings> {
        let listeners = self.dump("dynamic_listeners").await?;
        let tables = self.dump("dynamic_route_configs").await?;
        let filters = self.dump("ecds_filters").await?;
        Some(Holdings {
            clusters: names(&self.dump("dynamic_active_clusters").await?, "/cluster/name"),
            routes: names(tables.first()?.pointer("/route_config/virtual_hosts/0/routes")?.as_array()?, "/name"),
            listener_version: text(listeners.first()?, "/active_state/version_info")?,
            route_version: text(tables.first()?, "/version_info")?,
            filter_code: text(filters.first()?, "/ecds_filter/typed_config/default_source_code/inline_string")?,
        })
    }

    pub(crate) async fn counter(&self, name: &str) -> u64 {
        let (_, body) = get(&self.client, self.admin, "/stats?format=json").await.unwrap();
        let stats: Value = serde_json::from_str(&body).unwrap();
        let stats = stats["stats"].as_array().unwrap();
        stats.iter().find(|stat| stat["name"] == name).map_or(0, |stat| stat["value"].as_u64().unwrap())
    }

    async fn listener_address(&self) -> Option<SocketAddr> {
        let (_, body) = get(&self.client, self.admin, "/listeners?format=json").await.ok()?;
        let listeners: Value = serde_json::from_str(&body).ok()?;
        let address = listeners.pointer("/listener_statuses/0/local_address/socket_address")?;
        Some(SocketAddr::new(
            address["address"].as_str()?.parse().ok()?,
            address["port_value"].as_u64()?.try_into().ok()?,
        ))
    }

    async fn dump(&self, resource: &str) -> Option<Vec<Value>> {
        let (_, body) = get(&self.client, self.admin, &format!("/config_dump?resource={resource}")).await.ok()?;
        let dump: Value = serde_json::from_str(&body).ok()?;
        Some(dump.get("configs").and_then(Value::as_array).cloned().unwrap_or_default())
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
            let lines: Vec<_> = log.lines().collect();
            eprintln!("{}", lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n"));
        }
    }
}

pub(crate) fn http_client() -> HttpClient {
    Client::builder(TokioExecutor::new()).build_http()
}

pub(crate) async fn get(client: &HttpClient, target: SocketAddr, path: &str) -> Result<(u16, String), String> {
    let exchange = async {
        let uri = format!("http://{target}{path}").parse().map_err(|error| format!("{error}"))?;
        let response = client.get(uri).await.map_err(|error| format!("{error:?}"))?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.map_err(|error| format!("{error:?}"))?;
        Ok((status, String::from_utf8_lossy(&body.to_bytes()).into_owned()))
    };
    tokio::time::timeout(PATIENCE, exchange).await.unwrap_or_else(|_| Err(format!("no answer within {PATIENCE:?}")))
}

/// Asks until there is an answer.
pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut ask: impl FnMut() -> F) -> T {
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("{what}: not within {PATIENCE:?}"))
}

fn names(resources: &[Value], pointer: &str) -> BTreeSet<String> {
    resources.iter().filter_map(|resource| text(resource, pointer)).collect()
}

fn text(value: &Value, pointer: &str) -> Option<String> {
    Some(value.pointer(pointer)?.as_str()?.to_owned())
}

/// The test is about Envoy, so without one it fails instead of passing for nothing.
fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("ENVOY_BIN") {
        return path.into();
    }
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let found = root.ancestors().map(|directory| directory.join(".tools/envoy/envoy")).find(|path| path.is_file());
    found.expect("no Envoy found: run `make setup` or set ENVOY_BIN")
}

fn bootstrap_for(xds: SocketAddr) -> Value {
    let ads = json!({"ads": {}, "resource_api_version": "V3"});
    let address = |address: SocketAddr| json!({"socket_address": {"address": address.ip().to_string(), "port_value": address.port()}});
    let http2 = json!({
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": {"http2_protocol_options": {}},
        },
    });
    json!({
        "node": {"id": "envoy-under-test", "cluster": "test"},
        "admin": {"address": address(([127, 0, 0, 1], 0).into())},
        "dynamic_resources": {
            "ads_config": {
                "api_type": "GRPC",
                "transport_api_version": "V3",
                "set_node_on_first_message_only": true,
                "grpc_services": [{"envoy_grpc": {"cluster_name": "xds"}}],
            },
            "cds_config": ads,
            "lds_config": ads,
        },
        "static_resources": {
            "clusters": [{
                "name": "xds",
                "type": "STATIC",
                "typed_extension_protocol_options": http2,
                "load_assignment": {
                    "cluster_name": "xds",
                    "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address(xds)}}]}],
                },
            }],
        },
    })
}

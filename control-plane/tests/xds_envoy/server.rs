//! The xDS server on a loopback port, which can go away and come back.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ditto_gateway::xds::status::NodeStatus;
use ditto_gateway::xds::{RouteUnion, Snapshot, SnapshotCache, XdsService};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::TcpListenerStream;

pub(crate) struct XdsServer {
    cache: Arc<SnapshotCache>,
    retire_grace: Duration,
    address: SocketAddr,
    /// A runtime of its own, so that stopping ends the connections too.
    runtime: Option<tokio::runtime::Runtime>,
}

impl XdsServer {
    pub(crate) async fn start(first: Snapshot, retire_grace: Duration) -> Self {
        let cache = Arc::new(SnapshotCache::new(first, Arc::new(RouteUnion)));
        let address = "127.0.0.1:0".parse().unwrap();
        let mut server = Self { cache, retire_grace, address, runtime: None };
        server.restart().await;
        server
    }

    pub(crate) async fn restart(&mut self) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let service = XdsService::new(Arc::clone(&self.cache), self.retire_grace).into_server();
        let address = self.address;
        let listening: JoinHandle<TcpListener> =
            runtime.spawn(async move { TcpListener::bind(address).await.unwrap() });
        let listener = listening.await.unwrap();
        self.address = listener.local_addr().unwrap();
        let incoming = TcpListenerStream::new(listener);
        runtime.spawn(tonic::transport::Server::builder().add_service(service).serve_with_incoming(incoming));
        self.runtime = Some(runtime);
    }

    pub(crate) async fn stop(&mut self) {
        let runtime = self.runtime.take().expect("it is running");
        tokio::task::spawn_blocking(|| drop(runtime)).await.unwrap();
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn set(&self, snapshot: Snapshot) {
        self.cache.set(snapshot);
    }

    /// The one Envoy, if it has ever been seen.
    pub(crate) fn node(&self) -> Option<NodeStatus> {
        self.cache.status().nodes.into_iter().next()
    }
}

impl Drop for XdsServer {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

//! A server that says its name. A request for `/slow` gets its answer when the test allows it.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};

pub(crate) struct Upstream {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    slow_arrived: Arc<Notify>,
    may_finish: watch::Sender<bool>,
}

impl Upstream {
    pub(crate) async fn start(name: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let upstream = Self { name, address, slow_arrived: Arc::default(), may_finish: watch::Sender::new(false) };
        let arrived = Arc::clone(&upstream.slow_arrived);
        let may_finish = upstream.may_finish.subscribe();
        let slow = move || {
            let (arrived, mut may_finish) = (Arc::clone(&arrived), may_finish.clone());
            async move {
                arrived.notify_one();
                let _ = may_finish.wait_for(|may_finish| *may_finish).await;
                name
            }
        };
        let app = Router::new().route("/slow", get(slow)).fallback(move || async move { name });
        tokio::spawn(async move { axum::serve(listener, app).await });
        upstream
    }

    pub(crate) async fn has_slow_request(&self) {
        self.slow_arrived.notified().await;
    }

    pub(crate) fn finish_slow_requests(&self) {
        self.may_finish.send_replace(true);
    }
}

//! An upstream that does what the test says, when the test says it.

use std::net::{Ipv4Addr, SocketAddr};

use ditto_tests::client::raw::RawConnection;
use tokio::net::TcpListener;

use ditto_tests::support::SOON;

/// Listens on a free port.
pub(super) struct Upstream {
    listener: TcpListener,
    address: SocketAddr,
}

/// A request that has arrived, its body with it as far as the head told its length.
pub(super) struct Exchange {
    connection: RawConnection,
}

impl Upstream {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        Self { listener, address }
    }

    pub(super) fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The next request.
    pub(super) async fn accept(&self) -> Exchange {
        let (stream, _) = tokio::time::timeout(SOON, self.listener.accept()).await.expect("nobody connects").unwrap();
        let mut connection = RawConnection::from(stream);
        let mut request = connection.read_until("\r\n\r\n", SOON).await.unwrap();
        let head = request.to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
        let complete = request.find("\r\n\r\n").unwrap() + 4 + length.unwrap_or(0);
        while request.len() < complete {
            request += &connection.read_some(SOON).await.unwrap();
        }
        Exchange { connection }
    }
}

impl Exchange {
    /// Sends bytes as they are.
    pub(super) async fn write(&mut self, text: &str) {
        self.connection.write(text).await.unwrap();
    }

    /// Begins a chunked stream of events.
    pub(super) async fn begin_events(&mut self) {
        self.write("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n").await;
    }

    /// One event, in one chunk.
    pub(super) async fn event(&mut self, data: &str) {
        let event = format!("data: {data}\n\n");
        self.write(&format!("{:x}\r\n{event}\r\n", event.len())).await;
    }

    /// The end of a chunked body.
    pub(super) async fn end(&mut self) {
        self.write("0\r\n\r\n").await;
    }

    /// Waits until the other side hangs up.
    pub(super) async fn until_closed(&mut self) {
        // A reset is as good.
        let _ = self.connection.read_to_end(SOON).await;
    }
}

//! The stream over a real connection, with nothing of tonic on the reading side.

use std::collections::HashMap;

use bytes::{Buf as _, BufMut, BytesMut};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message as _;
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::keys::hub::Access;
use crate::keys::testing::policy;

/// Bytes that the server may send ahead of the reader; the protocol's smallest default.
const WINDOW: u32 = 65_535;

/// A worker's end of the stream.
struct Reader {
    body: Incoming,
    buffer: BytesMut,
}

impl Reader {
    async fn connect(address: std::net::SocketAddr) -> Self {
        let socket = TokioIo::new(TcpStream::connect(address).await.unwrap());
        let (mut sender, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .handshake(socket)
            .await
            .unwrap();
        tokio::spawn(connection);
        let message = WatchRequest { node: "worker".into(), ..WatchRequest::default() }.encode_to_vec();
        let mut body = BytesMut::new();
        body.put_u8(0);
        body.put_u32(message.len().try_into().unwrap());
        body.put_slice(&message);
        let request = http::Request::post(format!("http://{address}/ditto.sync.v1.PolicySync/Watch"))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(Full::new(body.freeze()))
            .unwrap();
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(response.status(), 200);
        Self { body: response.into_body(), buffer: BytesMut::new() }
    }

    async fn next(&mut self) -> Update {
        loop {
            if let Some(mut head) = self.buffer.get(1..5) {
                let len = head.get_u32() as usize;
                assert!(len < 1 << 20);
                if self.buffer.len() >= 5 + len {
                    self.buffer.advance(5);
                    return Update::decode(self.buffer.split_to(len)).unwrap();
                }
            }
            let frame = self.body.frame().await.expect("the stream goes on").unwrap();
            self.buffer.extend_from_slice(&frame.into_data().expect("data"));
        }
    }

    async fn snapshot(&mut self) -> usize {
        let mut keys = 0;
        loop {
            let update = self.next().await;
            keys += update.upserts.len();
            if update.complete {
                return keys;
            }
        }
    }
}

async fn serve(fixture: &Fixture) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = SyncService::new(fixture.hub.clone(), fixture.closing.subscribe()).into_server();
    let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
    tokio::spawn(tonic::transport::Server::builder().add_service(service).serve_with_incoming(incoming));
    address
}

#[tokio::test]
async fn a_change_reaches_every_worker_within_a_quarter_of_a_second() {
    let fixture = fixture().await;
    let address = serve(&fixture).await;
    let mut readers = Vec::new();
    for _ in 0..16 {
        let mut reader = Reader::connect(address).await;
        assert_eq!(reader.snapshot().await, 1);
        readers.push(reader);
    }
    let started = Instant::now();
    fixture.directory.upsert(key("b"), TokenChoice::Set(hash("b"))).await.unwrap();
    for reader in &mut readers {
        assert_eq!(reader.next().await.upserts[0].id, "b");
    }
    assert!(started.elapsed() < Duration::from_millis(250), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_large_snapshot_waits_for_a_slow_worker_and_ends_with_what_is_true_then() {
    let fixture = fixture().await;
    let address = serve(&fixture).await;
    let names: Vec<String> = (0..20_000).map(|n| format!("key-{n}")).collect();
    let keys: HashMap<_, _> = names.iter().map(|name| (hash(name), policy(name))).collect();
    fixture.hub.replace_keys(keys, Access::Keyed);
    let mut reader = Reader::connect(address).await;
    assert!(reader.next().await.reset);
    // The worker stops reading. The connection's windows fill up, and then the cursor stands still.
    tokio::time::sleep(Duration::from_millis(100)).await;
    fixture.hub.replace_keys(HashMap::from([(hash("last"), policy("last"))]), Access::Keyed);
    let mut updates = 0;
    loop {
        let update = reader.next().await;
        updates += 1;
        if update.complete {
            assert_eq!(update.revision, fixture.hub.revision());
            break;
        }
    }
    assert!(updates < 20, "{updates}: what was not yet sent has been skipped");
}

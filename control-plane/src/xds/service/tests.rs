use envoy_types::pb::envoy::config::core::v3::Node;
use envoy_types::pb::envoy::service::discovery::v3::aggregated_discovery_service_client::AggregatedDiscoveryServiceClient;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::Code;
use tonic::transport::{Channel, Server};

use super::*;
use crate::xds::merge::RouteUnion;
use crate::xds::testing::snapshot;

type Client = AggregatedDiscoveryServiceClient<Channel>;

async fn serve() -> (Arc<SnapshotCache>, Client) {
    let cache = Arc::new(SnapshotCache::new(snapshot("1", &["a"], None), Arc::new(RouteUnion)));
    let service = XdsService::new(Arc::clone(&cache), RETIRE_GRACE_DEFAULT).into_server();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(Server::builder().add_service(service).serve_with_incoming(TcpListenerStream::new(listener)));
    (cache, Client::connect(format!("http://{address}")).await.unwrap())
}

/// A request for clusters, and the way to send more.
async fn ask(client: &mut Client, id: &str) -> (mpsc::Sender<DiscoveryRequest>, Streaming<DiscoveryResponse>) {
    let (requests, queue) = mpsc::channel(8);
    let node = Some(Node { id: id.into(), ..Default::default() });
    let type_url = ResourceType::Cluster.type_url().into();
    requests.send(DiscoveryRequest { node, type_url, ..Default::default() }).await.unwrap();
    let responses = client.stream_aggregated_resources(ReceiverStream::new(queue)).await.unwrap();
    (requests, responses.into_inner())
}

async fn until(condition: impl Fn() -> bool) {
    let poll = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), poll).await.expect("it comes about");
}

#[tokio::test]
async fn a_node_is_answered_and_shown_until_after_it_has_gone() {
    let (cache, mut client) = serve().await;
    let (requests, mut responses) = ask(&mut client, "envoy").await;
    let clusters = responses.message().await.unwrap().unwrap();
    assert_eq!((clusters.type_url.as_str(), clusters.resources.len()), (ResourceType::Cluster.type_url(), 1));
    let node = &cache.status().nodes[0];
    assert_eq!((node.id.as_str(), node.connected), ("envoy", true));
    assert_eq!(node.progress.types[&ResourceType::Cluster].sent.as_ref(), Some(&clusters.version_info));
    drop((requests, responses));
    until(|| !cache.status().nodes[0].connected).await;
}

#[tokio::test]
async fn a_new_snapshot_is_sent_without_being_asked_for() {
    let (cache, mut client) = serve().await;
    let (requests, mut responses) = ask(&mut client, "envoy").await;
    let first = responses.message().await.unwrap().unwrap();
    cache.set(snapshot("2", &["b"], None));
    let type_url = first.type_url;
    let accept = DiscoveryRequest { type_url, response_nonce: first.nonce, ..Default::default() };
    requests.send(accept).await.unwrap();
    let mut names = Vec::new();
    while !names.contains(&"b".to_owned()) {
        let response = responses.message().await.unwrap().unwrap();
        names = response.resources.iter().map(crate::xds::testing::name_of).collect();
    }
}

#[tokio::test]
async fn a_stream_that_does_not_say_who_it_is_ends_with_a_reason() {
    let (_cache, mut client) = serve().await;
    let (_requests, mut responses) = ask(&mut client, "").await;
    assert_eq!(responses.message().await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test]
async fn closing_the_cache_ends_all_streams() {
    let (cache, mut client) = serve().await;
    let (_requests, mut responses) = ask(&mut client, "envoy").await;
    responses.message().await.unwrap().unwrap();
    cache.close();
    assert_eq!(responses.message().await.unwrap_err().code(), Code::Unavailable);
}

#[tokio::test]
async fn delta_streams_are_declined() {
    let (_cache, mut client) = serve().await;
    let outcome = client.delta_aggregated_resources(tokio_stream::empty()).await;
    assert_eq!(outcome.unwrap_err().code(), Code::Unimplemented);
}

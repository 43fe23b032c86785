use envoy_types::pb::envoy::config::core::v3::Node;

use super::model::World;
use super::*;
use crate::xds::merge::RouteUnion;
use crate::xds::snapshot::ResourceType::{Cluster, ExtensionConfig, Listener, Route, Secret};
use crate::xds::testing::{behind, snapshot};

/// A node that has settled on the backends.
fn settled(backends: &[&str]) -> World {
    let mut world = World::new(snapshot("1", backends, None));
    world.rest();
    assert_eq!(world.stage(), Stage::Settled);
    world
}

fn lone_stream() -> Stream {
    let first = snapshot("1", &["a"], None);
    Stream::new(&first, Arc::new(RouteUnion), Arc::default(), Duration::from_secs(30))
}

fn first_request(ty: ResourceType, id: &str) -> DiscoveryRequest {
    let node = Some(Node { id: id.into(), ..Default::default() });
    DiscoveryRequest { node, type_url: ty.type_url().into(), ..Default::default() }
}

#[test]
fn a_fresh_node_gets_everything_in_order_and_once() {
    let mut world = World::new(snapshot("1", &["a"], None));
    assert_eq!(world.talk(), [Cluster, Secret, Listener, Route, ExtensionConfig]);
    assert_eq!(world.stage(), Stage::Settled);
}

#[test]
fn listeners_wait_until_the_clusters_are_accepted() {
    let mut stream = lone_stream();
    let now = Instant::now();
    assert!(stream.on_request(&first_request(Listener, "envoy"), now).unwrap().is_empty());
    let clusters = stream.on_request(&first_request(Cluster, ""), now).unwrap();
    assert_eq!(clusters.len(), 1);
    let mut accept = first_request(Cluster, "");
    accept.response_nonce.clone_from(&clusters[0].nonce);
    let listeners = stream.on_request(&accept, now).unwrap();
    assert_eq!(listeners[0].type_url, Listener.type_url());
}

#[test]
fn a_change_is_made_before_the_old_is_broken() {
    let mut world = settled(&["a", "b"]);
    world.set(snapshot("2", &["b", "c"], None));
    // Secrets go out twice: the node asks for those of the new cluster once it knows the cluster.
    assert_eq!(world.talk(), [Cluster, Secret, Secret, Listener, Route, ExtensionConfig]);
    assert_eq!(world.stage(), Stage::Grace);
    assert_eq!(world.envoy.decisions(), ["b", "c"]);
    assert_eq!(world.envoy.clusters(), ["a", "b", "c"]);

    world.pass(Duration::from_secs(29));
    assert_eq!(world.talk(), []);
    world.pass(Duration::from_secs(1));
    assert_eq!(world.talk()[..2], [Route, Cluster], "routes go before their clusters");
    assert_eq!(world.stage(), Stage::Settled);
    assert_eq!(world.envoy.clusters(), ["b", "c"]);
}

#[test]
fn types_that_did_not_change_are_not_sent() {
    let mut world = settled(&["a"]);
    let same_backends = snapshot("2", &["a"], None);
    world.set(same_backends);
    assert_eq!(world.talk(), [Listener, ExtensionConfig], "only these carry the version in the test configuration");
    assert_eq!(world.stage(), Stage::Settled, "there is nothing to retire");
}

#[test]
fn the_version_it_has_is_no_news() {
    let mut world = settled(&["a"]);
    world.set(snapshot("1", &["a"], None));
    assert_eq!(world.talk(), []);
}

#[test]
fn a_refusal_halts_the_roll_out_until_a_newer_snapshot() {
    for bad in [Cluster, Listener, Route, ExtensionConfig] {
        let mut world = settled(&["a"]);
        world.set(snapshot("2", &["b"], Some(bad)));
        world.rest();
        assert_eq!(world.stage(), Stage::Halted, "{bad}");
        assert_eq!(world.stream.progress().types[&bad].nacked.as_ref().unwrap().message, "bad");
        assert_eq!(world.envoy.decisions(), ["a"], "{bad}: the old configuration serves");
        world.pass(Duration::from_secs(3600));
        assert_eq!(world.talk(), [], "{bad}");

        world.set(snapshot("3", &["c"], None));
        world.rest();
        assert_eq!(world.stage(), Stage::Settled, "{bad}");
        assert_eq!(world.envoy.clusters(), ["c"], "{bad}");
        assert_eq!(world.envoy.routes(), ["c"], "{bad}");
    }
}

#[test]
fn going_back_to_what_was_accepted_clears_a_refusal() {
    let mut world = settled(&["a"]);
    world.set(snapshot("2", &["a"], Some(Route)));
    world.rest();
    world.set(snapshot("1", &["a"], None));
    world.rest();
    let progress = world.stream.progress();
    assert_eq!((progress.version.as_str(), progress.stage), ("1", Stage::Settled));
    assert!(progress.types.values().all(|status| status.nacked.is_none()), "{progress:?}");
}

#[test]
fn a_snapshot_in_the_middle_of_a_roll_out_keeps_what_is_in_use() {
    let mut world = settled(&["a"]);
    world.set(snapshot("2", &["b"], None));
    world.talk();
    world.set(snapshot("3", &["c"], None));
    world.talk();
    assert_eq!(world.envoy.clusters(), ["a", "b", "c"], "both graces are still on");
    assert_eq!(world.envoy.decisions(), ["c"]);
    world.rest();
    assert_eq!(world.envoy.clusters(), ["c"]);
}

#[test]
fn snapshots_faster_than_the_grace_pile_up_only_so_far() {
    let mut world = settled(&["a"]);
    for number in 0..100 {
        world.set(snapshot(&format!("v{number}"), &[&format!("backend-{number}")], None));
        world.talk();
        assert!(world.envoy.clusters().len() <= 8, "{:?}", world.envoy.clusters());
    }
    world.rest();
    assert_eq!(world.envoy.clusters(), ["backend-99"]);
}

#[test]
fn refused_snapshots_do_not_pile_up() {
    for bad in [Cluster, Listener, Route, ExtensionConfig] {
        let mut world = settled(&["a"]);
        for number in 0..20 {
            world.set(snapshot(&format!("v{number}"), &[&format!("backend-{number}")], Some(bad)));
            world.rest();
            assert!(world.envoy.clusters().len() <= 4, "{bad}: {:?}", world.envoy.clusters());
        }
    }
}

#[test]
fn a_node_that_reconnects_in_the_middle_loses_nothing() {
    let mut world = settled(&["a"]);
    world.set(snapshot("2", &["b"], None));
    world.talk();
    world.reconnect();
    world.talk();
    assert_eq!(world.envoy.clusters(), ["a", "b"], "requests in progress may still use the old one");
    world.rest();
    assert_eq!(world.envoy.clusters(), ["b"]);
}

#[test]
fn a_node_that_was_away_during_a_change_is_rolled_out_to_in_stages() {
    let mut world = settled(&["a"]);
    world.newest = Arc::new(snapshot("2", &["b"], None));
    world.reconnect();
    world.talk();
    assert_eq!((world.stage(), world.envoy.clusters()), (Stage::Grace, vec!["a".to_owned(), "b".to_owned()]));
    world.rest();
    assert_eq!((world.stage(), world.envoy.clusters()), (Stage::Settled, vec!["b".to_owned()]));
}

#[test]
fn only_the_first_request_must_name_the_node() {
    let mut stream = lone_stream();
    let now = Instant::now();
    assert_eq!(stream.on_request(&first_request(Cluster, ""), now), Err(StreamError::NoNode));
    assert_eq!(stream.on_request(&first_request(Cluster, &"x".repeat(257)), now), Err(StreamError::NodeIdTooLong));
    assert!(stream.on_request(&first_request(Cluster, "envoy"), now).is_ok());
    assert!(stream.on_request(&first_request(Listener, ""), now).is_ok());
    assert_eq!(stream.node_id(), Some("envoy"));
}

#[test]
fn a_type_that_is_not_served_is_ignored() {
    let mut stream = lone_stream();
    let mut request = first_request(Cluster, "envoy");
    request.type_url = "type.googleapis.com/envoy.service.runtime.v3.Runtime".into();
    assert_eq!(stream.on_request(&request, Instant::now()), Ok(vec![]));
    assert!(stream.progress().types.is_empty());
}

#[test]
fn a_table_that_a_node_had_let_go_of_comes_back_with_its_clusters() {
    let mut world = settled(&["a"]);
    world.set(snapshot("2", &["b"], None));
    world.talk();
    // The node drops its table, so the server retires the old clusters without waiting for it; the node still names
    // the table's version when it reconnects.
    world.envoy.ask_again(Route);
    world.deliver_request();
    world.pass(Duration::from_secs(30));
    world.deliver_response();
    world.reconnect();
    world.rest();
    assert_eq!((world.stage(), world.envoy.clusters()), (Stage::Settled, vec!["b".to_owned()]));
}

#[test]
fn a_refused_filter_is_not_taken_for_accepted_when_it_comes_again() {
    let mut world = settled(&["a"]);
    world.set(snapshot("2", &["b"], Some(ExtensionConfig)));
    // The refusal is under way when the connection breaks, so the server can't put the node's memory right in time.
    while world.deliver_response() != Some(ExtensionConfig) {
        world.deliver_request();
    }
    world.reconnect();
    world.rest();
    assert_eq!(world.stage(), Stage::Halted);
    assert_eq!(world.envoy.decisions(), ["a"]);
    assert!(world.envoy.routes().contains(&"a".to_owned()));

    world.reconnect();
    world.rest();
    assert_eq!(world.stage(), Stage::Halted, "nor once the memory was put right");
}

#[test]
fn a_node_that_refuses_even_its_former_filter_is_left_alone() {
    let mut world = settled(&["a"]);
    let accepted = world.stream.progress().types[&ExtensionConfig].acked.clone();
    world.envoy.is_broken = true;
    world.set(snapshot("2", &["b"], None));
    assert_eq!(world.talk()[4..], [Route, ExtensionConfig, ExtensionConfig], "the new one, and the former one once");
    let progress = world.stream.progress();
    assert_eq!(progress.stage, Stage::Halted);
    let nacked = progress.types[&ExtensionConfig].nacked.as_ref().unwrap();
    assert_ne!(Some(&nacked.version), accepted.as_ref(), "the new one is the news");

    world.envoy.is_broken = false;
    world.set(snapshot("3", &["c"], None));
    world.rest();
    assert_eq!((world.stage(), world.envoy.clusters()), (Stage::Settled, vec!["c".to_owned()]));
}

#[test]
fn what_is_ahead_comes_before_the_rest_and_leaves_with_it() {
    let mut world = settled(&["a"]);
    world.set(behind(snapshot("2", &["b"], None), "ahead"));
    assert_eq!(world.stage(), Stage::Modules);
    let mut seen = vec![world.envoy.clusters()];
    while world.deliver_request() | world.deliver_response().is_some() {
        if seen.last() != Some(&world.envoy.clusters()) {
            seen.push(world.envoy.clusters());
        }
    }
    assert_eq!(seen, [vec!["a"], vec!["a", "ahead"], vec!["a", "b"]]);
    world.rest();
    world.set(behind(snapshot("3", &["a"], None), "ahead"));
    assert_eq!(world.stage(), Stage::Clusters, "what was there already needs no stage of its own");
}

#[test]
fn a_node_that_refuses_what_is_ahead_is_halted_with_what_it_has() {
    let mut world = settled(&["a"]);
    world.set(behind(snapshot("2", &["b"], None), "bad"));
    world.rest();
    assert_eq!((world.stage(), world.envoy.clusters()), (Stage::Halted, vec!["a".to_owned()]));
    world.set(snapshot("1", &["a"], None));
    world.rest();
    assert_eq!(world.stage(), Stage::Settled);
}

#[test]
fn a_node_that_starts_gets_the_rest_when_it_asks_for_listeners() {
    let first = behind(snapshot("1", &["a"], None), "ahead");
    let mut stream = Stream::new(&first, Arc::new(RouteUnion), Arc::default(), Duration::from_secs(30));
    let now = Instant::now();
    let ahead = stream.on_request(&first_request(Cluster, "envoy"), now).unwrap();
    let mut accept = first_request(Cluster, "");
    accept.response_nonce.clone_from(&ahead[0].nonce);
    assert_eq!(stream.on_request(&accept, now), Ok(vec![]), "it accepts clusters before they are warm");
    let clusters = stream.on_request(&first_request(Listener, ""), now).unwrap();
    assert_eq!((clusters.len(), clusters[0].type_url.as_str()), (1, Cluster.type_url()));
    assert_ne!(clusters[0].version_info, ahead[0].version_info);
}

#[test]
fn a_node_that_holds_what_nobody_knows_gets_everything_at_once() {
    let first = behind(snapshot("1", &["a"], None), "ahead");
    let mut stream = Stream::new(&first, Arc::new(RouteUnion), Arc::default(), Duration::from_secs(30));
    let mut request = first_request(Cluster, "envoy");
    request.version_info = "of another life".into();
    stream.on_request(&request, Instant::now()).unwrap();
    assert_eq!(stream.progress().stage, Stage::Clusters);
}

//! The xDS server against a real Envoy: what only Envoy knows.
//!
//! The configurations have the shape of the product's: a filter, delivered by ECDS, names a route in a header, and the
//! route table sends each name to its own cluster. Lua stands in for the real filter. While the configuration
//! changes, a crowd of clients keeps asking; not one request may fail.

mod crowd;
mod envoy;
mod resources;
mod server;
mod upstream;

use std::time::Duration;

use ditto_gateway::xds::ResourceType;
use ditto_gateway::xds::status::Stage;

use crowd::Crowd;
use envoy::{Envoy, PATIENCE, POLL_INTERVAL, eventually};
use resources::Configuration;
use server::XdsServer;
use upstream::Upstream;

const RETIRE_GRACE: Duration = Duration::from_millis(300);

/// Envoy with a first configuration, and everything around it.
struct World {
    upstreams: [Upstream; 3],
    server: XdsServer,
    envoy: Envoy,
}

impl World {
    async fn start() -> Self {
        let upstreams = [Upstream::start("a").await, Upstream::start("b").await, Upstream::start("c").await];
        let first = Configuration::new("1", &upstreams[..1]);
        let server = XdsServer::start(first.snapshot(), RETIRE_GRACE).await;
        let envoy = Envoy::start(server.address()).await;
        let world = Self { upstreams, server, envoy };
        world.settle("1").await;
        world
    }

    async fn settle(&self, version: &str) {
        let is_settled = || async {
            let node = self.server.node()?;
            (node.progress.version == version && node.progress.stage == Stage::Settled).then_some(())
        };
        eventually(&format!("settled on {version}"), is_settled).await;
    }

    /// Waits until what Envoy says that it has is what the configuration says, no more and no less.
    async fn converge(&self, configuration: &Configuration<'_>) {
        let expected = configuration.model();
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let holdings = self.envoy.holdings().await;
            if holdings.as_ref() == Some(&expected) {
                return;
            }
            assert!(tokio::time::Instant::now() < deadline, "{holdings:?} did not become {expected:?}");
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changing_backends_drops_no_request() {
    let world = World::start().await;
    let [a, b, c] = &world.upstreams;
    world.converge(&Configuration::new("1", std::slice::from_ref(a))).await;
    let crowd = Crowd::gather(world.envoy.listener(), 8);
    let slow = tokio::spawn(world.envoy.get("/slow"));
    a.has_slow_request().await;

    let second = Configuration::new("2", &world.upstreams[1..]);
    world.server.set(second.snapshot());
    world.converge(&second).await;
    world.settle("2").await;
    assert!(!slow.is_finished(), "the request must outlive its cluster for the test to mean anything");
    a.finish_slow_requests();
    let (status, body) = slow.await.unwrap().unwrap();
    assert_eq!((status, body.as_str()), (200, "a"));

    // Back and forth, faster than the grace.
    for round in 3..30 {
        let configuration = Configuration::new(&round.to_string(), std::slice::from_ref([a, b, c][round % 3]));
        world.server.set(configuration.snapshot());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    world.settle("29").await;
    world.converge(&Configuration::new("29", std::slice::from_ref(c))).await;
    let tally = crowd.disperse().await;
    assert_eq!(tally.failures, Vec::<String>::new());
    assert!(["a", "b", "c"].iter().all(|name| tally.answers.contains_key(*name)), "{tally:?}");
    assert_eq!(world.envoy.counter("cluster_manager.cds.update_rejected").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_resource_shows_in_the_status_and_the_old_one_serves() {
    let world = World::start().await;
    let crowd = Crowd::gather(world.envoy.listener(), 2);
    let refusals = [
        (ResourceType::Cluster, "ConnectTimeout"),
        (ResourceType::Listener, "StatPrefix"),
        (ResourceType::Route, "Domains"),
        (ResourceType::ExtensionConfig, "script load error"),
    ];
    for (round, (bad, reason)) in refusals.into_iter().enumerate() {
        let version = format!("bad-{bad}");
        let configuration = Configuration::new(&version, &world.upstreams[1..2]).with_bad(bad);
        world.server.set(configuration.snapshot());
        let is_refused = || async {
            let node = world.server.node()?;
            let is_halted = node.progress.version == version && node.progress.stage == Stage::Halted;
            node.progress.types[&bad].nacked.clone().filter(|_| is_halted)
        };
        let nack = eventually(&format!("{bad} refused"), is_refused).await;
        assert!(nack.message.contains(reason), "{bad}: {nack:?}");
        let (status, body) = world.envoy.get("/").await.unwrap();
        assert_eq!((status, body.as_str()), (200, "a"), "{bad}");

        let version = format!("good-{round}");
        world.server.set(Configuration::new(&version, &world.upstreams[..1]).snapshot());
        world.settle(&version).await;
        world.converge(&Configuration::new(&version, &world.upstreams[..1])).await;
    }
    assert_eq!(crowd.disperse().await.failures, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_envoy_that_lost_its_server_catches_up_without_dropping_requests() {
    let mut world = World::start().await;
    let crowd = Crowd::gather(world.envoy.listener(), 8);
    world.server.stop().await;
    let is_gone = || async { (!world.server.node()?.connected).then_some(()) };
    eventually("the node is known to be gone", is_gone).await;

    let second = Configuration::new("2", &world.upstreams[1..2]);
    world.server.set(second.snapshot());
    world.server.restart().await;
    world.settle("2").await;
    world.converge(&second).await;
    assert_eq!(world.envoy.get("/").await.unwrap(), (200, "b".to_owned()));
    assert_eq!(crowd.disperse().await.failures, Vec::<String>::new());
}

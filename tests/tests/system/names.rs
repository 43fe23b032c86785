//! Backends by name and by address, of both families of IP.

use std::net::{Ipv6Addr, SocketAddr};

use ditto_tests::harness::Gateway;
use ditto_tests::harness::config::TOKEN;
use ditto_tests::simulator::{Simulator, SimulatorConfig};

use super::rig::{backend, document, statistic};
use ditto_tests::support::{chat_with, start};

/// Several requests, so that each address of a name would have its turn.
const TIMES: usize = 4;

/// Asserts that a backend serves every request, and is called by `authority`.
async fn serves(gateway: &Gateway, name: &str, simulator: &Simulator, authority: &str) {
    let client = gateway.client().with_bearer(TOKEN);
    for _ in 0..TIMES {
        let reply = client.post("/v1/chat/completions", &chat_with(&format!("{name}/any"))).send().await;
        assert_eq!(reply.expect_status(200).await.header("x-ditto-backend"), Some(name));
        assert_eq!(simulator.last_request().header("host"), Some(authority));
    }
    assert_eq!(simulator.requests().len(), TIMES, "{name}");
    assert_eq!(statistic(gateway, &format!("cluster.{name}.upstream_rq_retry")).await, 0, "{name}");
    simulator.forget_requests();
}

#[tokio::test]
async fn of_a_names_addresses_one_that_answers_is_enough_and_ipv6_is_as_good_as_ipv4() {
    let four = Simulator::named("four");
    let listen = SocketAddr::from((Ipv6Addr::LOCALHOST, 0));
    // Not every machine speaks IPv6.
    let six = Simulator::start_with(SimulatorConfig { name: "six".into(), listen, ..Default::default() }).ok();
    let by_name = |simulator: &Simulator| format!("localhost:{}", simulator.address().port());
    let four_by_name = by_name(&four);
    let mut backends = vec![backend("four-by-name", &format!("http://{four_by_name}/v1"), "cred")];
    if let Some(six) = &six {
        backends.push(backend("six-by-name", &format!("http://{}/v1", by_name(six)), "cred"));
        backends.push(backend("six", &format!("http://{}/v1", six.address()), "cred"));
    }
    let gateway = start(document(&backends, &["four-by-name"]), &[]).await;
    serves(&gateway, "four-by-name", &four, &four_by_name).await;
    if let Some(six) = &six {
        assert!(six.address().to_string().starts_with("[::1]:"));
        serves(&gateway, "six-by-name", six, &by_name(six)).await;
        serves(&gateway, "six", six, &six.address().to_string()).await;
    }
}

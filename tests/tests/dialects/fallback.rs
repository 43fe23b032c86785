//! Falling over from one provider to another inside one request: each attempt is made of the client's own bytes.

use std::net::TcpListener;

use ditto_tests::backends;
use ditto_tests::simulator::Simulator;
use serde_json::{Value, json};

use super::clients::Dialect;
use super::rig::{Site, ok};

/// The providers that fail, each with a dead twin: one for each way to make a request.
const FIRST: [&str; 5] = ["compatible", "azure", "anthropic", "google", "bedrock"];

/// Adds a dead twin of some backends, and a rule for each pair of a dead and a live one.
fn add_pairs(simulator: &Simulator, document: &mut Value) {
    // Bound and never listened on: connections are refused.
    let refusing = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut backends = document["backends"].as_array().unwrap().clone();
    for first in FIRST {
        let mut dead = backends::backend(first, simulator);
        dead["name"] = json!(format!("dead-{first}"));
        dead["base_url"] = json!(format!("http://{refusing}"));
        backends.push(dead);
    }
    for backend in &mut backends {
        let name = backend["name"].as_str().unwrap().trim_start_matches("dead-").to_owned();
        backend["model_map"] = json!({"*": backends::model(&name)});
    }
    document["backends"] = json!(backends);
    let rules = FIRST.iter().flat_map(|first| backends::NAMES.map(|second| rule(first, second)));
    document["router"]["rules"] = rules.collect();
}

fn rule(first: &str, second: &str) -> Value {
    // A weight that is next to nothing: the first is always chosen.
    let candidates = json!([{"backend": format!("dead-{first}"), "weight": 1.0}, {"backend": second, "weight": 1e-12}]);
    json!({"model_prefix": format!("{first}-then-{second}"), "exact": true, "backends": candidates})
}

#[tokio::test]
async fn a_request_falls_over_to_a_provider_of_another_dialect() {
    let site = Site::start(add_pairs, &[]).await;
    let client = site.client();
    for first in FIRST {
        for second in backends::NAMES {
            for dialect in Dialect::EVERY {
                for stream in [false, true] {
                    let case = format!("{dialect:?} over {first}, then {second}, stream {stream}");
                    let model = format!("{first}-then-{second}");
                    let asked = dialect.ask(&client, &model, "[[say Still here.]]", stream);
                    let mut reply = ok(asked.send().await, &case).await;
                    assert_eq!(reply.header("x-ditto-backend"), Some(second), "{case}");
                    assert_eq!(dialect.understand(&mut reply, stream).await.text, "Still here.", "{case}");
                }
            }
        }
    }
}

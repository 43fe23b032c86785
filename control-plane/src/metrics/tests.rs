use ditto_proto::outcome::{Outcome, OutcomeReport};
use envoy_types::pb::envoy::config::endpoint::v3::{ClusterStats, UpstreamLocalityStats};

use super::*;

struct World {
    metrics: Arc<Metrics>,
    loads: Arc<Loads>,
    outcomes: Arc<Outcomes>,
}

fn world(names: &[&str], series: usize) -> World {
    let configured = BackendNames::new(names.iter().map(|name| (*name).to_owned()));
    let (loads, outcomes) = (Loads::new(configured.clone()), Outcomes::new(configured.clone()));
    let metrics = Metrics::new(configured, Arc::clone(&loads), Arc::clone(&outcomes), series);
    World { metrics, loads, outcomes }
}

fn stats(backend: &str, issued: u64) -> ClusterStats {
    let part = UpstreamLocalityStats {
        total_issued_requests: issued,
        total_successful_requests: issued - 1,
        total_error_requests: 1,
        total_requests_in_progress: 2,
        ..Default::default()
    };
    let cluster_name = format!("{backend}/0a1b");
    ClusterStats { cluster_name, upstream_locality_stats: vec![part], ..Default::default() }
}

/// The value of a metric by its name without the prefix, labels included.
fn value(text: &str, name: &str) -> Option<u64> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("ditto_gateway_proxy_")?.rsplit_once(' '));
    lines.filter(|(known, _)| *known == name).map(|(_, value)| value.parse().unwrap()).next()
}

#[test]
fn attempts_and_requests_are_told_by_backend() {
    let World { metrics, loads, outcomes } = world(&["one", "two"], 10);
    loads.connect("a").report(&[stats("one", 3)]);
    let told = |backend: &str, requests, errors, fallbacks| Outcome {
        version: "v".into(),
        backend: backend.into(),
        requests,
        errors,
        fallbacks,
    };
    let outcomes_of = vec![told("one", 5, 1, 2), told("", 4, 3, 0)];
    outcomes.hear(&OutcomeReport { worker: "w".into(), sequence: 1, outcomes: outcomes_of, ..Default::default() });
    let text = metrics.text().unwrap();
    assert!(text.contains("# TYPE ditto_gateway_proxy_backend_attempts_total counter"), "{text}");
    assert!(text.contains("# TYPE ditto_gateway_proxy_backend_in_flight gauge"), "{text}");
    let of_one = ["attempts_total", "success_total", "failures_total", "requests_total", "errors_total"];
    let of_one = of_one.map(|name| value(&text, &format!("backend_{name}{{backend=\"one\"}}")));
    assert_eq!(of_one, [3, 2, 1, 5, 1].map(Some), "{text}");
    assert_eq!(value(&text, "backend_fallbacks_total{backend=\"one\"}"), Some(2));
    // The Envoy has gone, and what was under way there with it.
    assert_eq!(value(&text, "backend_in_flight{backend=\"one\"}"), Some(0));
    assert_eq!(value(&text, "backend_attempts_total{backend=\"two\"}"), Some(0), "{text}");
    assert_eq!((value(&text, "requests_total"), value(&text, "errors_total")), (Some(9), Some(4)));
}

#[test]
fn more_backends_than_series_share_one() {
    let World { metrics, loads, .. } = world(&["a", "b", "c", "d"], 2);
    let reporter = loads.connect("n");
    reporter.report(&[stats("a", 1), stats("b", 10), stats("c", 100), stats("d", 1_000)]);
    let attempts = |text: &str, backend: &str| value(text, &format!("backend_attempts_total{{backend=\"{backend}\"}}"));
    let text = metrics.text().unwrap();
    let all = ["a", "b", "c", "__overflow__"].map(|backend| attempts(&text, backend));
    assert_eq!(all, [Some(1), Some(10), None, Some(1_100)]);
    // A name that sorts before the others takes no series from those who have one.
    metrics.configured.replace(["a", "aa", "b"].map(str::to_owned));
    let text = metrics.text().unwrap();
    assert_eq!(attempts(&text, "b"), Some(10), "{text}");
    assert_eq!(attempts(&text, "aa"), None, "{text}");
}

use envoy_types::pb::envoy::config::endpoint::v3::UpstreamLocalityStats;

use super::*;

/// One cluster's part of a report.
fn stats(cluster: &str, [issued, successful, error, in_progress]: [u64; 4]) -> ClusterStats {
    let part = UpstreamLocalityStats {
        total_issued_requests: issued,
        total_successful_requests: successful,
        total_error_requests: error,
        total_requests_in_progress: in_progress,
        ..Default::default()
    };
    ClusterStats { cluster_name: cluster.into(), upstream_locality_stats: vec![part], ..Default::default() }
}

fn load([attempts, successes, failures, in_flight]: [u64; 4]) -> Load {
    Load { counts: Counts { attempts, successes, failures }, in_flight }
}

fn loads() -> Arc<Loads> {
    Loads::new(BackendNames::new(["one".to_owned()]))
}

#[test]
fn reports_are_added_up_by_node_and_backend() {
    let loads = loads();
    let (a, b, other_b) = (loads.connect("a"), loads.connect("b"), loads.connect("b"));
    a.report(&[
        stats("one/0a", [5, 3, 1, 1]),
        stats("one/0a/last-resort", [1, 1, 0, 0]),
        stats("two/0b", [9, 9, 0, 0]),
    ]);
    a.report(&[stats("one/0a", [2, 2, 0, 1]), stats("one/0c", [1, 0, 0, 1])]);
    b.report(&[stats("one/0a", [10, 10, 0, 2])]);
    other_b.report(&[stats("one/0a", [10, 10, 0, 2]), stats("ditto-control-plane", [7, 7, 7, 7])]);
    let all = loads.all();
    assert_eq!(all.keys().collect::<Vec<_>>(), ["one", "two"]);
    assert_eq!(all["one"].total, load([29, 26, 1, 6]));
    let nodes = BTreeMap::from([("a".to_owned(), load([9, 6, 1, 2])), ("b".to_owned(), load([20, 20, 0, 4]))]);
    assert_eq!(all["one"].nodes, nodes);
    assert_eq!(all["two"].total, load([9, 9, 0, 0]));
}

#[test]
fn what_is_under_way_is_what_the_latest_report_says() {
    let loads = loads();
    let a = loads.connect("a");
    a.report(&[stats("one/0a", [5, 0, 0, 5])]);
    a.report(&[ClusterStats { cluster_name: "one/0a".into(), ..Default::default() }]);
    assert_eq!(loads.all()["one"].total, load([5, 0, 0, 0]));
}

#[test]
fn a_node_that_goes_leaves_its_totals_behind() {
    let loads = loads();
    let a = loads.connect("a");
    a.report(&[stats("one/0a", [5, 3, 1, 1])]);
    drop(a);
    let gone = BackendLoad { total: load([5, 3, 1, 0]), nodes: BTreeMap::new() };
    assert_eq!(loads.all()["one"], gone);
    let back = loads.connect("a");
    back.report(&[stats("one/0a", [1, 1, 0, 0])]);
    assert_eq!((loads.all()["one"].total, loads.all()["one"].nodes["a"]), (load([6, 4, 1, 0]), load([1, 1, 0, 0])));
}

#[test]
fn a_backend_that_is_not_configured_any_more_is_forgotten_after_a_while() {
    let loads = loads();
    let (gone, stays) = (loads.connect("gone"), loads.connect("stays"));
    let start = Instant::now();
    gone.report_at(&[stats("one/0a", [1, 1, 0, 0]), stats("former/0b", [1, 1, 0, 0])], start);
    drop(gone);
    stays.report_at(&[stats("former/0b", [1, 1, 0, 0])], start);
    stays.report_at(&[], start + KEPT / 2);
    assert_eq!(loads.all()["former"].total.counts.attempts, 2);
    stays.report_at(&[], start + KEPT);
    assert_eq!(loads.all().into_keys().collect::<Vec<_>>(), ["one"]);
}

use super::*;

fn outcome(backend: &str, requests: u64, errors: u64, fallbacks: u64) -> Outcome {
    Outcome { version: "v".into(), backend: backend.into(), requests, errors, fallbacks }
}

fn report(worker: &str, sequence: u64, outcomes: Vec<Outcome>) -> OutcomeReport {
    OutcomeReport { node: "n".into(), worker: worker.into(), sequence, outcomes }
}

fn outcomes() -> Arc<Outcomes> {
    Outcomes::new(BackendNames::new(["one".to_owned()]))
}

#[test]
fn workers_are_added_up_and_a_repeated_report_is_not() {
    let all = outcomes();
    let first = report("a", 1, vec![outcome("one", 5, 1, 2), outcome("", 3, 1, 0)]);
    assert!(all.hear(&first));
    assert!(!all.hear(&first), "it was not acknowledged, and came again");
    assert!(all.hear(&report("b", 1, vec![outcome("one", 10, 0, 0)])));
    assert!(all.hear(&report("a", 2, vec![outcome("two", 1, 1, 1)])));
    assert!(!all.hear(&first), "it comes late");
    let one = Counts { requests: 15, errors: 1, fallbacks: 2 };
    let two = Counts { requests: 1, errors: 1, fallbacks: 1 };
    let backends = BTreeMap::from([("one".to_owned(), one), ("two".to_owned(), two)]);
    assert_eq!(all.told(), Told { own: Counts { requests: 3, errors: 1, fallbacks: 0 }, backends });
}

#[test]
fn a_backend_that_is_not_configured_any_more_is_forgotten_after_a_while() {
    let all = outcomes();
    let start = Instant::now();
    all.hear_at(&report("a", 1, vec![outcome("one", 1, 0, 0), outcome("former", 1, 0, 0)]), start);
    all.hear_at(&report("a", 2, vec![]), start + BACKEND_KEPT / 2);
    assert_eq!(all.told().backends.len(), 2);
    all.hear_at(&report("a", 3, vec![]), start + BACKEND_KEPT);
    assert_eq!(all.told().backends.into_keys().collect::<Vec<_>>(), ["one"]);
}

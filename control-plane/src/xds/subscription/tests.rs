use envoy_types::pb::google::rpc;

use super::*;
use crate::xds::testing::snapshot;

fn offer(ty: ResourceType, backends: &[&str]) -> Offer {
    Offer { set: snapshot("1", backends, None).set(ty).clone(), members: vec![0] }
}

fn asking(names: &[&str], nonce: &str) -> DiscoveryRequest {
    DiscoveryRequest {
        resource_names: names.iter().map(|name| (*name).to_owned()).collect(),
        response_nonce: nonce.into(),
        ..Default::default()
    }
}

fn refusing(names: &[&str], nonce: &str, message: &str) -> DiscoveryRequest {
    let error_detail = Some(rpc::Status { message: message.into(), ..Default::default() });
    DiscoveryRequest { error_detail, ..asking(names, nonce) }
}

fn names(response: &DiscoveryResponse) -> Vec<String> {
    response.resources.iter().map(crate::xds::testing::name_of).collect()
}

/// A secret subscription for `asked` that has accepted the secrets `a` and `b`.
fn accepted(asked: &[&str]) -> (Subscription, Offer) {
    let mut subscription = Subscription::new(ResourceType::Secret);
    let offer = offer(ResourceType::Secret, &["a", "b"]);
    subscription.hear(&asking(asked, ""));
    subscription.send(&offer, "1".into());
    assert!(matches!(subscription.hear(&asking(asked, "1")), Heard::Accepted));
    assert!(subscription.is_settled(&offer));
    (subscription, offer)
}

#[test]
fn nothing_is_sent_before_it_is_asked_for() {
    let subscription = Subscription::new(ResourceType::Cluster);
    assert!(!subscription.needs(&offer(ResourceType::Cluster, &["a"])));
}

#[test]
fn an_empty_first_request_asks_for_all_clusters() {
    let mut subscription = Subscription::new(ResourceType::Cluster);
    assert!(matches!(subscription.hear(&asking(&[], "")), Heard::First { .. }));
    let response = subscription.send(&offer(ResourceType::Cluster, &["a", "b"]), "1".into());
    assert_eq!(names(&response), ["a", "b"]);
}

#[test]
fn a_wildcard_is_told_that_there_is_nothing() {
    let mut subscription = Subscription::new(ResourceType::Cluster);
    subscription.hear(&asking(&[], ""));
    assert!(subscription.needs(&offer(ResourceType::Cluster, &[])));
}

#[test]
fn after_a_name_an_empty_list_asks_for_nothing() {
    let mut subscription = Subscription::new(ResourceType::Cluster);
    subscription.hear(&asking(&["*"], ""));
    assert!(subscription.needs(&offer(ResourceType::Cluster, &["a"])));
    subscription.hear(&asking(&[], ""));
    assert!(!subscription.needs(&offer(ResourceType::Cluster, &["a"])));
}

#[test]
fn a_star_among_names_is_still_a_wildcard_and_a_name_alone_is_not() {
    let both = offer(ResourceType::Cluster, &["a", "b"]);
    let mut subscription = Subscription::new(ResourceType::Cluster);
    subscription.hear(&asking(&["*", "a"], ""));
    assert_eq!(names(&subscription.send(&both, "1".into())), ["a", "b"]);
    subscription.hear(&asking(&["a"], "1"));
    assert!(subscription.needs(&both));
    assert_eq!(names(&subscription.send(&both, "2".into())), ["a"]);
}

#[test]
fn only_the_names_asked_for_are_sent() {
    let mut subscription = Subscription::new(ResourceType::Secret);
    subscription.hear(&asking(&["b", "c"], ""));
    assert_eq!(names(&subscription.send(&offer(ResourceType::Secret, &["a", "b"]), "1".into())), ["b"]);
}

#[test]
fn a_name_that_does_not_exist_is_answered_once_it_does() {
    let mut subscription = Subscription::new(ResourceType::Secret);
    subscription.hear(&asking(&["c"], ""));
    assert!(!subscription.needs(&offer(ResourceType::Secret, &["a"])));
    assert!(subscription.needs(&offer(ResourceType::Secret, &["a", "c"])));
}

#[test]
fn an_answer_to_an_older_response_is_stale() {
    let (mut subscription, _) = accepted(&["a"]);
    let newer = offer(ResourceType::Secret, &["a", "b", "c"]);
    subscription.send(&newer, "2".into());
    assert!(matches!(subscription.hear(&asking(&["a"], "1")), Heard::Stale));
    assert!(!subscription.is_settled(&newer), "still unanswered");
    assert!(matches!(subscription.hear(&asking(&["a"], "2")), Heard::Accepted));
    assert!(subscription.is_settled(&newer));
}

#[test]
fn there_is_one_unanswered_response_at_most() {
    let (mut subscription, _) = accepted(&["a"]);
    subscription.send(&offer(ResourceType::Secret, &["a", "c"]), "2".into());
    assert!(!subscription.needs(&offer(ResourceType::Secret, &["a", "d"])));
}

#[test]
fn what_did_not_change_is_not_sent_again() {
    let (subscription, offer) = accepted(&["a"]);
    assert!(!subscription.needs(&offer));
}

#[test]
fn a_name_added_in_an_acceptance_is_answered_though_nothing_changed() {
    let mut subscription = Subscription::new(ResourceType::Secret);
    let offer = offer(ResourceType::Secret, &["a", "b"]);
    subscription.hear(&asking(&["a"], ""));
    subscription.send(&offer, "1".into());
    assert!(matches!(subscription.hear(&asking(&["a", "b"], "1")), Heard::Accepted));
    assert!(subscription.needs(&offer));
    assert_eq!(names(&subscription.send(&offer, "2".into())), ["a", "b"]);
}

#[test]
fn a_name_that_was_dropped_and_asked_for_again_is_sent_again() {
    let (mut subscription, offer) = accepted(&["a", "b"]);
    assert!(matches!(subscription.hear(&asking(&["a"], "1")), Heard::Names));
    assert!(!subscription.needs(&offer), "fewer names need no answer");
    assert!(matches!(subscription.hear(&asking(&["a", "b"], "1")), Heard::Names));
    assert!(subscription.needs(&offer));
}

#[test]
fn a_refusal_keeps_what_was_accepted() {
    let (mut subscription, old) = accepted(&["a"]);
    let new = offer(ResourceType::Secret, &["a", "c"]);
    subscription.send(&new, "2".into());
    assert!(matches!(subscription.hear(&refusing(&["a"], "2", "no such thing")), Heard::Refused { .. }));
    let version = |offer: &Offer| offer.set.version().to_owned();
    let nacked = Some(Nack { version: version(&new), message: "no such thing".into() });
    let expected = TypeStatus { sent: Some(version(&new)), acked: Some(version(&old)), nacked };
    assert_eq!(subscription.status(), expected);
    assert!(!subscription.needs(&old), "the node has it");
}

#[test]
fn a_refusal_is_shown_until_something_else_is_accepted() {
    let (mut subscription, old) = accepted(&["a"]);
    subscription.send(&offer(ResourceType::Secret, &["a", "c"]), "2".into());
    subscription.hear(&refusing(&["a", "b"], "2", "no"));
    assert!(subscription.needs(&old), "a name was added");
    subscription.send(&old, "3".into());
    subscription.hear(&asking(&["a", "b"], "3"));
    assert!(subscription.status().nacked.is_some());
    subscription.send(&offer(ResourceType::Secret, &["a", "d"]), "4".into());
    subscription.hear(&asking(&["a", "b"], "4"));
    assert_eq!(subscription.status().nacked, None);
}

#[test]
fn a_long_reason_is_shortened_between_characters() {
    let (mut subscription, _) = accepted(&["a"]);
    subscription.send(&offer(ResourceType::Secret, &["a", "c"]), "2".into());
    subscription.hear(&refusing(&["a"], "2", &"é".repeat(NACK_MESSAGE_BYTES_MAX)));
    assert_eq!(subscription.status().nacked.unwrap().message, "é".repeat(NACK_MESSAGE_BYTES_MAX / 2));
}

#[test]
fn a_nonce_left_from_an_earlier_stream_does_no_harm() {
    let mut subscription = Subscription::new(ResourceType::Cluster);
    let request = DiscoveryRequest { version_info: "v".into(), ..asking(&[], "17") };
    assert!(matches!(subscription.hear(&request), Heard::First { version } if version == "v"));
}

#[test]
fn a_name_dropped_and_taken_up_again_in_stale_requests_is_sent_again() {
    let (mut subscription, offer) = accepted(&["a"]);
    let newer = self::offer(ResourceType::Secret, &["a", "c"]);
    subscription.send(&newer, "2".into());
    assert!(matches!(subscription.hear(&asking(&[], "1")), Heard::Stale));
    assert!(matches!(subscription.hear(&asking(&["a"], "1")), Heard::Stale));
    assert!(matches!(subscription.hear(&refusing(&["a"], "2", "no")), Heard::Refused { .. }));
    assert!(subscription.needs(&offer));
}

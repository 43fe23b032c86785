//! Who a node is: its id and its labels, as the first request of its stream tells them.
//!
//! Labels are strings by name in the node's metadata, under `labels`, where the bootstrap that the gateway prints has
//! them; `LABELS`, where Istio has those of the pod, is read as well. Nobody proves a label: they choose who goes first
//! in a roll-out, and nothing else.

use std::collections::BTreeMap;

use envoy_types::pb::envoy::config::core::v3::Node as Told;
use envoy_types::pb::google::protobuf::value::Kind;

/// Labels by their names.
pub type Labels = BTreeMap<String, String>;

/// Labels of one node. Of more, the first by name are known.
pub const LABELS_MAX: usize = 64;
/// Bytes of a label's name: Kubernetes has up to 317.
pub const LABEL_NAME_MAX: usize = 320;
/// Bytes of a label's value.
pub const LABEL_VALUE_MAX: usize = 256;

/// Where labels are in the metadata; the earlier goes before the later.
const PLACES: [&str; 2] = ["labels", "LABELS"];

/// A node by what it says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Node {
    /// From its bootstrap; empty if it says none.
    pub id: String,
    /// From its bootstrap's metadata.
    pub labels: Labels,
}

impl Node {
    /// The node that sent this. Labels beyond the bounds are left out, and the log says so.
    pub fn of(told: &Told) -> Self {
        let fields = told.metadata.as_ref().map(|metadata| &metadata.fields);
        let mut labels = Labels::new();
        for place in PLACES {
            let Some(Kind::StructValue(told)) = fields.and_then(|fields| fields.get(place)?.kind.as_ref()) else {
                continue;
            };
            for (name, value) in &told.fields {
                if let Some(Kind::StringValue(value)) = &value.kind {
                    labels.entry(name.clone()).or_insert_with(|| value.clone());
                }
            }
        }
        let told_of = labels.len();
        labels.retain(|name, value| is_label(name, value));
        while labels.len() > LABELS_MAX {
            labels.pop_last();
        }
        if labels.len() < told_of {
            let left_out = told_of - labels.len();
            tracing::warn!(node = told.id, left_out, "labels of a node are too many or too long, and not known");
        }
        Self { id: told.id.clone(), labels }
    }
}

/// Reads `name=value,…`.
///
/// # Errors
/// What is expected instead.
pub fn parse_labels(text: &str) -> Result<Labels, String> {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=')?;
        let (name, value) = (name.trim(), value.trim());
        is_label(name, value).then(|| (name.to_owned(), value.to_owned()))
    };
    let pairs: Option<Vec<_>> = text.split(',').map(pair).collect();
    let pairs = pairs.filter(|pairs| pairs.len() <= LABELS_MAX);
    let labels = pairs.map(|pairs| (pairs.len(), Labels::from_iter(pairs)));
    match labels {
        Some((told, labels)) if told == labels.len() => Ok(labels),
        _ => Err(format!(
            "expected at most {LABELS_MAX} labels as name=value with commas between, each name once and of at most \
             {LABEL_NAME_MAX} bytes, each value of at most {LABEL_VALUE_MAX}"
        )),
    }
}

fn is_label(name: &str, value: &str) -> bool {
    (1..=LABEL_NAME_MAX).contains(&name.len()) && value.len() <= LABEL_VALUE_MAX
}

#[cfg(test)]
mod tests {
    use envoy_types::pb::google::protobuf::{Struct, Value};

    use super::*;

    fn value(kind: Kind) -> Value {
        Value { kind: Some(kind) }
    }

    fn told(places: &[(&str, &[(&str, &str)])]) -> Told {
        let of = |labels: &[(&str, &str)]| {
            let text = |text: &str| value(Kind::StringValue(text.to_owned()));
            Struct { fields: labels.iter().map(|(name, of)| ((*name).to_owned(), text(of))).collect() }
        };
        let fields = places.iter().map(|(place, labels)| ((*place).to_owned(), value(Kind::StructValue(of(labels)))));
        Told { id: "a".into(), metadata: Some(Struct { fields: fields.collect() }), ..Default::default() }
    }

    #[test]
    fn labels_are_read_from_both_places_and_ours_goes_first() {
        let node = Node::of(&told(&[("LABELS", &[("zone", "z"), ("app", "x")]), ("labels", &[("zone", "a")])]));
        assert_eq!(node.labels, Labels::from([("app".into(), "x".into()), ("zone".into(), "a".into())]));
        assert_eq!(
            Node::of(&Told { id: "a".into(), ..Default::default() }),
            Node { id: "a".into(), ..Node::default() }
        );
        let mut other = told(&[]);
        other.metadata = Some(Struct { fields: [("labels".to_owned(), value(Kind::BoolValue(true)))].into() });
        assert_eq!(Node::of(&other).labels, Labels::new());
    }

    #[test]
    fn labels_beyond_the_bounds_are_not_known() {
        let names: Vec<String> = (0..LABELS_MAX + 9).map(|number| format!("n{number:03}")).collect();
        let mut labels: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "v")).collect();
        let long = "x".repeat(LABEL_NAME_MAX + 1);
        labels.extend([(long.as_str(), "v"), ("a", long.as_str()), ("", "v")]);
        let node = Node::of(&told(&[("labels", &labels)]));
        assert_eq!((node.labels.len(), node.labels.first_key_value().unwrap().0.as_str()), (LABELS_MAX, "n000"));
    }

    #[test]
    fn labels_are_parsed_as_they_are_written() {
        let labels = parse_labels("canary=true, zone=a=b,empty=").unwrap();
        let expected = [("canary", "true"), ("zone", "a=b"), ("empty", "")];
        assert_eq!(labels, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
        for text in ["", "canary", "=x", "a=1,a=1", "a=1,", &format!("a={}", "x".repeat(LABEL_VALUE_MAX + 1))] {
            assert!(parse_labels(text).unwrap_err().contains("name=value"), "{text}");
        }
    }
}

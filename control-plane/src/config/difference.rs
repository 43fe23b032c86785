//! How two documents differ, by field path. Values are shown as they are redacted; that a hidden value has changed is
//! told, and nothing of either.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::{Map, Value};

use super::secrecy::{member_path, quoted, redacted};

/// Differences that are told; the rest is counted.
pub(super) const DIFFERENCES_MAX: usize = 1_000;

/// Members by which an element of a list is known, wherever it stands.
const IDENTITIES: [&str; 4] = ["name", "id", "server_id", "agent_id"];

/// What happened to a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Change {
    Added,
    Removed,
    Changed,
    /// The same elements of a list, in another order.
    Reordered,
}

/// One field that differs.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Difference {
    path: String,
    change: Change,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<Value>,
}

/// All of them, and how many more there are.
#[derive(Debug, Default, PartialEq, Serialize)]
pub(super) struct Differences {
    pub(super) fields: Vec<Difference>,
    pub(super) left_out: usize,
}

/// A value as it is, and as it is shown.
#[derive(Clone, Copy)]
struct Both<'a> {
    raw: &'a Value,
    shown: &'a Value,
}

/// What leads from one document to the other.
pub(super) fn differences(from: &Value, to: &Value) -> Differences {
    let (shown_from, shown_to) = (redacted(from), redacted(to));
    let mut found = Differences::default();
    let (from, to) = (Both { raw: from, shown: &shown_from }, Both { raw: to, shown: &shown_to });
    compare(&mut found, String::new(), from, to);
    found
}

impl Differences {
    fn push(&mut self, path: String, change: Change, from: Option<Both<'_>>, to: Option<Both<'_>>) {
        if self.fields.len() >= DIFFERENCES_MAX {
            self.left_out += 1;
            return;
        }
        let shown = |both: Option<Both<'_>>| both.map(|both| both.shown.clone());
        self.fields.push(Difference { path, change, from: shown(from), to: shown(to) });
    }

    /// One member or element, which either side may not have.
    fn entry(&mut self, path: String, from: Option<Both<'_>>, to: Option<Both<'_>>) {
        match (from, to) {
            (Some(from), Some(to)) => compare(self, path, from, to),
            (None, Some(to)) => self.push(path, Change::Added, None, Some(to)),
            (Some(from), None) => self.push(path, Change::Removed, Some(from), None),
            (None, None) => {}
        }
    }
}

fn compare(found: &mut Differences, path: String, from: Both<'_>, to: Both<'_>) {
    if from.raw == to.raw {
        return;
    }
    match ((from.raw, from.shown), (to.raw, to.shown)) {
        ((Value::Object(from), Value::Object(from_shown)), (Value::Object(to), Value::Object(to_shown))) => {
            let names: BTreeSet<&String> = from.keys().chain(to.keys()).collect();
            for name in names {
                let (from, to) = (Both::member(from, from_shown, name), Both::member(to, to_shown, name));
                found.entry(member_path(&path, name), from, to);
            }
        }
        ((Value::Array(_), Value::Array(_)), (Value::Array(_), Value::Array(_))) => lists(found, &path, from, to),
        _ => found.push(path, Change::Changed, Some(from), Some(to)),
    }
}

fn lists(found: &mut Differences, path: &str, from: Both<'_>, to: Both<'_>) {
    let (Some(old), Some(new)) = (from.named(), to.named()) else {
        for index in 0..from.len().max(to.len()) {
            found.entry(format!("{path}[{index}]"), from.at(index), to.at(index));
        }
        return;
    };
    let find = |list: &[(&str, Both<'_>)], name: &str| list.iter().position(|(other, _)| *other == name);
    let by_name = |list: &[(&str, _)]| list.iter().map(|(name, _)| (*name).to_owned()).collect::<Vec<_>>();
    for (name, from) in &old {
        let to = find(&new, name).map(|at| new[at].1);
        found.entry(format!("{path}[{}]", quoted(name)), Some(*from), to);
    }
    for (name, to) in new.iter().filter(|(name, _)| find(&old, name).is_none()) {
        found.entry(format!("{path}[{}]", quoted(name)), None, Some(*to));
    }
    let (mut old, mut new) = (by_name(&old), by_name(&new));
    old.retain(|name| new.contains(name));
    new.retain(|name| old.contains(name));
    if old != new {
        found.push(path.to_owned(), Change::Reordered, None, None);
    }
}

impl<'a> Both<'a> {
    fn member(raw: &'a Map<String, Value>, shown: &'a Map<String, Value>, name: &str) -> Option<Self> {
        Some(Both { raw: raw.get(name)?, shown: shown.get(name)? })
    }

    fn len(self) -> usize {
        self.raw.as_array().map_or(0, Vec::len)
    }

    fn at(self, index: usize) -> Option<Both<'a>> {
        Some(Both { raw: self.raw.get(index)?, shown: self.shown.get(index)? })
    }

    /// The elements of a list by their names, if each has one of its own.
    fn named(self) -> Option<Vec<(&'a str, Both<'a>)>> {
        let name = |element: &'a Value| IDENTITIES.iter().find_map(|field| element.get(field)?.as_str());
        let mut seen = BTreeSet::new();
        let element = |index| {
            let element = self.at(index)?;
            let name = name(element.raw)?;
            seen.insert(name).then_some((name, element))
        };
        (0..self.len()).map(element).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(from: &Value, to: &Value) -> Value {
        serde_json::to_value(differences(from, to).fields).unwrap()
    }

    #[test]
    fn elements_are_known_by_name_and_values_by_path() {
        let from = json!({"backends": [
            {"name": "a", "timeout_seconds": 1}, {"name": "b", "headers": {"authorization": "sk-1"}}, {"name": "c"}]});
        let to = json!({"backends": [
            {"name": "d x"}, {"name": "b", "headers": {"authorization": "sk-2"}}, {"name": "a", "timeout_seconds": 2}]});
        let expected = json!([
            {"path": "backends[\"a\"].timeout_seconds", "change": "changed", "from": 1, "to": 2},
            {"path": "backends[\"b\"].headers.authorization", "change": "changed", "from": "redacted", "to": "redacted"},
            {"path": "backends[\"c\"]", "change": "removed", "from": {"name": "c"}},
            {"path": "backends[\"d x\"]", "change": "added", "to": {"name": "d x"}},
            {"path": "backends", "change": "reordered"},
        ]);
        assert_eq!(told(&from, &to), expected);
        assert_eq!(told(&to, &to), json!([]));
    }

    #[test]
    fn elements_without_names_are_known_by_place() {
        let from = json!({"router": {"rules": [{"model_prefix": "a"}, {"model_prefix": "b"}]}});
        let to = json!({"router": {"rules": [{"model_prefix": "a", "exact": true}]}, "virtual_keys": []});
        let expected = json!([
            {"path": "router.rules[0].exact", "change": "added", "to": true},
            {"path": "router.rules[1]", "change": "removed", "from": {"model_prefix": "b"}},
            {"path": "virtual_keys", "change": "added", "to": []},
        ]);
        assert_eq!(told(&from, &to), expected);
    }

    #[test]
    fn only_so_many_are_told_and_the_rest_is_counted() {
        let from: Vec<usize> = (0..DIFFERENCES_MAX + 5).collect();
        let to: Vec<usize> = from.iter().map(|number| number + 1).collect();
        let found = differences(&json!({"list": from}), &json!({"list": to}));
        assert_eq!((found.fields.len(), found.left_out), (DIFFERENCES_MAX, 5));
    }
}

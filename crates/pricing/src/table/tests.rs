//! Names, and the form in which tables travel.

use super::*;

fn row(prefix: &str, price: &str) -> Row {
    Row { price: Price::flat(price, price).unwrap(), prefix: prefix.to_owned() }
}

fn table(rows: &[(&str, &str, &str)], taken: &[&str]) -> PriceTable {
    let rows = rows.iter().map(|(name, prefix, price)| ((*name).to_owned(), row(prefix, price))).collect();
    PriceTable::new(rows, &taken.iter().map(|name| (*name).to_owned()).collect())
}

/// The input price of a model, as text.
fn found(table: &PriceTable, model: &str) -> Option<String> {
    let price = table.get(model)?;
    Some(serde_json::to_value(price).unwrap().pointer("/l/0/i").unwrap().as_str().unwrap().to_owned())
}

fn some(price: &str) -> Option<String> {
    Some(price.to_owned())
}

#[test]
fn the_exact_name_comes_first() {
    let table =
        table(&[("gpt-4o", "openai", "1e-6"), ("openai/gpt-4o", "other", "2e-6"), ("x/gpt-4o", "x", "3e-6")], &[]);
    assert_eq!(found(&table, "gpt-4o"), some("1e-6"));
    assert_eq!(found(&table, "openai/gpt-4o"), some("2e-6"));
    assert_eq!(found(&table, "x/gpt-4o"), some("3e-6"));
}

#[test]
fn a_row_is_found_with_and_without_its_providers_prefix() {
    let table = table(&[("gpt-4o", "openai", "1e-6"), ("xai/grok-4", "xai", "2e-6"), ("lone", "", "3e-6")], &[]);
    assert_eq!(found(&table, "openai/gpt-4o"), some("1e-6"));
    assert_eq!(found(&table, "grok-4"), some("2e-6"));
    assert_eq!(found(&table, "lone"), some("3e-6"));
}

#[test]
fn nothing_else_is_found() {
    let table = table(&[("gpt-4o", "openai", "1e-6"), ("xai/grok-4", "xai", "2e-6"), ("lone", "", "3e-6")], &[]);
    for other in
        ["azure/gpt-4o", "xai/gpt-4o", "openai/grok-4", "x/lone", "/lone", "GPT-4o", "gpt-4", "gpt-4o-mini", ""]
    {
        assert_eq!(found(&table, other), None, "{other}");
    }
}

#[test]
fn providers_that_disagree_are_not_chosen_between() {
    let differing = table(&[("a/m", "a", "1e-6"), ("b/m", "b", "2e-6"), ("c/m", "c", "1e-6")], &[]);
    assert_eq!(found(&differing, "m"), None);
    assert_eq!(found(&differing, "b/m"), some("2e-6"));
    let agreeing = table(&[("a/m", "a", "1e-6"), ("b/m", "b", "1e-6")], &[]);
    assert_eq!(found(&agreeing, "m"), some("1e-6"));
}

#[test]
fn a_providers_own_name_beats_a_resellers() {
    let table = table(&[("gpt-4o", "openai", "1e-6"), ("reseller/openai/gpt-4o", "reseller", "2e-6")], &[]);
    assert_eq!(found(&table, "openai/gpt-4o"), some("1e-6"));
}

#[test]
fn a_row_without_a_price_is_not_priced_as_another() {
    let table = table(&[("a/m", "a", "1e-6"), ("n", "b", "2e-6")], &["m", "b/n"]);
    assert_eq!(found(&table, "m"), None);
    assert_eq!(found(&table, "b/n"), None);
}

#[test]
fn a_prefix_without_a_name_is_no_prefix() {
    let table = table(&[("a/", "a", "1e-6"), ("ab/m", "a", "2e-6")], &[]);
    assert_eq!(found(&table, ""), None);
    assert_eq!(found(&table, "b/m"), None);
    assert_eq!(found(&table, "a/ab/m"), some("2e-6"));
}

#[test]
fn a_selection_has_what_was_named_and_nothing_else() {
    let all = table(&[("gpt-4o", "openai", "1e-6"), ("a/m", "a", "1e-6"), ("b/m", "b", "2e-6")], &[]);
    let some_of_it = all.select(["openai/gpt-4o", "b/m", "m", "unknown"]);
    assert_eq!(some_of_it.len(), 2);
    assert_eq!(found(&some_of_it, "openai/gpt-4o"), some("1e-6"));
    assert_eq!(found(&some_of_it, "b/m"), some("2e-6"));
    assert_eq!(found(&some_of_it, "m"), None, "it was not clear in the whole table either");
    assert_eq!(some_of_it.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["b/m", "openai/gpt-4o"]);
}

#[test]
fn a_table_survives_its_serialised_form() {
    let table = table(
        &[
            ("gpt-4o", "openai", "1e-6"),
            ("xai/grok-4", "xai", "2e-6"),
            ("a/m", "a", "1e-6"),
            ("b/m", "b", "2e-6"),
            ("same/same/x", "same", "1e-6"),
            ("lone", "", "3e-6"),
        ],
        &[],
    );
    let json = serde_json::to_string(&table).unwrap();
    let read: PriceTable = serde_json::from_str(&json).unwrap();
    assert_eq!(read, table);
    assert_eq!(found(&read, "m"), None, "what was not clear does not become so");
    assert_eq!(found(&read, "grok-4"), some("2e-6"));
    assert!(json.contains(r#""xai":{"xai/grok-4":{"l":[{"i":"2e-6","o":"2e-6"}]}}"#), "{json}");
}

#[test]
fn an_empty_table_is_empty() {
    let empty = PriceTable::default();
    assert!(empty.is_empty() && empty.iter().next().is_none());
    assert_eq!(serde_json::to_string(&empty).unwrap(), "{}");
}

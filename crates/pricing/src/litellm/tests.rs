//! A small file of the real one's shapes, and what it must give.

use ditto_llm::usage::{ServiceTier, Usage};

use super::*;
use crate::price::Price;

/// Rows of every shape that the real file has.
const FIXTURE: &[u8] = include_bytes!("../../tests/fixtures/prices.json");

fn load_rows(rows: &str) -> Loaded {
    load(format!("{{{rows}}}").as_bytes()).unwrap()
}

/// The one price of a row with these members.
fn price(members: &str) -> Result<Price, Reason> {
    let loaded = load_rows(&format!(r#""m":{{{members}}}"#));
    match loaded.table.get("m") {
        Some(price) => Ok(price.clone()),
        None => Err(loaded.skipped.by_reason().next().unwrap().0),
    }
}

/// Micro-dollars of a call.
fn cost(price: &Price, input: u64, output: u64, tier: ServiceTier) -> u64 {
    crate::pico_to_micros_ceil(price.cost(&Usage { input, output, ..Usage::default() }, tier))
}

#[test]
fn the_fixture_gives_what_it_must() {
    let loaded = load(FIXTURE).unwrap();
    let golden = include_str!("../../tests/fixtures/prices.golden.json");
    let expected: PriceTable = serde_json::from_str(golden).unwrap();
    assert_eq!(loaded.table, expected, "{}", serde_json::to_string_pretty(&loaded.table).unwrap());
    assert_eq!(loaded.models, expected.len());
    let reasons: Vec<_> = loaded.skipped.by_reason().map(|(reason, rows)| (reason, rows.count)).collect();
    assert_eq!(
        reasons,
        [
            (Reason::Explanation, 1),
            (Reason::NoTokenPrice, 3),
            (Reason::NotByTokens, 2),
            (Reason::NotAnObject, 1),
            (Reason::Unreadable, 1),
            (Reason::Negative, 1),
            (Reason::TooHigh, 1)
        ]
    );
    assert_eq!(loaded.skipped.count(), 10);
    assert!(loaded.skipped.to_string().starts_with("10 rows skipped: 1 the file's own explanation, 3 no token price"));
}

#[test]
fn providers_answer_to_the_prefix_that_requests_use() {
    let table = load(FIXTURE).unwrap().table;
    for (asked, named) in [
        ("openai/plain-1", "plain-1"),
        ("vertex_ai/aurora-pro", "aurora-pro"),
        ("bedrock/acme.sonata-v1:0", "acme.sonata-v1:0"),
        ("openai/old-davinci", "old-davinci"),
        ("tiers-flash", "lakeside/tiers-flash"),
    ] {
        assert!(table.get(named).is_some(), "{named}");
        assert_eq!(table.get(asked), table.get(named), "{asked}");
    }
}

#[test]
fn numbers_may_be_written_in_any_way() {
    for written in ["0.000003", "3e-06", "3E-6", "\"3e-6\"", "\" 0.000003 \"", "3.000000e-6"] {
        let price = price(&format!(r#""input_cost_per_token":{written}"#)).unwrap();
        assert_eq!(cost(&price, 1000, 0, ServiceTier::Standard), 3000, "{written}");
    }
}

#[test]
fn prices_for_a_thousand_tokens_count_where_there_is_no_other() {
    let old = price(r#""input_cost_per_1k_tokens":0.003,"output_cost_per_1k_tokens":"0.015""#).unwrap();
    assert_eq!(cost(&old, 1000, 100, ServiceTier::Standard), 4500);
    let both = price(r#""input_cost_per_1k_tokens":9,"input_cost_per_token":0.000001"#).unwrap();
    assert_eq!(cost(&both, 1000, 0, ServiceTier::Standard), 1000);
}

#[test]
fn rows_without_a_usable_price_say_why() {
    for (members, reason) in [
        ("", Reason::NoTokenPrice),
        (r#""input_cost_per_token":null"#, Reason::NoTokenPrice),
        (r#""input_cost_per_token_priority":1e-6"#, Reason::NoTokenPrice),
        (r#""output_cost_per_image":0.04"#, Reason::NoTokenPrice),
        (r#""input_cost_per_token":0,"input_cost_per_query":0.002"#, Reason::NotByTokens),
        (r#""input_cost_per_token":-1"#, Reason::Negative),
        (r#""input_cost_per_token":1e-6,"output_cost_per_token_flex":-1e-6"#, Reason::Negative),
        (r#""input_cost_per_token":2"#, Reason::TooHigh),
        (r#""input_cost_per_token":1e999"#, Reason::TooHigh),
        (r#""input_cost_per_token":"NaN""#, Reason::Unreadable),
        (r#""input_cost_per_token":"free""#, Reason::Unreadable),
        (r#""input_cost_per_token":true"#, Reason::Unreadable),
        (r#""input_cost_per_token":{}"#, Reason::Unreadable),
        (r#""tiered_pricing":7"#, Reason::Unreadable),
        (r#""tiered_pricing":[{"range":["a",2],"input_cost_per_token":1e-6}]"#, Reason::Unreadable),
        (r#""tiered_pricing":[{"range":[-1,2],"input_cost_per_token":1e-6}]"#, Reason::Unreadable),
    ] {
        assert_eq!(price(members), Err(reason), "{members}");
    }
    let many: Vec<String> = (1..=40).map(|n| format!(r#""input_cost_per_token_above_{n}k_tokens":1e-6"#)).collect();
    assert_eq!(price(&format!(r#""input_cost_per_token":1e-6,{}"#, many.join(","))), Err(Reason::TooManyTiers));
    let long = load_rows(&format!(r#""{}":{{"input_cost_per_token":1e-6}}"#, "n".repeat(513)));
    assert_eq!(long.skipped.by_reason().next().unwrap().0, Reason::NameTooLong);
}

#[test]
fn what_is_free_is_free() {
    let free = price(r#""input_cost_per_token":0.0,"output_cost_per_token":0"#).unwrap();
    assert_eq!(cost(&free, 1_000_000, 1_000_000, ServiceTier::Priority), 0);
}

#[test]
fn tokens_of_other_kinds_are_not_free_for_want_of_a_text_price() {
    let images = price(r#""input_cost_per_token":1e-6,"output_cost_per_image_token":4e-5"#).unwrap();
    assert_eq!(cost(&images, 10, 10, ServiceTier::Standard), 410);
    let speech = price(r#""input_cost_per_audio_token":3e-6,"output_cost_per_token":1e-6"#).unwrap();
    assert_eq!(cost(&speech, 10, 10, ServiceTier::Standard), 40);
    let mixed = price(r#""input_cost_per_token":1e-6,"input_cost_per_audio_token":3e-6"#).unwrap();
    assert_eq!(cost(&mixed, 10, 0, ServiceTier::Standard), 10);
}

#[test]
fn tiers_by_range_are_thresholds() {
    let tiers = r#""output_cost_per_token":7e-6,"tiered_pricing":[
        {"range":[32000.0,128000.0],"input_cost_per_token":2e-6,"output_cost_per_token":20e-6},
        {"range":[0,32000.0],"input_cost_per_token":1e-6}]"#;
    let price = price(tiers).unwrap();
    assert_eq!(cost(&price, 32_000, 1, ServiceTier::Standard), 32_007);
    assert_eq!(cost(&price, 32_001, 1, ServiceTier::Standard), 64_022);
    assert_eq!(cost(&price, 500_000, 0, ServiceTier::Standard), 1_000_000, "the last tier has no end");
}

#[test]
fn a_tier_without_a_price_for_cached_input_does_not_borrow_another_tiers() {
    let tiers = r#""tiered_pricing":[
        {"range":[0,100],"input_cost_per_token":1e-6,"cache_read_input_token_cost":1e-7,"output_cost_per_token":0},
        {"range":[100,200],"input_cost_per_token":2e-6,"output_cost_per_token":0}]"#;
    let call = Usage { input: 101, cached_input: 101, ..Usage::default() };
    assert_eq!(price(tiers).unwrap().cost(&call, ServiceTier::Standard), 202 * crate::PICO_PER_MICRO);
}

#[test]
fn bounds_are_read_in_any_form() {
    let bounds = |members: &str| {
        let price = price(&format!(r#""input_cost_per_token":1e-6,{members}"#)).unwrap();
        (price.max_input_tokens(), price.max_output_tokens())
    };
    assert_eq!(bounds(r#""max_input_tokens":1e6,"max_output_tokens":"8192""#), (Some(1_000_000), Some(8192)));
    assert_eq!(bounds(r#""max_tokens":4096"#), (None, Some(4096)));
    assert_eq!(bounds(r#""max_tokens":9,"max_output_tokens":4096.0"#), (None, Some(4096)));
    assert_eq!(bounds(r#""max_input_tokens":"as many as fit","max_output_tokens":0"#), (None, None));
    assert_eq!(bounds(r#""max_input_tokens":-5,"max_output_tokens":1e300"#), (None, None));
}

#[test]
fn a_document_that_is_no_price_file_says_so() {
    for (json, error) in [
        ("[]", PriceError::NotAnObject),
        ("7", PriceError::NotAnObject),
        ("null", PriceError::NotAnObject),
        ("", PriceError::Truncated { line: 1 }),
        ("{\"a\":{\"input_cost_per_token\":1e-6},", PriceError::Truncated { line: 1 }),
        ("{}\n{}", PriceError::NotJson { line: 2, column: 1 }),
        ("<html>", PriceError::NotJson { line: 1, column: 1 }),
    ] {
        assert_eq!(load(json.as_bytes()), Err(error), "{json}");
    }
    assert!(matches!(load(b"{\"\xff\":1}"), Err(PriceError::NotJson { .. })));
    // What is cut off at the very end is a line end. A number that is cut after its point reads as a wrong one.
    for end in 0..FIXTURE.len() - 1 {
        assert!(load(FIXTURE.get(..end).unwrap()).is_err(), "cut at {end}");
    }
    assert_eq!(load(b"{}").map(|loaded| (loaded.models, loaded.skipped.count())), Ok((0, 0)));
}

#[test]
fn the_names_of_few_skipped_rows_are_kept() {
    let rows: Vec<String> = (0..100).map(|n| format!(r#""row-{n:02}":{{}}"#)).collect();
    let skipped = load_rows(&rows.join(",")).skipped;
    let (reason, rows) = skipped.by_reason().next().unwrap();
    assert_eq!((reason, rows.count), (Reason::NoTokenPrice, 100));
    assert_eq!(rows.examples, ["row-00", "row-01", "row-02", "row-03", "row-04"]);
}

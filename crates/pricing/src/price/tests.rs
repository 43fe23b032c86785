//! Sums that can be followed by hand. A millionth of a dollar is a million pico-dollars.

use super::*;

fn rate(text: &str) -> Option<Rate> {
    Some(Rate::parse(text).unwrap())
}

fn usage(input: u64, output: u64) -> Usage {
    Usage { input, output, ..Usage::default() }
}

/// Input 3, output 15, cached 0.3, creation 3.75, kept 6, reasoning 20 millionths; double above 200,000 tokens, less for
/// flex, more for priority.
fn rich() -> Price {
    let base = Line {
        input: rate("3e-6"),
        output: rate("15e-6"),
        cached: rate("0.3e-6"),
        creation: rate("3.75e-6"),
        kept: rate("6e-6"),
        reasoning: rate("20e-6"),
        ..Line::default()
    };
    let above = Line { above: 200_000, input: rate("6e-6"), output: rate("30e-6"), ..Line::default() };
    let flex = Line { class: Some(Class::Flex), input: rate("1e-6"), output: rate("7e-6"), ..Line::default() };
    let priority = Line { class: Some(Class::Priority), input: rate("5e-6"), ..Line::default() };
    let urgent_and_long =
        Line { above: 200_000, class: Some(Class::Priority), input: rate("11e-6"), ..Line::default() };
    Price::new(vec![urgent_and_long, above, priority, flex, base], Some(1_000_000), Some(64_000))
}

const MICRO: u64 = crate::PICO_PER_MICRO;

#[test]
fn each_kind_of_token_has_its_price() {
    let call = Usage { input: 1000, output: 100, cached_input: 400, cache_creation: 200, reasoning: 40 };
    // 400 × 3 + 400 × 0.3 + 200 × 3.75 + 60 × 15 + 40 × 20 = 1200 + 120 + 750 + 900 + 800
    assert_eq!(rich().cost(&call, ServiceTier::Standard), 3770 * MICRO);
    // 50 of the 200 are kept for long: 50 × (6 − 3.75) more.
    assert_eq!(rich().cost_with_kept_cache(&call, 50, ServiceTier::Standard), 3770 * MICRO + 112_500_000);
}

#[test]
fn missing_prices_fall_back() {
    let price = Price::flat("3e-6", "15e-6").unwrap();
    let call = Usage { input: 1000, output: 100, cached_input: 400, cache_creation: 200, reasoning: 40 };
    for tier in [ServiceTier::Standard, ServiceTier::Flex, ServiceTier::Priority, ServiceTier::Auto] {
        assert_eq!(price.cost(&call, tier), 4500 * MICRO);
    }
    let embeddings = Price::new(vec![Line { input: rate("1e-6"), ..Line::default() }], None, None);
    assert_eq!(embeddings.cost(&usage(10, 1000), ServiceTier::Standard), 10 * MICRO);
}

#[test]
fn writing_to_a_cache_for_nothing_still_is_input() {
    let line = Line { input: rate("3e-6"), creation: rate("0"), kept: rate("0"), ..Line::default() };
    let price = Price::new(vec![line], None, None);
    let call = Usage { input: 10, cache_creation: 10, ..Usage::default() };
    assert_eq!(price.cost_with_kept_cache(&call, 5, ServiceTier::Standard), 30 * MICRO);
}

#[test]
fn a_threshold_must_be_passed_and_counts_cached_input() {
    let price = rich();
    let at = price.cost(&usage(200_000, 0), ServiceTier::Standard);
    let past = price.cost(&usage(200_001, 0), ServiceTier::Standard);
    assert_eq!((at, past), (600_000 * MICRO, 1_200_006 * MICRO));
    let cached = Usage { input: 200_001, output: 10, cached_input: 200_000, ..Usage::default() };
    // Above the threshold cached input has no price of its own, so that the lower one stays.
    assert_eq!(price.cost(&cached, ServiceTier::Standard), (60_000 + 6 + 300) * MICRO);
}

#[test]
fn a_new_price_of_output_is_that_of_reasoning_too() {
    let call = Usage { input: 200_001, output: 10, reasoning: 10, ..Usage::default() };
    assert_eq!(rich().cost(&call, ServiceTier::Standard), (1_200_006 + 300) * MICRO);
    let short = Usage { input: 0, output: 10, reasoning: 10, ..Usage::default() };
    assert_eq!(rich().cost(&short, ServiceTier::Flex), 70 * MICRO);
    assert_eq!(rich().cost(&short, ServiceTier::Priority), 200 * MICRO, "priority has no price of output");
}

#[test]
fn classes_and_thresholds_combine() {
    let price = rich();
    assert_eq!(price.cost(&usage(10, 10), ServiceTier::Flex), 80 * MICRO);
    assert_eq!(price.cost(&usage(10, 10), ServiceTier::Priority), 200 * MICRO);
    assert_eq!(price.cost(&usage(300_000, 1), ServiceTier::Priority), 3_300_030 * MICRO);
    assert_eq!(price.cost(&usage(300_000, 1), ServiceTier::Flex), 1_800_030 * MICRO, "flex has no price above");
    assert_eq!(price.cost(&usage(10, 10), ServiceTier::Auto), 200 * MICRO, "the dearest");
}

#[test]
fn a_charge_is_rounded_up_once() {
    let price = Price::flat("0.4e-12", "0.4e-12").unwrap();
    assert_eq!(price.cost(&usage(0, 0), ServiceTier::Standard), 0);
    assert_eq!(price.cost(&usage(1, 1), ServiceTier::Standard), 1, "0.8, not 1 + 1");
    assert_eq!(price.cost(&usage(2, 1), ServiceTier::Standard), 2, "1.2");
    assert_eq!(price.cost(&usage(5, 0), ServiceTier::Standard), 2, "exactly 2");
}

#[test]
fn contradictions_are_cut() {
    let call = Usage { input: 10, output: 1, cached_input: 50, cache_creation: 50, reasoning: 50 };
    assert_eq!(rich().cost_with_kept_cache(&call, 50, ServiceTier::Standard), (3 + 20) * MICRO);
}

#[test]
fn what_cannot_be_counted_is_the_most_that_can() {
    let dear = Price::flat("1", "1").unwrap();
    let all = Usage { input: u64::MAX, output: u64::MAX, ..Usage::default() };
    assert_eq!(dear.cost(&all, ServiceTier::Standard), u64::MAX);
    assert_eq!(dear.worst_case(u64::MAX, u64::MAX, ServiceTier::Auto), u64::MAX);
    let most = u64::MAX / 1_000_000_000_000;
    assert_eq!(dear.cost(&usage(most, 0), ServiceTier::Standard), most * 1_000_000_000_000);
    assert_eq!(dear.cost(&usage(most + 1, 0), ServiceTier::Standard), u64::MAX);
}

#[test]
fn the_worst_case_is_reached() {
    let price = rich();
    // All input written to the cache and kept, all output reasoning: 1000 × 6 + 100 × 20.
    assert_eq!(price.worst_case(1000, 100, ServiceTier::Standard), 8000 * MICRO);
    // Flex may be served as standard.
    assert_eq!(price.worst_case(1000, 100, ServiceTier::Flex), 8000 * MICRO);
    let cheaper_above = Line { above: 100, input: rate("1e-6"), ..Line::default() };
    let base = Line { input: rate("3e-6"), output: rate("1e-6"), ..Line::default() };
    let falling = Price::new(vec![base, cheaper_above], None, None);
    assert_eq!(falling.worst_case(101, 0, ServiceTier::Standard), 300 * MICRO, "a call of 100 is the dearest");
    assert_eq!(falling.worst_case(1000, 0, ServiceTier::Standard), 1000 * MICRO);
}

#[test]
fn bounds_are_told() {
    assert_eq!((rich().max_input_tokens(), rich().max_output_tokens()), (Some(1_000_000), Some(64_000)));
    let flat = Price::flat("0", "0").unwrap();
    assert_eq!((flat.max_input_tokens(), flat.max_output_tokens()), (None, None));
    assert!(flat.is_free() && !rich().is_free());
}

#[test]
fn the_serialised_form_is_short() {
    let json = serde_json::to_string(&Price::flat("0.000003", "1.5e-5").unwrap()).unwrap();
    assert_eq!(json, r#"{"l":[{"i":"3e-6","o":"15e-6"}]}"#);
    let json = serde_json::to_string(&rich()).unwrap();
    assert!(json.contains(r#"{"a":200000,"t":"p","i":"11e-6"}],"n":1000000,"m":64000}"#), "{json}");
}

//! What holds for every price and every call.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;

/// Places of the generated prices: coarse enough for the reference to be exact in a `u128` without tricks.
const PLACES: u32 = 18;

/// A generated price as the reference sees it: a number of 10⁻¹⁸ dollars, and the same as a [`Rate`].
fn rate() -> impl Strategy<Value = Rate> {
    // Prices near each other and far apart, zero among them.
    prop_oneof![Just(0_u64), 1..1000_u64, 1..1_000_000_000_000_u64].prop_map(of)
}

fn of(attos: u64) -> Rate {
    Rate::parse(&format!("{attos}e-{PLACES}")).unwrap()
}

fn attos(rate: Rate) -> u128 {
    rate.units() / 10_u128.pow(30 - PLACES)
}

fn line() -> impl Strategy<Value = Line> {
    let above = prop_oneof![Just(0_u64), 1..50_u64, Just(1000_u64)];
    let class = option::of(prop_oneof![Just(Class::Flex), Just(Class::Priority)]);
    let some = || option::of(rate());
    (above, class, some(), some(), some(), some(), some(), some()).prop_map(
        |(above, class, input, output, cached, creation, kept, reasoning)| Line {
            above,
            class,
            input,
            output,
            cached,
            creation,
            kept,
            reasoning,
        },
    )
}

/// Any price at all: thresholds, classes and kinds may be dearer or cheaper than each other.
fn price() -> impl Strategy<Value = Price> {
    (vec(line(), 0..7), option::of(any::<u64>()), option::of(any::<u64>()))
        .prop_map(|(lines, input, output)| Price::new(lines, input, output))
}

fn tier() -> impl Strategy<Value = ServiceTier> {
    prop_oneof![
        Just(ServiceTier::Standard),
        Just(ServiceTier::Flex),
        Just(ServiceTier::Priority),
        Just(ServiceTier::Auto)
    ]
}

fn tokens() -> impl Strategy<Value = u64> {
    prop_oneof![4 => 0..60_u64, 2 => 900..1100_u64, 1 => 0..10_000_000_u64, 1 => any::<u64>()]
}

fn usage() -> impl Strategy<Value = Usage> {
    (tokens(), tokens(), tokens(), tokens(), tokens()).prop_map(
        |(input, output, cached_input, cache_creation, reasoning)| Usage {
            input,
            output,
            cached_input,
            cache_creation,
            reasoning,
        },
    )
}

/// The tiers that may be billed when this one was asked for.
fn outcomes(asked: ServiceTier) -> Vec<ServiceTier> {
    match asked {
        ServiceTier::Auto => vec![ServiceTier::Standard, ServiceTier::Flex, ServiceTier::Priority, ServiceTier::Auto],
        other => vec![other, ServiceTier::Standard],
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_call_within_its_bounds_costs_more_than_the_worst_case(
        price in price(),
        call in usage(),
        kept in tokens(),
        (more_input, more_output) in (tokens(), tokens()),
        asked in tier(),
    ) {
        let bounds = (call.input.saturating_add(more_input), call.output.saturating_add(more_output));
        let worst = price.worst_case(bounds.0, bounds.1, asked);
        for billed in outcomes(asked) {
            prop_assert!(price.cost(&call, billed) <= worst);
            prop_assert!(price.cost_with_kept_cache(&call, kept, billed) <= worst);
        }
    }

    #[test]
    fn some_call_within_the_bounds_costs_the_worst_case(
        price in price(),
        (input, output) in (0..60_u64, 0..60_u64),
        asked in tier(),
    ) {
        let splits = |all: u64| [(0, 0), (all, 0), (0, all)];
        let mut dearest = 0;
        for shorter in 0..=input {
            for (cached_input, cache_creation) in splits(shorter) {
                for (reasoning, kept) in [(0, 0), (output, 0), (0, shorter), (output, shorter)] {
                    let call = Usage { input: shorter, output, cached_input, cache_creation, reasoning };
                    for billed in outcomes(asked) {
                        dearest = dearest.max(price.cost_with_kept_cache(&call, kept, billed));
                    }
                }
            }
        }
        prop_assert_eq!(price.worst_case(input, output, asked), dearest);
    }

    #[test]
    fn the_worst_case_grows_with_its_bounds(
        price in price(),
        (input, output, more_input, more_output) in (tokens(), tokens(), tokens(), tokens()),
        tier in tier(),
    ) {
        let larger = (input.saturating_add(more_input), output.saturating_add(more_output));
        prop_assert!(price.worst_case(input, output, tier) <= price.worst_case(larger.0, larger.1, tier));
    }

    #[test]
    fn more_output_never_costs_less(price in price(), call in usage(), more in tokens(), tier in tier()) {
        let longer = Usage { output: call.output.saturating_add(more), ..call };
        prop_assert!(price.cost(&call, tier) <= price.cost(&longer, tier));
    }

    #[test]
    fn more_input_never_costs_less_where_prices_rise_with_thresholds(
        base in line(),
        factors in vec((1..2000_u64, 1..4_u64), 0..4),
        call in usage(),
        more in tokens(),
        tier in tier(),
    ) {
        let times = |rate: Option<Rate>, factor: u64| {
            rate.map(|rate| of(u64::try_from(attos(rate)).unwrap().saturating_mul(factor)))
        };
        let mut lines = vec![Line { above: 0, class: None, ..base.clone() }];
        let mut all: u64 = 1;
        let mut sorted = factors;
        sorted.sort_by_key(|(above, _)| *above);
        for (above, factor) in sorted {
            all *= factor;
            lines.push(Line {
                above,
                class: None,
                input: times(base.input, all),
                output: times(base.output, all),
                cached: times(base.cached, all),
                creation: times(base.creation, all),
                kept: times(base.kept, all),
                reasoning: times(base.reasoning, all),
            });
        }
        let price = Price::new(lines, None, None);
        let longer = Usage { input: call.input.saturating_add(more), ..call };
        prop_assert!(price.cost(&call, tier) <= price.cost(&longer, tier));
    }

    #[test]
    fn a_dearer_kind_costs_more_and_a_cheaper_one_less(
        (input, cached, output, reasoning) in (rate(), rate(), rate(), rate()),
        call in usage(),
    ) {
        let line = Line {
            input: Some(input),
            cached: Some(cached),
            output: Some(output),
            reasoning: Some(reasoning),
            ..Line::default()
        };
        let price = Price::new(vec![line], None, None);
        let plain = Usage { cached_input: 0, reasoning: 0, cache_creation: 0, ..call };
        let from_cache = Usage { cached_input: call.cached_input, ..plain };
        let thinking = Usage { reasoning: call.reasoning, ..plain };
        let cost = |usage: &Usage| price.cost(usage, ServiceTier::Standard);
        prop_assert_eq!(cost(&from_cache).max(cost(&plain)), cost(if cached >= input { &from_cache } else { &plain }));
        prop_assert_eq!(cost(&thinking).max(cost(&plain)), cost(if reasoning >= output { &thinking } else { &plain }));
    }

    #[test]
    fn a_cost_is_the_exact_sum_rounded_up(
        rates in [rate(), rate(), rate(), rate(), rate()],
        // A sound call, so that the parts are simply what they are.
        (fresh, cached, created, visible, hidden) in
            (0..1_000_000_u64, 0..1_000_000_u64, 0..1_000_000_u64, 0..1_000_000_u64, 0..1_000_000_u64),
    ) {
        let [input, from_cache, creation, output, reasoning] = rates;
        let price = Price::new(
            vec![Line {
                input: Some(input),
                cached: Some(from_cache),
                creation: Some(creation),
                output: Some(output),
                reasoning: Some(reasoning),
                ..Line::default()
            }],
            None,
            None,
        );
        let call = Usage {
            input: fresh + cached + created,
            output: visible + hidden,
            cached_input: cached,
            cache_creation: created,
            reasoning: hidden,
        };
        let creation = if creation.is_zero() { input } else { creation };
        let parts =
            [(fresh, input), (cached, from_cache), (created, creation), (visible, output), (hidden, reasoning)];
        let exact: u128 = parts.iter().map(|(tokens, rate)| u128::from(*tokens) * attos(*rate)).sum();
        // In 10⁻¹⁸ dollars; a pico-dollar is a million of them.
        let pico = u128::from(price.cost(&call, ServiceTier::Standard));
        prop_assert!(pico * 1_000_000 >= exact);
        prop_assert!(pico == 0 || (pico - 1) * 1_000_000 < exact);
    }

    #[test]
    fn a_price_survives_its_serialised_form(price in price()) {
        let json = serde_json::to_string(&price).unwrap();
        prop_assert_eq!(serde_json::from_str::<Price>(&json).unwrap(), price);
    }
}

use std::collections::BTreeMap;

use ditto_llm::usage::{ServiceTier, Usage};
use ditto_pricing::{Price, PriceTable};
use serde::de::IgnoredAny;

const TIERS: [ServiceTier; 4] = [ServiceTier::Standard, ServiceTier::Flex, ServiceTier::Priority, ServiceTier::Auto];
/// Numbers of tokens around which prices may change, and the largest.
const TOKENS: [u64; 7] = [0, 1, 999, 128_001, 200_000, 200_001, u64::MAX];

/// A price file is read whole or refused; each of its models is a row or was skipped; and no call costs more than the
/// worst case of its tokens.
pub fn price_list(bytes: &[u8]) {
    // Only the names: the reader must see as many, if it sees an object at all.
    let names = serde_json::from_slice::<BTreeMap<String, IgnoredAny>>(bytes);
    let loaded = match PriceTable::from_litellm(bytes) {
        Ok(loaded) => loaded,
        Err(error) => {
            assert!(names.is_err() || std::str::from_utf8(bytes).is_err(), "refused against the parser: {error}");
            assert!(!error.to_string().contains('\n'));
            return;
        }
    };
    let names = names.expect("what the loader takes is an object");
    let (table, skipped) = (&loaded.table, &loaded.skipped);
    assert_eq!(table.len(), loaded.models);
    assert_eq!(table.len() + skipped.count(), names.len(), "{skipped}");
    for (_, rows) in skipped.by_reason() {
        assert!(rows.examples.len() <= rows.count);
        assert!(rows.examples.iter().all(|name| table.iter().all(|(row, _)| row != name)), "taken and skipped");
    }
    for (name, price) in table.iter() {
        assert!(names.contains_key(name));
        assert_eq!(table.get(name), Some(price));
        assert_eq!(table.select([name]).get(name), Some(price));
        costs(price);
    }
    let written = serde_json::to_string(table).expect("prices are plain data");
    let again: PriceTable = serde_json::from_str(&written).expect("prices can be read");
    assert_eq!(again, *table, "{written}");
}

fn costs(price: &Price) {
    for (at, &input) in TOKENS.iter().enumerate() {
        let other = TOKENS.iter().cycle().skip(at + 3);
        for (&output, &part) in TOKENS.iter().zip(other) {
            let plain = Usage { input, output, ..Usage::default() };
            let split = Usage { cached_input: part, cache_creation: input - input / 3, reasoning: part, ..plain };
            for tier in TIERS {
                let worst = price.worst_case(input, output, tier);
                assert!(price.cost(&plain, tier) <= worst && price.cost(&split, tier) <= worst, "{plain:?} {tier:?}");
                assert!(price.cost_with_kept_cache(&split, part, tier) <= worst, "{split:?} {tier:?}");
                assert!(!price.is_free() || worst == 0);
            }
        }
    }
}

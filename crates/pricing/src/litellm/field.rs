//! What the members of a row are called.
//!
//! A name is a base, then any of: a threshold (`_above_200k_tokens`), a class of service (`_priority`, `_flex`), and for
//! writing to the cache how long it is kept (`_above_1hr`). Their order differs between rows. Names with anything else
//! in them (`_batches`, `_ultrafast`) are prices of what this gateway does not serve.

use crate::price::Class;

/// Which price a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Input,
    Output,
    Cached,
    Creation,
    Kept,
    Reasoning,
}

/// A member that is a price of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) kind: Kind,
    /// Applies above this number of input tokens.
    pub(super) above: u64,
    pub(super) class: Option<Class>,
    /// Whether the price is for a thousand tokens.
    pub(super) per_thousand: bool,
    /// An older name, which counts only where the row has not the newer one.
    pub(super) older: bool,
}

/// Bases, with what they mean: the kind, whether per thousand, whether an older name. A base that another one begins
/// with is harmless: what is left of the name then is no suffix.
const BASES: [(&str, Kind, bool, bool); 8] = [
    ("input_cost_per_token", Kind::Input, false, false),
    ("output_cost_per_token", Kind::Output, false, false),
    ("output_cost_per_reasoning_token", Kind::Reasoning, false, false),
    ("cache_read_input_token_cost", Kind::Cached, false, false),
    ("cache_creation_input_token_cost", Kind::Creation, false, false),
    ("input_cost_per_token_cache_hit", Kind::Cached, false, true),
    ("input_cost_per_1k_tokens", Kind::Input, true, true),
    ("output_cost_per_1k_tokens", Kind::Output, true, true),
];

/// What a member's name says; `None` when it is not a price of tokens that are billed here.
pub(super) fn parse(name: &str) -> Option<Field> {
    BASES.iter().find_map(|(base, kind, per_thousand, older)| {
        let field = Field { kind: *kind, above: 0, class: None, per_thousand: *per_thousand, older: *older };
        suffixes(field, name.strip_prefix(base)?)
    })
}

fn suffixes(mut field: Field, mut rest: &str) -> Option<Field> {
    while !rest.is_empty() {
        let class = [("_priority", Class::Priority), ("_flex", Class::Flex)]
            .into_iter()
            .find_map(|(suffix, class)| Some((rest.strip_prefix(suffix)?, class)));
        if let Some((after, class)) = class {
            // Each suffix once.
            if field.class.replace(class).is_some() {
                return None;
            }
            rest = after;
            continue;
        }
        let above = rest.strip_prefix("_above_")?;
        let end = above.find(|c: char| !c.is_ascii_digit())?;
        let (digits, unit) = above.split_at_checked(end)?;
        let number: u64 = digits.parse().ok()?;
        if let Some(after) = unit.strip_prefix("hr") {
            if field.kind != Kind::Creation {
                return None;
            }
            field.kind = Kind::Kept;
            rest = after;
            continue;
        }
        let (after, scale) = match unit.strip_prefix("k_tokens") {
            Some(after) => (after, 1000),
            None => (unit.strip_prefix("_tokens")?, 1),
        };
        if field.above != 0 || number == 0 {
            return None;
        }
        field.above = number.checked_mul(scale)?;
        rest = after;
    }
    Some(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(kind: Kind, above: u64, class: Option<Class>) -> Option<Field> {
        Some(Field { kind, above, class, per_thousand: false, older: false })
    }

    #[test]
    fn bases_are_known() {
        assert_eq!(parse("input_cost_per_token"), price(Kind::Input, 0, None));
        assert_eq!(parse("output_cost_per_token"), price(Kind::Output, 0, None));
        assert_eq!(parse("output_cost_per_reasoning_token"), price(Kind::Reasoning, 0, None));
        assert_eq!(parse("cache_read_input_token_cost"), price(Kind::Cached, 0, None));
        let thousand = parse("input_cost_per_1k_tokens").unwrap();
        assert!(thousand.kind == Kind::Input && thousand.per_thousand && thousand.older);
        let hit = parse("input_cost_per_token_cache_hit").unwrap();
        assert!(hit.kind == Kind::Cached && hit.older && !hit.per_thousand);
    }

    #[test]
    fn suffixes_combine_in_any_order() {
        let expected = price(Kind::Input, 200_000, Some(Class::Priority));
        assert_eq!(parse("input_cost_per_token_above_200k_tokens_priority"), expected);
        assert_eq!(parse("input_cost_per_token_priority_above_200k_tokens"), expected);
        assert_eq!(parse("output_cost_per_token_above_128_tokens"), price(Kind::Output, 128, None));
        assert_eq!(parse("cache_creation_input_token_cost_above_1hr"), price(Kind::Kept, 0, None));
        assert_eq!(
            parse("cache_creation_input_token_cost_above_12hr_above_272k_tokens_flex"),
            price(Kind::Kept, 272_000, Some(Class::Flex))
        );
    }

    #[test]
    fn other_members_are_not_prices_of_tokens_that_are_billed() {
        for name in [
            "mode",
            "input_cost_per_token_batches",
            "input_cost_per_token_above_200k_tokens_batches",
            "input_cost_per_token_ultrafast",
            "input_cost_per_token_priority_flex",
            "input_cost_per_token_prioritys",
            "input_cost_per_token_above_200k_tokens_above_300k_tokens",
            "input_cost_per_token_above_0k_tokens",
            "input_cost_per_token_above_99999999999999999999_tokens",
            "input_cost_per_token_above_18446744073709551615k_tokens",
            "input_cost_per_token_above_k_tokens",
            "input_cost_per_token_above_",
            "input_cost_per_token_above_5",
            "input_cost_per_token_above_1hr",
            "input_cost_per_video_per_second_above_8s_interval",
            "input_cost_per_audio_token",
            "input_dbu_cost_per_token",
            "cache_read_input_audio_token_cost",
        ] {
            assert_eq!(parse(name), None, "{name}");
        }
    }
}

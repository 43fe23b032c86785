//! What models of a generation allow. The API refuses by model; names that are not Claude's are taken as permissive.
//! <https://platform.claude.com/docs/en/about-claude/models/migration-guide> (seen 2026-11).

/// A model's generation, such as 4.5; `None` for names that do not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Generation(Option<(u32, u32)>);

impl Generation {
    /// Reads `claude-sonnet-4-5-20250929`, `claude-3-5-haiku-latest`, `claude-opus-5` and their like.
    pub(super) fn of(model: &str) -> Self {
        let Some((_, rest)) = model.split_once("claude-") else { return Self(None) };
        let mut numbers = rest
            .split(['-', '@', ':', '.'])
            .skip_while(|word| !word.starts_with(|first: char| first.is_ascii_digit()))
            // Longer ones are dates.
            .map_while(|word| word.parse::<u32>().ok().filter(|_| word.len() <= 2));
        Self(numbers.next().map(|major| (major, numbers.next().unwrap_or(0))))
    }

    fn is_from(self, major: u32, minor: u32) -> bool {
        self.0.is_some_and(|generation| generation >= (major, minor))
    }

    /// Whether `temperature` and `top_p` may be given together.
    pub(super) fn takes_both_samplings(self) -> bool {
        !self.is_from(4, 5)
    }

    /// Whether `temperature`, `top_p` and `top_k` may be given at all.
    pub(super) fn takes_sampling(self) -> bool {
        !self.is_from(4, 7)
    }

    /// Whether thinking may have a budget.
    pub(super) fn takes_budgets(self) -> bool {
        !self.is_from(4, 7)
    }

    /// Whether the model may decide by itself how long to think.
    pub(super) fn thinks_adaptively(self) -> bool {
        self.0.is_none() || self.is_from(4, 6)
    }

    /// Whether the last message may be the assistant's, to be continued.
    pub(super) fn takes_prefill(self) -> bool {
        !self.is_from(4, 6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_generation() {
        let cases = [
            ("claude-sonnet-4-5-20250929", Some((4, 5))),
            ("claude-3-5-haiku-20241022", Some((3, 5))),
            ("claude-opus-4-20250514", Some((4, 0))),
            ("anthropic.claude-opus-4-7-v1:0", Some((4, 7))),
            ("claude-sonnet-4-5@20250929", Some((4, 5))),
            ("claude-opus-5", Some((5, 0))),
            ("gpt-4o-mini", None),
            ("claude-latest", None),
        ];
        for (model, generation) in cases {
            assert_eq!(Generation::of(model), Generation(generation), "{model}");
        }
    }
}

//! How much to think: some dialects have words for it, some count tokens.

/// Words for how much to think, from OpenAI's `reasoning_effort`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effort {
    /// Not at all.
    None,
    /// As little as can be.
    Minimal,
    /// A little.
    Low,
    /// Some.
    Medium,
    /// Much.
    High,
    /// More.
    XHigh,
    /// As much as can be.
    Max,
}

/// Whether and how much to think.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reasoning {
    /// In words.
    pub effort: Option<Effort>,
    /// In tokens, at most; part of the output. `Some(0)`: not at all.
    pub budget: Option<u64>,
    /// The model itself decides how much.
    pub adaptive: bool,
    /// The thoughts are to be shown; `None`: as the provider does it.
    pub show: Option<bool>,
}

impl Effort {
    /// OpenAI's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::XHigh => "xhigh",
            Self::Max => "max",
        }
    }

    /// The effort of this word, in any case.
    pub fn of_name(name: &str) -> Option<Self> {
        let all = [Self::None, Self::Minimal, Self::Low, Self::Medium, Self::High, Self::XHigh, Self::Max];
        all.into_iter().find(|effort| name.eq_ignore_ascii_case(effort.name()))
    }

    /// Tokens for an effort, where only tokens can be said. The steps are those that Google documents for its
    /// OpenAI-compatible endpoint (1,024, 8,192 and 24,576): <https://ai.google.dev/gemini-api/docs/openai#thinking>.
    pub fn budget(self) -> u64 {
        match self {
            Self::None => 0,
            Self::Minimal | Self::Low => 1_024,
            Self::Medium => 8_192,
            Self::High => 24_576,
            Self::XHigh | Self::Max => 32_768,
        }
    }

    /// The word for so many tokens.
    pub fn of_budget(tokens: u64) -> Self {
        match tokens {
            0 => Self::None,
            1..=2_048 => Self::Low,
            2_049..=12_288 => Self::Medium,
            _ => Self::High,
        }
    }
}

impl Reasoning {
    /// In words, if something is said at all.
    pub fn effort(&self) -> Option<Effort> {
        self.effort.or_else(|| self.budget.map(Effort::of_budget))
    }

    /// In tokens, if something is said at all.
    pub fn budget(&self) -> Option<u64> {
        self.budget.or_else(|| self.effort.map(Effort::budget))
    }

    /// Whether thinking is switched off.
    pub fn is_off(&self) -> bool {
        self.effort == Some(Effort::None) || self.budget == Some(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_a_way_over_tokens() {
        for effort in [Effort::None, Effort::Low, Effort::Medium, Effort::High] {
            assert_eq!(Effort::of_budget(effort.budget()), effort);
            assert_eq!(Effort::of_name(&effort.name().to_uppercase()), Some(effort));
        }
    }
}

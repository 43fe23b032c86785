//! What Claude models differ in, by their names.
//!
//! The versions are those of <https://platform.claude.com/docs/en/build-with-claude/adaptive-thinking>,
//! <https://platform.claude.com/docs/en/build-with-claude/effort> and
//! <https://platform.claude.com/docs/en/about-claude/models/migration-guide> (seen 2026-11):
//!
//! | Models | Thinking | Efforts | Sampling |
//! | --- | --- | --- | --- |
//! | before 4.6, and other makers' | a budget of tokens | none | yes |
//! | 4.6 | adaptive | low to high, max | yes |
//! | 4.7, 4.8 | adaptive, off unless asked for | and xhigh | none |
//! | 5 and later | adaptive, on unless switched off | and xhigh | none |
//! | Fable, Mythos | adaptive, always | and xhigh | none |

use crate::reasoning::Effort;

/// How a model takes thinking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ThinkingForm {
    /// `enabled` with `budget_tokens`; off when nothing is said.
    Budget,
    /// `adaptive` with `output_config.effort`; off when nothing is said.
    Adaptive,
    /// The same; on when nothing is said.
    AdaptiveByDefault,
    /// The same; cannot be switched off.
    Always,
}

/// What a model can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Model {
    /// How it takes thinking.
    pub(super) thinking: ThinkingForm,
    /// It knows the effort `xhigh`.
    pub(super) xhigh: bool,
    /// It takes `temperature`, `top_p` and `top_k`.
    pub(super) sampling: bool,
    /// It takes `temperature` and `top_p` together.
    pub(super) both: bool,
}

impl Model {
    /// What the model of this name can do. A name without `claude` is another maker's, on a server that is
    /// compatible: those follow the older forms.
    pub(super) fn of_name(name: &str) -> Self {
        let version = version(name).unwrap_or_default();
        let always = name.contains("claude-fable") || name.contains("claude-mythos");
        let thinking = match version {
            _ if always => ThinkingForm::Always,
            (5.., _) => ThinkingForm::AdaptiveByDefault,
            version if version >= (4, 6) => ThinkingForm::Adaptive,
            _ => ThinkingForm::Budget,
        };
        let newer = always || version >= (4, 7);
        Self { thinking, xhigh: newer, sampling: !newer, both: version < (4, 1) }
    }

    /// Its word for an effort.
    pub(super) fn effort(self, effort: Effort) -> &'static str {
        match effort {
            Effort::None | Effort::Minimal | Effort::Low => "low",
            Effort::Medium => "medium",
            Effort::XHigh if self.xhigh => "xhigh",
            Effort::High | Effort::XHigh => "high",
            Effort::Max => "max",
        }
    }
}

/// Major and minor version: of `claude-opus-4-7`, `anthropic.claude-3-7-sonnet-20250219-v1:0`, `claude-4.6-opus`.
fn version(name: &str) -> Option<(u32, u32)> {
    let (_, rest) = name.split_once("claude")?;
    let mut words = rest.split(|letter: char| !letter.is_ascii_alphanumeric());
    let number = |word: &str| if word.len() <= 2 { word.parse().ok() } else { None };
    let major = words.by_ref().find_map(number)?;
    Some((major, words.next().and_then(number).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_stand_in_names_in_many_ways() {
        for (name, expected) in [
            ("claude-opus-4-7", Some((4, 7))),
            ("anthropic.claude-3-7-sonnet-20250219-v1:0", Some((3, 7))),
            ("us.anthropic.claude-sonnet-4-20250514-v1:0", Some((4, 0))),
            ("anthropic.claude-opus-4-6-v1", Some((4, 6))),
            ("claude-sonnet-4-5@20250929", Some((4, 5))),
            ("anthropic/claude-4.6-opus", Some((4, 6))),
            ("claude-opus-5", Some((5, 0))),
            ("claude-instant", None),
            ("glm-5.2", None),
        ] {
            assert_eq!(version(name), expected, "{name}");
        }
    }

    #[test]
    fn newer_models_take_efforts_and_no_sampling() {
        let old = Model::of_name("claude-haiku-4-5-20251001");
        assert_eq!((old.thinking, old.sampling, old.both), (ThinkingForm::Budget, true, false));
        let between = Model::of_name("claude-sonnet-4-6");
        assert_eq!((between.thinking, between.sampling), (ThinkingForm::Adaptive, true));
        assert_eq!(between.effort(Effort::XHigh), "high");
        let new = Model::of_name("claude-opus-4-8");
        assert_eq!((new.thinking, new.sampling, new.effort(Effort::XHigh)), (ThinkingForm::Adaptive, false, "xhigh"));
        assert_eq!(Model::of_name("claude-opus-5").thinking, ThinkingForm::AdaptiveByDefault);
        assert_eq!(Model::of_name("claude-fable-5").thinking, ThinkingForm::Always);
        let other = Model::of_name("glm-5.2");
        assert_eq!((other.thinking, other.sampling, other.both), (ThinkingForm::Budget, true, true));
    }
}

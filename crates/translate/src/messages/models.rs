//! What Claude models differ in, by their names.
//!
//! The versions are those of <https://platform.claude.com/docs/en/build-with-claude/adaptive-thinking>,
//! <https://platform.claude.com/docs/en/build-with-claude/effort> and
//! <https://platform.claude.com/docs/en/about-claude/models/migration-guide> (seen 2026-11):
//!
//! | Models | Thinking | Efforts | Sampling, prefill, forced tools |
//! | --- | --- | --- | --- |
//! | before 4.6, and other makers' | a budget of tokens | none | all |
//! | 4.6 | adaptive, off unless asked for | low to high, max | no prefill |
//! | 4.7, 4.8 | the same | and xhigh | forced tools only |
//! | 5, Haiku 5.5, names without a version | adaptive, on unless `disabled` | and xhigh | forced tools only |
//! | Sonnet 5.5 | adaptive, on unless `between_tools` | and xhigh | none |
//! | Opus 5.5, Fable, Mythos | adaptive, always | and xhigh | none |

use crate::reasoning::Effort;

/// How a model takes thinking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ThinkingForm {
    /// `enabled` with `budget_tokens`.
    Budget,
    /// `adaptive` with `output_config.effort`.
    Adaptive,
}

/// How a model is told not to think.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Off {
    /// By saying nothing.
    Unsaid,
    /// By this type of `thinking`.
    Type(&'static str),
    /// Not at all.
    Never,
}

/// What a model can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Model {
    /// How it takes thinking.
    pub(super) thinking: ThinkingForm,
    /// How it is told not to think.
    pub(super) off: Off,
    /// It knows the effort `xhigh`.
    pub(super) xhigh: bool,
    /// It takes `temperature`, `top_p` and `top_k`.
    pub(super) sampling: bool,
    /// It takes `temperature` and `top_p` together.
    pub(super) both: bool,
    /// It goes on with a reply that the client begins.
    pub(super) prefill: bool,
    /// It can be forced to use a tool.
    pub(super) forced_tools: bool,
}

impl Model {
    /// What the model of this name can do. A name without `claude` is another maker's, on a server that is
    /// compatible: those follow the older forms.
    pub(super) fn of_name(name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        let claude = name.contains("claude");
        let is = |family: &str| claude && name.contains(family);
        let version = version(&name).unwrap_or(if claude { (5, 0) } else { (0, 0) });
        let always = is("fable") || is("mythos");
        let off = match version {
            _ if always => Off::Never,
            version if version >= (5, 5) && is("opus") => Off::Never,
            version if version >= (5, 5) && is("sonnet") => Off::Type("between_tools"),
            (5.., _) => Off::Type("disabled"),
            _ => Off::Unsaid,
        };
        let from = |major, minor| always || version >= (major, minor);
        Self {
            thinking: if from(4, 6) { ThinkingForm::Adaptive } else { ThinkingForm::Budget },
            off,
            xhigh: from(4, 7),
            sampling: !from(4, 7),
            both: !from(4, 1),
            prefill: !from(4, 6),
            forced_tools: matches!(off, Off::Unsaid | Off::Type("disabled")),
        }
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
        assert_eq!((old.thinking, old.off), (ThinkingForm::Budget, Off::Unsaid));
        assert!(old.sampling && old.prefill && old.forced_tools && !old.both);
        let between = Model::of_name("claude-sonnet-4-6");
        assert_eq!((between.thinking, between.off), (ThinkingForm::Adaptive, Off::Unsaid));
        assert!(between.sampling && between.forced_tools && !between.prefill);
        assert_eq!(between.effort(Effort::XHigh), "high");
        let new = Model::of_name("claude-opus-4-8");
        assert_eq!((new.sampling, new.off, new.effort(Effort::XHigh)), (false, Off::Unsaid, "xhigh"));
        let other = Model::of_name("glm-5.2");
        assert!(other.thinking == ThinkingForm::Budget && other.sampling && other.both && other.prefill);
    }

    #[test]
    fn each_of_the_newest_has_its_own_way_of_not_thinking() {
        for (name, off, forced_tools) in [
            ("claude-opus-5", Off::Type("disabled"), true),
            ("claude-haiku-5-5", Off::Type("disabled"), true),
            ("anthropic/Claude-Haiku-latest", Off::Type("disabled"), true),
            ("claude-sonnet-5-5", Off::Type("between_tools"), false),
            ("anthropic.claude-opus-5-5", Off::Never, false),
            ("claude-fable-5", Off::Never, false),
            ("claude-mythos-preview", Off::Never, false),
        ] {
            let model = Model::of_name(name);
            assert_eq!((model.off, model.forced_tools), (off, forced_tools), "{name}");
            assert_eq!((model.thinking, model.sampling, model.prefill), (ThinkingForm::Adaptive, false, false));
        }
    }
}

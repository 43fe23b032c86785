//! What can be told of a model by its name. Google's own names say their generation; of others nothing is known.

/// A model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Model {
    /// Its generation, such as (2, 5); `None`: not said.
    generation: Option<(u32, u32)>,
    is_pro: bool,
    is_lite: bool,
    /// A name that moves with Google's newest models.
    is_latest: bool,
}

/// How a model is told how much to think: <https://ai.google.dev/gemini-api/docs/thinking> (seen 2026-11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Thinks {
    /// It does not think.
    Never,
    /// In tokens.
    Budget {
        /// The least, if it thinks.
        least: u64,
        /// The most.
        most: u64,
        /// It can do without.
        can_be_off: bool,
    },
    /// In words: `LOW` and `HIGH`, and more.
    Level {
        /// `MINIMAL` too.
        minimal: bool,
        /// `MEDIUM` too.
        medium: bool,
    },
}

impl Model {
    pub(super) fn of(name: &str) -> Self {
        let name = name.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
        let words = || name.split(['-', '@', ':']);
        let family = name.strip_prefix("gemini-").or_else(|| name.strip_prefix("gemini"));
        let number = family.and_then(|rest| rest.split(['-', '@', ':']).next()).and_then(generation);
        let number = number.or_else(|| name.starts_with("gemma").then_some((1, 0)));
        Self {
            generation: number,
            is_pro: words().any(|word| word == "pro"),
            is_lite: words().any(|word| word == "lite"),
            is_latest: family.is_some() && words().any(|word| word == "latest"),
        }
    }

    /// Generation 3 and later, which refuses calls that come back without their signature:
    /// <https://ai.google.dev/gemini-api/docs/thought-signatures> (seen 2026-11).
    pub(super) fn wants_signatures(self) -> bool {
        self.is_latest || self.generation.is_some_and(|(major, _)| major >= 3)
    }

    /// Generation 3 and later takes media inside of a result:
    /// <https://ai.google.dev/gemini-api/docs/function-calling#multimodal> (seen 2026-11).
    pub(super) fn takes_media_in_results(self) -> bool {
        self.generation.is_some_and(|(major, _)| major >= 3)
    }

    /// Before generation 3, functions and a form of the reply exclude each other:
    /// <https://ai.google.dev/gemini-api/docs/structured-output> (seen 2026-11).
    pub(super) fn takes_functions_with_format(self) -> bool {
        self.generation.is_none_or(|(major, _)| major >= 3)
    }

    pub(super) fn thinks(self) -> Thinks {
        match self.generation {
            Some((0 | 1, _) | (2, 0..=4)) => Thinks::Never,
            Some((2, _)) if self.is_pro => Thinks::Budget { least: 128, most: 32_768, can_be_off: false },
            Some((2, _)) if self.is_lite => Thinks::Budget { least: 512, most: 24_576, can_be_off: true },
            Some((2, _)) => Thinks::Budget { least: 1, most: 24_576, can_be_off: true },
            Some(number) => Thinks::Level { minimal: !self.is_pro, medium: !self.is_pro || number > (3, 0) },
            // Every generation that thinks takes a budget.
            None => Thinks::Budget { least: 128, most: 24_576, can_be_off: !self.is_pro && !self.is_latest },
        }
    }
}

/// `2.5` or `3`.
fn generation(word: &str) -> Option<(u32, u32)> {
    let (major, minor) = word.split_once('.').unwrap_or((word, "0"));
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_the_generation() {
        let thinks = |name| Model::of(name).thinks();
        assert_eq!(thinks("gemini-2.0-flash"), Thinks::Never);
        assert_eq!(thinks("gemma-3-27b-it"), Thinks::Never);
        assert_eq!(thinks("models/gemini-2.5-pro"), Thinks::Budget { least: 128, most: 32_768, can_be_off: false });
        assert_eq!(thinks("gemini-2.5-flash-lite"), Thinks::Budget { least: 512, most: 24_576, can_be_off: true });
        assert_eq!(thinks("gemini-3-pro-preview"), Thinks::Level { minimal: false, medium: false });
        assert_eq!(thinks("gemini-3.1-pro-preview"), Thinks::Level { minimal: false, medium: true });
        assert_eq!(thinks("gemini-3-flash-preview"), Thinks::Level { minimal: true, medium: true });
        for (name, wants) in [("gemini-3-pro", true), ("gemini-flash-latest", true), ("gemini-2.5-pro", false)] {
            assert_eq!(Model::of(name).wants_signatures(), wants, "{name}");
        }
        assert!(!Model::of("tunedModels/mine").wants_signatures());
    }
}

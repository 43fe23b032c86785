//! Versions of the API, told by the header `anthropic-version`, and what they refuse.
//! <https://platform.claude.com/docs/en/api/versioning> (seen 2026-11).

/// A version of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) enum Version {
    /// `2023-06-01`, and `2023-01-01`, which is not told apart from it.
    Of2023,
    /// `2026-10-21`.
    Of2026,
}

impl Version {
    pub(super) fn of(name: &str) -> Option<Self> {
        match name {
            "2023-01-01" | "2023-06-01" => Some(Self::Of2023),
            "2026-10-21" => Some(Self::Of2026),
            _ => None,
        }
    }

    /// Whether `temperature`, `top_p` and `top_k` are fields of a request.
    pub(super) fn has_sampling(self) -> bool {
        self < Self::Of2026
    }

    /// Whether the assistant's messages may have documents, and the user's texts citations.
    pub(super) fn takes_misplaced_content(self) -> bool {
        self < Self::Of2026
    }
}

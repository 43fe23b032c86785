//! Samples of every member that a client's request can have.

/// A member of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Its path, such as `tools.function.strict`.
    pub name: &'static str,
    /// A JSON merge patch (RFC 7396; lists are replaced as a whole) that sets it, to something else than its default,
    /// in the dialect's `BASE`.
    pub sample: &'static str,
}

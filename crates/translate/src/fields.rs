//! Samples of every member that a client's request, or a backend's reply, can have.

use crate::client::Client;

/// A member of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Its path, such as `tools.function.strict`.
    pub name: &'static str,
    /// A JSON merge patch (RFC 7396; lists are replaced as a whole) that sets it, to something else than its default,
    /// in the dialect's `BASE`.
    pub sample: &'static str,
}

/// A member of a backend's reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplyField {
    /// Its path, such as `choices.message.content`.
    pub name: &'static str,
    /// A JSON merge patch that sets it, to something else than its default, in the dialect's `REPLY`.
    pub sample: &'static str,
    /// Why clients do not get it: those that are named, or all that do not.
    pub lost: Lost,
}

/// Reasons, each of one client or of all that do not get a member.
pub type Lost = &'static [(Option<Client>, &'static str)];

/// A member that every client gets.
pub(crate) const fn kept(name: &'static str, sample: &'static str) -> ReplyField {
    ReplyField { name, sample, lost: &[] }
}

/// A member that some clients do not get.
pub(crate) const fn lost(name: &'static str, sample: &'static str, lost: Lost) -> ReplyField {
    ReplyField { name, sample, lost }
}

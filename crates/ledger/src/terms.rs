//! Which accounts a key's requests touch, and how far.

use serde::{Deserialize, Serialize};

use crate::amounts::Unit;

/// The kinds of scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScopeKind {
    /// One virtual key.
    Key,
    /// All keys of a tenant.
    Tenant,
    /// All keys of a project.
    Project,
    /// All keys of a user.
    User,
}

impl ScopeKind {
    /// As messages and account names have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Tenant => "tenant",
            Self::Project => "project",
            Self::User => "user",
        }
    }
}

/// A scope that has an account.
///
/// Projects and users are nested under their tenant, where there is one, so that two tenants cannot share an account
/// by accident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// Which kind.
    pub kind: ScopeKind,
    /// The tenant of a project or user.
    pub tenant: Option<String>,
    /// The id of the key, tenant, project or user.
    pub id: String,
}

impl Scope {
    /// The account's name: `key:<id>`, `tenant:<id>`, `tenant:<t>:project:<id>` or `project:<id>`. Colons and percent
    /// signs inside ids are escaped, so that no two scopes have one name.
    pub fn account(&self) -> String {
        let own = format!("{}:{}", self.kind.name(), escape(&self.id));
        match &self.tenant {
            Some(tenant) => format!("tenant:{}:{own}", escape(tenant)),
            None => own,
        }
    }

    /// Reads an account's name.
    pub fn of_account(name: &str) -> Option<Self> {
        let mut parts = name.split(':');
        let (first, id) = (parts.next()?, unescape(parts.next()?)?);
        let kind = |name: &str| {
            [ScopeKind::Key, ScopeKind::Tenant, ScopeKind::Project, ScopeKind::User]
                .into_iter()
                .find(|kind| kind.name() == name)
        };
        let scope = match (kind(first)?, parts.next()) {
            (kind, None) => Self { kind, tenant: None, id },
            (ScopeKind::Tenant, Some(inner)) => {
                let kind = kind(inner).filter(|kind| matches!(kind, ScopeKind::Project | ScopeKind::User))?;
                Self { kind, tenant: Some(id), id: unescape(parts.next()?)? }
            }
            _ => return None,
        };
        if parts.next().is_some() { None } else { Some(scope) }
    }
}

fn escape(id: &str) -> String {
    id.replace('%', "%25").replace(':', "%3A")
}

fn unescape(id: &str) -> Option<String> {
    let plain = id.replace("%3A", ":").replace("%25", "%");
    if escape(&plain) == id { Some(plain) } else { None }
}

/// Limits of one account; absent: unlimited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Limits {
    /// For good.
    pub tokens: Option<u64>,
    /// For good, in pico-dollars.
    pub pico_usd: Option<u64>,
    /// In any minute.
    pub requests_per_minute: Option<u64>,
    /// In any minute.
    pub tokens_per_minute: Option<u64>,
}

impl Limits {
    /// The limit of one unit.
    pub fn get(&self, unit: Unit) -> Option<u64> {
        match unit {
            Unit::Tokens => self.tokens,
            Unit::PicoUsd => self.pico_usd,
            Unit::WindowRequests => self.requests_per_minute,
            Unit::WindowTokens => self.tokens_per_minute,
        }
    }
}

/// What applies to a key at this moment: its accounts, by name, with their limits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Terms {
    /// The accounts, the key's own first.
    pub accounts: Vec<(String, Limits)>,
}

impl Terms {
    /// Whether any account limits `unit`.
    pub fn limits(&self, unit: Unit) -> bool {
        self.accounts.iter().any(|(_, limits)| limits.get(unit).is_some())
    }

    /// The accounts' names.
    pub fn names(&self) -> Vec<String> {
        self.accounts.iter().map(|(name, _)| name.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn names_of_accounts_can_be_read_back(id in ".{0,12}", tenant in proptest::option::of(".{0,12}"), kind in 0..4) {
            let kind = [ScopeKind::Key, ScopeKind::Tenant, ScopeKind::Project, ScopeKind::User][kind as usize];
            let nested = matches!(kind, ScopeKind::Project | ScopeKind::User);
            let scope = Scope { kind, tenant: tenant.filter(|_| nested), id };
            prop_assert_eq!(Scope::of_account(&scope.account()), Some(scope));
        }
    }

    #[test]
    fn ids_cannot_reach_into_other_scopes() {
        let plain = Scope { kind: ScopeKind::Project, tenant: Some("a".into()), id: "b".into() };
        let forged = Scope { kind: ScopeKind::Tenant, tenant: None, id: "a:project:b".into() };
        assert_eq!(plain.account(), "tenant:a:project:b");
        assert_ne!(plain.account(), forged.account());
        assert_eq!(Scope::of_account("project:a:b"), None);
        assert_eq!(Scope::of_account("key"), None);
    }
}

//! What a virtual key's limits and budgets mean for the ledger.

use ditto_ledger::{Limits, Scope, ScopeKind, Terms, Unit};
use sha2::{Digest, Sha256};

use crate::document::{self, VirtualKey};

/// Pico-dollars in a micro-dollar.
const PICO_PER_MICRO: u64 = 1_000_000;

/// The accounts that a key's requests are booked on, with their limits. The key's own comes first; its tenant,
/// project and user have one each, whether or not they are limited, so that what they spent can be seen.
///
/// Keys of one tenant share its account. Each is judged by the limits that it states itself: where two keys state
/// different ones for the same tenant, the lower one stops its key first.
pub fn terms(key: &VirtualKey) -> Terms {
    let scope = |kind, id: &str, nested: bool| Scope {
        kind,
        tenant: if nested { key.tenant_id.clone() } else { None },
        id: id.to_owned(),
    };
    let mut accounts =
        vec![(scope(ScopeKind::Key, &key.id, false).account(), limits(Some(&key.budget), Some(&key.limits)))];
    let shared = [
        (ScopeKind::Tenant, &key.tenant_id, &key.tenant_budget, &key.tenant_limits),
        (ScopeKind::Project, &key.project_id, &key.project_budget, &key.project_limits),
        (ScopeKind::User, &key.user_id, &key.user_budget, &key.user_limits),
    ];
    for (kind, id, budget, rates) in shared {
        if let Some(id) = id {
            let scope = scope(kind, id, kind != ScopeKind::Tenant);
            accounts.push((scope.account(), limits(budget.as_ref(), rates.as_ref())));
        }
    }
    Terms { accounts }
}

fn limits(budget: Option<&document::Budget>, rates: Option<&document::Limits>) -> Limits {
    Limits {
        tokens: budget.and_then(|budget| budget.total_tokens),
        pico_usd: budget.and_then(|budget| budget.total_usd_micros).map(|usd| usd.saturating_mul(PICO_PER_MICRO)),
        requests_per_minute: rates.and_then(|rates| rates.rpm),
        tokens_per_minute: rates.and_then(|rates| rates.tpm),
    }
}

/// Which units some account limits, in the order of [`Unit::ALL`].
pub fn limited(terms: &Terms) -> [bool; 4] {
    Unit::ALL.map(|unit| terms.limits(unit))
}

/// Tells two sets of terms apart, so that a worker notices that a key's have changed. Never 0.
pub fn fingerprint(terms: &Terms) -> u64 {
    let digest = Sha256::digest(format!("{terms:?}").as_bytes());
    let first = digest.first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    first | 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    #[test]
    fn a_key_is_booked_on_all_its_scopes_and_nested_under_its_tenant() {
        let mut key = VirtualKey::new("a", Secret::default());
        key.tenant_id = Some("t".into());
        key.project_id = Some("p".into());
        key.budget.total_usd_micros = Some(3);
        key.tenant_limits = Some(document::Limits { rpm: Some(7), tpm: None });
        let terms = terms(&key);
        assert_eq!(terms.names(), ["key:a", "tenant:t", "tenant:t:project:p"]);
        assert_eq!(terms.accounts[0].1.pico_usd, Some(3_000_000));
        assert_eq!(terms.accounts[1].1.requests_per_minute, Some(7));
        assert_eq!(limited(&terms), [false, true, true, false]);
    }

    #[test]
    fn a_changed_limit_changes_the_fingerprint() {
        let mut key = VirtualKey::new("a", Secret::default());
        let before = fingerprint(&terms(&key));
        key.budget.total_tokens = Some(1);
        assert_ne!(fingerprint(&terms(&key)), before);
    }
}

//! How accounts are shown: by tokens, or by what they cost.

use std::sync::Arc;

use ditto_ledger::{Account, Amounts, Counts};
use ditto_policy::document::{Budget, VirtualKey};
use ditto_pricing::{micros_to_pico, pico_to_micros_ceil};
use serde_json::{Map, Value};

/// A row as it is answered. Its members keep their order.
pub(super) type Row = Map<String, Value>;

/// What a list is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Measure {
    /// `*_tokens`.
    Tokens,
    /// `*_usd_micros`, rounded up.
    Costs,
}

impl Measure {
    fn amount(self, amounts: &Amounts) -> u64 {
        match self {
            Self::Tokens => amounts.tokens,
            Self::Costs => pico_to_micros_ceil(amounts.pico_usd),
        }
    }

    /// The limit that a budget sets; `None` without one.
    pub(super) fn limit(self, budget: &Budget) -> Option<u64> {
        match self {
            Self::Tokens => budget.total_tokens,
            // As it is enforced: beyond what can be counted, all limits are the same.
            Self::Costs => budget.total_usd_micros.map(|micros| pico_to_micros_ceil(micros_to_pico(micros))),
        }
    }

    fn unit(self) -> &'static str {
        match self {
            Self::Tokens => "tokens",
            Self::Costs => "usd_micros",
        }
    }

    pub(super) fn put_spent(self, row: &mut Row, spent: &Amounts, held: &Amounts) {
        row.insert(format!("spent_{}", self.unit()), self.amount(spent).into());
        row.insert(format!("reserved_{}", self.unit()), self.amount(held).into());
    }

    pub(super) fn put_limit(self, row: &mut Row, limit: Option<u64>) {
        row.insert(format!("limit_{}", self.unit()), limit.into());
    }
}

/// What one key, or several together, have been charged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) spent: Amounts,
    pub(super) held: Amounts,
    pub(super) counts: Counts,
    /// The latest change of any of them, in milliseconds since the Unix epoch; 0: never.
    pub(super) updated_at_ms: u64,
}

impl Sum {
    pub(super) fn add(&mut self, account: &Account) {
        self.spent = self.spent.plus(&account.spent);
        self.held = self.held.plus(&account.held);
        self.counts = self.counts.plus(&account.counts);
        self.updated_at_ms = self.updated_at_ms.max(account.updated_at_ms);
    }

    pub(super) fn of(account: &Account) -> Self {
        let mut sum = Self::default();
        sum.add(account);
        sum
    }

    pub(super) fn put_counts(&self, row: &mut Row) {
        row.insert("requests".into(), self.counts.requests.into());
        row.insert("input_tokens".into(), self.counts.input_tokens.into());
        row.insert("output_tokens".into(), self.counts.output_tokens.into());
    }
}

/// One key's row; `key` is `None` for one that has been deleted, of which the books alone still know.
pub(super) fn key_row(measure: Measure, id: &str, key: Option<&Arc<VirtualKey>>, account: &Account) -> Row {
    let sum = Sum::of(account);
    let mut row = Row::new();
    row.insert("key_id".into(), id.into());
    measure.put_spent(&mut row, &sum.spent, &sum.held);
    row.insert("updated_at_ms".into(), sum.updated_at_ms.into());
    measure.put_limit(&mut row, key.and_then(|key| measure.limit(&key.budget)));
    sum.put_counts(&mut row);
    let attribution = |field: fn(&VirtualKey) -> &Option<String>| key.and_then(|key| field(key).clone());
    row.insert("tenant_id".into(), attribution(|key| &key.tenant_id).into());
    row.insert("project_id".into(), attribution(|key| &key.project_id).into());
    row.insert("user_id".into(), attribution(|key| &key.user_id).into());
    row.insert("deleted".into(), key.is_none().into());
    row
}

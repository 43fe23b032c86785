//! Keys with small strict budgets, their tenants, and what is known of their limits.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ditto_llm::estimate::OVERHEAD_TOKENS_MAX;
use ditto_tests::simulator::{Delivery, Outcome, Simulator, Totals};
use serde_json::{Value, json};

/// The model that everybody asks for.
pub(super) const MODEL: &str = "gpt-4o-mini";
/// Micro-dollars of a token of the prompt. Whole numbers, so that what the books round up is exact.
const PROMPT_MICROS: u64 = 1;
/// Micro-dollars of a token of the reply.
const REPLY_MICROS: u64 = 3;

/// Keys and the tenants that they belong to.
pub(super) const KEYS: [(&str, &str); 4] =
    [("acme-1", "acme"), ("acme-2", "acme"), ("globex-1", "globex"), ("globex-2", "globex")];

/// Every account that has a limit. Strict keys keep it exactly.
pub(super) const LIMITED: [Account; 7] = [
    Account { holder: Holder::Key("acme-1"), unit: Unit::Tokens },
    Account { holder: Holder::Key("acme-2"), unit: Unit::Tokens },
    Account { holder: Holder::Tenant("acme"), unit: Unit::Tokens },
    Account { holder: Holder::Key("globex-1"), unit: Unit::Micros },
    Account { holder: Holder::Key("globex-2"), unit: Unit::Micros },
    Account { holder: Holder::Key("globex-2"), unit: Unit::Tokens },
    Account { holder: Holder::Tenant("globex"), unit: Unit::Micros },
];

/// Whose budget it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Holder {
    Key(&'static str),
    Tenant(&'static str),
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Unit {
    Tokens,
    /// Micro-dollars.
    Micros,
}

/// A budget of one holder in one unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Account {
    pub(super) holder: Holder,
    pub(super) unit: Unit,
}

impl Account {
    /// The keys that are booked on it, and state its limit.
    pub(super) fn keys(self) -> impl Iterator<Item = &'static str> {
        let is_held_by = move |(key, tenant): &(&str, &str)| match self.holder {
            Holder::Key(id) => *key == id,
            Holder::Tenant(id) => *tenant == id,
        };
        KEYS.into_iter().filter(is_held_by).map(|(key, _)| key)
    }

    fn amount(self, prompt_tokens: u64, reply_tokens: u64) -> u64 {
        match self.unit {
            Unit::Tokens => prompt_tokens + reply_tokens,
            Unit::Micros => prompt_tokens * PROMPT_MICROS + reply_tokens * REPLY_MICROS,
        }
    }

    /// What was delivered on it.
    pub(super) fn delivered(self, by_key: &BTreeMap<String, Totals>) -> u64 {
        let totals = self.keys().filter_map(|key| by_key.get(key));
        totals.map(|totals| self.amount(totals.prompt_tokens, totals.generated_tokens)).sum()
    }

    /// The least that must have been charged for these deliveries: what the provider counted; and what was reserved for
    /// replies that came in part, because the provider may have made more than could be seen of it.
    pub(super) fn owed(self, deliveries: &[Delivery]) -> u64 {
        let keys: Vec<&str> = self.keys().collect();
        let own = deliveries.iter().filter(|delivery| delivery.tag.as_deref().is_some_and(|tag| keys.contains(&tag)));
        own.map(|delivery| {
            let in_part =
                delivery.status == 200 && delivery.outcome != Outcome::Answered && delivery.usage_tokens.is_none();
            let beside = if in_part { OVERHEAD_TOKENS_MAX } else { 0 };
            self.amount(delivery.prompt_tokens + beside, delivery.generated_tokens)
        })
        .sum()
    }
}

/// What several simulators delivered, by the tag of the request: the key's id.
pub(super) fn delivered<'a>(simulators: impl IntoIterator<Item = &'a Simulator>) -> BTreeMap<String, Totals> {
    let mut sum: BTreeMap<String, Totals> = BTreeMap::new();
    for (tag, totals) in simulators.into_iter().flat_map(Simulator::totals_by_tag) {
        *sum.entry(tag).or_default() += totals;
    }
    sum
}

/// What a key presents.
pub(super) fn token(id: &str) -> String {
    format!("sk-ditto-faults-{id}")
}

/// Writes the price list, in LiteLLM's form.
pub(super) fn write_prices(path: &Path) {
    let dollars = |micros: u64| format!("{micros}e-6").parse::<f64>().expect("a number");
    let row = json!({
        "input_cost_per_token": dollars(PROMPT_MICROS),
        "output_cost_per_token": dollars(REPLY_MICROS),
        "litellm_provider": "openai",
        "mode": "chat",
    });
    fs::write(path, json!({MODEL: row}).to_string()).expect("the price list can be written");
}

/// The limits that were asked for. They only grow, so that nobody can rightly have spent more.
#[derive(Debug)]
pub(super) struct Limits(Mutex<BTreeMap<Account, u64>>);

impl Limits {
    /// The same limit for each account.
    pub(super) fn of(each: u64) -> Self {
        Self(Mutex::new(LIMITED.iter().map(|account| (*account, each)).collect()))
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<Account, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self, account: Account) -> u64 {
        self.all()[&account]
    }

    /// Raises one. It is in force when each of its account's keys is stored again.
    pub(super) fn raise(&self, account: Account, by: u64) {
        *self.all().get_mut(&account).expect("a limited account") += by;
    }

    /// A key as the document or the admin API takes it, with the limits of this moment.
    pub(super) fn key(&self, id: &'static str) -> Value {
        let (_, tenant) = KEYS.into_iter().find(|(key, _)| *key == id).expect("one of the keys");
        let budget = |holder| {
            let limit = |unit| self.all().get(&Account { holder, unit }).copied();
            json!({"total_tokens": limit(Unit::Tokens), "total_usd_micros": limit(Unit::Micros)})
        };
        json!({
            "id": id,
            "token": token(id),
            "enabled": true,
            "tenant_id": tenant,
            // Accounts without a limit, which are booked on as well.
            "project_id": "project",
            "user_id": id,
            // Limits of the minute that nobody reaches: leases hold them too.
            "limits": {"rpm": 1_000_000, "tpm": 1_000_000_000},
            "budget": budget(Holder::Key(id)),
            "tenant_budget": budget(Holder::Tenant(tenant)),
            "budget_mode": "strict",
        })
    }

    /// A document with all keys, which goes to any of the simulators, and to the others if that fails.
    pub(super) fn document(&self, simulators: &[Simulator]) -> Value {
        let backends: Vec<Value> = simulators
            .iter()
            .enumerate()
            .map(|(at, simulator)| json!({"name": format!("backend-{at}"), "base_url": simulator.base_url()}))
            .collect();
        let candidates: Vec<Value> =
            backends.iter().map(|backend| json!({"backend": backend["name"], "weight": 1.0})).collect();
        json!({
            "backends": backends,
            "virtual_keys": KEYS.iter().map(|(id, _)| self.key(id)).collect::<Vec<_>>(),
            "router": {"default_backends": candidates, "rules": []},
        })
    }
}

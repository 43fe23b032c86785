//! The books held against what was delivered.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use ditto_tests::client::Client;
use ditto_tests::harness::ADMIN_TOKEN;
use ditto_tests::simulator::Simulator;
use serde_json::Value;

use super::budgets::{Account, Holder, LIMITED, Limits, Unit, delivered};

/// What one account says, beside what is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) account: Account,
    /// Before the books were read.
    pub(super) delivered: u64,
    pub(super) spent: u64,
    pub(super) held: u64,
    /// After they were read.
    pub(super) limit: u64,
}

impl Entry {
    /// What must hold at every moment: what was delivered had been debited, and nothing more than the limit is.
    pub(super) fn violation(&self) -> Option<String> {
        let debited = self.spent + self.held;
        let wrong = if self.delivered > debited {
            "more was delivered than debited"
        } else if debited > self.limit {
            "more is debited than the limit"
        } else {
            return None;
        };
        Some(format!("{wrong}: {self:?}"))
    }

    /// As [`Entry::violation`], and nothing is held.
    pub(super) fn is_settled(&self) -> bool {
        self.held == 0
    }
}

/// Reads the books of gateways that may be away.
#[derive(Debug, Clone)]
pub(super) struct Auditor {
    simulators: Arc<[Simulator]>,
    limits: Arc<Limits>,
}

impl Auditor {
    pub(super) fn new(simulators: Arc<[Simulator]>, limits: Arc<Limits>) -> Self {
        Self { simulators, limits }
    }

    /// All limited accounts, as the gateway with this control address shows them.
    ///
    /// # Errors
    /// When the gateway, or its ledger, does not answer.
    pub(super) async fn read(&self, control: &Client) -> Result<Vec<Entry>> {
        let delivered = delivered(self.simulators.iter());
        let mut entries = Vec::new();
        let admin = control.clone().with_bearer(ADMIN_TOKEN);
        for unit in [Unit::Tokens, Unit::Micros] {
            let (root, suffix) = match unit {
                Unit::Tokens => ("/admin/budgets", "tokens"),
                Unit::Micros => ("/admin/costs", "usd_micros"),
            };
            let (keys, tenants) = (rows(&admin, root).await?, rows(&admin, &format!("{root}/tenants")).await?);
            for account in LIMITED.into_iter().filter(|account| account.unit == unit) {
                let numbers = match account.holder {
                    Holder::Key(id) => row(&keys, "key_id", id)?,
                    Holder::Tenant(id) => &row(&tenants, "tenant_id", id)?["budget"],
                };
                let number = |name: &str| numbers[format!("{name}_{suffix}")].as_u64().context(name.to_owned());
                let (spent, held) = (number("spent")?, number("reserved")?);
                let delivered = account.delivered(&delivered);
                entries.push(Entry { account, delivered, spent, held, limit: self.limits.get(account) });
            }
        }
        Ok(entries)
    }
}

async fn rows(admin: &Client, path: &str) -> Result<Value> {
    let mut reply = admin.get(path).try_send().await?;
    let text = reply.try_bytes().await?;
    ensure!(reply.status == 200, "{path}: status {}", reply.status);
    Ok(serde_json::from_slice(&text)?)
}

fn row<'r>(rows: &'r Value, member: &str, id: &str) -> Result<&'r Value> {
    let found = rows.as_array().into_iter().flatten().find(|row| row[member] == id);
    found.with_context(|| format!("no {member} {id}: {rows}"))
}

//! A gateway's books as its operator reads them.

use serde_json::Value;

use crate::client::Client;
use crate::eventually::eventually_some;
use crate::harness::{ADMIN_TOKEN, Gateway};
use crate::support::SOON;

/// `/admin/budgets`, `/admin/costs` and `/admin/ledger` of one gateway, asked on its control address.
#[derive(Debug, Clone)]
pub struct Books {
    admin: Client,
}

impl Books {
    /// The books that this gateway keeps or shares.
    #[must_use]
    pub fn of(gateway: &Gateway) -> Self {
        Self { admin: gateway.control_client().with_bearer(ADMIN_TOKEN) }
    }

    /// A key's row of `/admin/budgets`.
    ///
    /// # Panics
    /// When there is none.
    pub async fn key(&self, id: &str) -> Value {
        self.row("/admin/budgets", "key_id", id).await
    }

    /// A key's row of `/admin/costs`.
    ///
    /// # Panics
    /// When there is none.
    pub async fn cost(&self, id: &str) -> Value {
        self.row("/admin/costs", "key_id", id).await
    }

    /// The row of a tenant, project or user: `group("tenants", "tenant_id", "acme")`.
    ///
    /// # Panics
    /// When there is none.
    pub async fn group(&self, list: &str, member: &str, id: &str) -> Value {
        self.row(&format!("/admin/budgets/{list}"), member, id).await
    }

    /// All rows of a list.
    ///
    /// # Panics
    /// When the list cannot be had.
    pub async fn rows(&self, path: &str) -> Vec<Value> {
        let body = self.admin.get(path).send().await.expect_status(200).await.json().await;
        body.as_array().unwrap_or_else(|| panic!("no list: {body}")).clone()
    }

    async fn row(&self, path: &str, member: &str, id: &str) -> Value {
        let rows = self.rows(path).await;
        let row = rows.iter().find(|row| row[member] == id);
        row.unwrap_or_else(|| panic!("no {member} {id} in {path}: {rows:?}")).clone()
    }

    /// Waits until the key's row of `/admin/budgets` is as wanted, and returns it. Workers report a moment after their
    /// last request (300 ms), and hand back what they hold ahead when a key has not been used for five seconds.
    ///
    /// # Panics
    /// When it does not become so; the panic shows the last row.
    pub async fn until(&self, id: &str, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let found = tokio::time::timeout(SOON, async {
            eventually_some(SOON * 2, what, async || {
                last = self.key(id).await;
                holds(&last).then(|| last.clone())
            })
            .await
        });
        match found.await {
            Ok(row) => row,
            Err(_) => panic!("not within {SOON:?}: {what}; the row of {id} is {last}"),
        }
    }

    /// Waits until so many requests of the key are booked, and returns its row of `/admin/budgets`.
    ///
    /// # Panics
    /// When they are not booked soon.
    pub async fn booked(&self, id: &str, requests: u64) -> Value {
        self.until(id, &format!("{requests} requests are booked"), |row| row["requests"] == requests).await
    }

    /// Waits until nothing is held for the key: no request is under way, and no worker has anything ahead.
    ///
    /// # Panics
    /// When something stays held.
    pub async fn settled(&self, id: &str) -> Value {
        self.until(id, "nothing is held", |row| row["reserved_tokens"] == 0).await
    }

    /// `GET /admin/ledger`.
    ///
    /// # Panics
    /// When it cannot be had.
    pub async fn status(&self) -> Value {
        self.admin.get("/admin/ledger").send().await.expect_status(200).await.json().await
    }
}

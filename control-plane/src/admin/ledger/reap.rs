//! `POST /admin/reservations/reap`: gives back what leases hold, or were charged for, whose workers are gone.

use std::time::Duration;

use axum::body::Bytes;
use ditto_policy::document::Problem;
use ditto_pricing::pico_to_micros_ceil;
use serde_json::{Value, json};

use crate::admin::{ApiError, json as body};
use crate::ledger::reaper::ReapReport;

/// Leases given back by one call, at most.
const LIMIT_MAX: u64 = 100_000;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ReapOrder {
    pub(super) older_than: Duration,
    pub(super) limit: usize,
    pub(super) dry_run: bool,
}

/// Reads an order. No body at all is the order with every default. A lease that is younger than `lease` may be in use:
/// it cannot be ordered back.
pub(super) fn parse(bytes: Bytes, lease: Duration) -> Result<ReapOrder, ApiError> {
    let mut order = ReapOrder { older_than: Duration::from_secs(86_400), limit: 1_000, dry_run: false };
    if bytes.is_empty() {
        return Ok(order);
    }
    let Value::Object(members) = body::read(Ok(bytes))? else {
        return Err(ApiError::invalid_request("the body: it is a JSON object"));
    };
    let mut problems = Vec::new();
    for (name, value) in &members {
        let outcome = match name.as_str() {
            "older_than_secs" => whole(value, lease.as_secs(), u64::from(u32::MAX))
                .map(|secs| order.older_than = Duration::from_secs(secs))
                .map_err(|why| format!("{why}; what was renewed within the life of a lease may be in use")),
            "limit" => whole(value, 1, LIMIT_MAX).map(|limit| order.limit = usize::try_from(limit).unwrap_or(1_000)),
            "dry_run" => {
                value.as_bool().map(|dry_run| order.dry_run = dry_run).ok_or_else(|| "it is true or false".to_owned())
            }
            _ => Err("there is no such field; there are older_than_secs, limit, dry_run".to_owned()),
        };
        let name: String = name.chars().take(64).flat_map(char::escape_debug).collect();
        problems.extend(outcome.err().map(|why| Problem::new(name, why).to_string()));
    }
    if problems.is_empty() { Ok(order) } else { Err(ApiError::invalid_request(problems.join("; "))) }
}

fn whole(value: &Value, min: u64, max: u64) -> Result<u64, String> {
    let number = value.as_u64().filter(|number| (min..=max).contains(number));
    number.ok_or_else(|| format!("it is a whole number from {min} to {max}"))
}

/// The answer. A lease holds tokens and money at once, so both halves count the same leases; `released` is an amount:
/// tokens there, micro-dollars here.
pub(super) fn show(store: &str, order: ReapOrder, report: &ReapReport, costs: bool) -> Value {
    let free = report.released.plus(&report.refunded);
    let half = |count: bool, released: u64| match count {
        true => json!({"scanned": report.scanned, "reaped": report.reaped, "released": released}),
        false => json!({"scanned": 0, "reaped": 0, "released": 0}),
    };
    json!({
        "store": store.strip_prefix("store.").unwrap_or(store),
        "dry_run": order.dry_run,
        "cutoff_ts_ms": report.cutoff_ms,
        "budget": half(true, free.tokens),
        "cost": half(costs, pico_to_micros_ceil(free.pico_usd)),
    })
}

//! How often the filter asks the ledger, by the counters that it keeps in Envoy's statistics.

use std::net::SocketAddr;
use std::ops::Sub;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use tokio::time::sleep;

use crate::ask;

/// Statistics of wasm modules have this before their name.
const PREFIX: &str = "wasmcustom.ditto_";

/// Time between two looks at the statistics.
const LOOK: Duration = Duration::from_millis(50);

/// Once the counters have all requests and rest, they rest within this time, unless some are lost.
const PATIENCE: Duration = Duration::from_secs(30);

/// Totals, or what they grew by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counters {
    /// Requests that were let through.
    pub(crate) admitted: u64,
    /// Messages to the ledger with claims in them.
    pub(crate) calls: u64,
    /// Requests that had to wait for the ledger.
    pub(crate) waits: u64,
}

impl Sub for Counters {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            admitted: self.admitted.saturating_sub(before.admitted),
            calls: self.calls.saturating_sub(before.calls),
            waits: self.waits.saturating_sub(before.waits),
        }
    }
}

impl Counters {
    /// Asks Envoy's admin endpoint for the present totals.
    pub(crate) async fn of(admin: SocketAddr) -> Result<Self> {
        Self::parse(&ask::get(admin, "/stats?filter=ditto_", None).await?)
    }

    /// Reads lines of the form `name: value`. A counter that was never counted up is not among them.
    fn parse(text: &str) -> Result<Self> {
        let mut counters = Self::default();
        for line in text.lines() {
            let Some((name, value)) = line.strip_prefix(PREFIX).and_then(|rest| rest.split_once(": ")) else {
                continue;
            };
            let field = match name {
                "admitted" => &mut counters.admitted,
                "ledger_calls" => &mut counters.calls,
                "ledger_waits" => &mut counters.waits,
                _ => continue,
            };
            *field = value.trim().parse().with_context(|| format!("the statistic {line:?}"))?;
        }
        Ok(counters)
    }

    /// What so many requests added to an earlier reading: waits until all of them are counted and nothing has changed
    /// for as long as `rest`. The filter counts at its next tick, and reports what was spent a moment later.
    pub(crate) async fn since(self, admin: SocketAddr, requests: u64, rest: Duration) -> Result<Self> {
        let begun = Instant::now();
        let (mut last, mut changed) = (Self::default(), Instant::now());
        loop {
            let grown = Self::of(admin).await? - self;
            if grown != last {
                (last, changed) = (grown, Instant::now());
            }
            if grown.admitted >= requests && changed.elapsed() >= rest {
                return Ok(grown);
            }
            ensure!(
                begun.elapsed() < PATIENCE,
                "of {requests} requests the filter counted {}; with {} calls it does not come to rest",
                grown.admitted,
                grown.calls
            );
            sleep(LOOK).await;
        }
    }

    /// Calls for a thousand requests.
    pub(crate) fn calls_per_1000(self) -> f64 {
        per_1000(self.calls, self.admitted)
    }

    /// Requests of a thousand that had to wait.
    pub(crate) fn waits_per_1000(self) -> f64 {
        per_1000(self.waits, self.admitted)
    }
}

/// Not a number without requests; whoever takes a median leaves it out.
fn per_1000(part: u64, requests: u64) -> f64 {
    if requests == 0 { f64::NAN } else { part as f64 * 1e3 / requests as f64 }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn statistics_are_read() {
        let text = "wasmcustom.ditto_admitted: 2000\nwasmcustom.ditto_ledger_calls: 12\nwasmcustom.ditto_other: 5\n";
        let counters = Counters::parse(text).unwrap();
        assert_eq!(counters, Counters { admitted: 2_000, calls: 12, waits: 0 });
        assert!((counters.calls_per_1000() - 6.0).abs() < 1e-9);
        assert!((counters.waits_per_1000()).abs() < 1e-9);
        assert!(Counters::default().calls_per_1000().is_nan());
        assert!(Counters::parse("wasmcustom.ditto_admitted: many\n").is_err());
    }

    /// Plays an Envoy whose counters take each of these values for one look, and keep the last.
    async fn statistics(values: &'static [(u64, u64)]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let mut looks = 0;
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut asked = [0; 1024];
                let _ = stream.read(&mut asked).await.unwrap();
                let (admitted, calls) = values[looks.min(values.len() - 1)];
                looks += 1;
                let body = format!("wasmcustom.ditto_admitted: {admitted}\nwasmcustom.ditto_ledger_calls: {calls}\n");
                let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        address
    }

    #[tokio::test]
    async fn requests_and_reports_that_are_counted_late_are_waited_for() {
        let admin = statistics(&[(100, 5), (150, 5), (200, 6), (200, 7)]).await;
        let before = Counters { admitted: 100, calls: 5, waits: 0 };
        let grown = before.since(admin, 100, Duration::from_millis(200)).await.unwrap();
        assert_eq!(grown, Counters { admitted: 100, calls: 2, waits: 0 });
    }
}

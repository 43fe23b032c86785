//! The load generator: a closed loop on each of N connections that stay open.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::http::{Kind, Reader};
use crate::payload::{EVENTS, Request, Workload, token};
use crate::stats::Latencies;

/// No exchange takes as long as this unless something is stuck.
const STUCK: Duration = Duration::from_secs(60);

/// Open connections to one listener, all sending the same kind of request.
#[derive(Debug)]
pub(crate) struct Load {
    connections: Vec<Connection>,
}

/// When a run ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Until {
    /// Requests are begun until then.
    Elapsed(Duration),
    /// Every connection makes so many.
    Count(u64),
}

/// What a run came to.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// From the first request to the end of the last response.
    pub(crate) elapsed: Duration,
    pub(crate) requests: u64,
    pub(crate) events: u64,
    /// To the end of the response, or of a stream to its first event.
    pub(crate) latencies: Latencies,
}

/// One connection, which stays open.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    reader: Reader,
    buffer: Vec<u8>,
    /// How much of the buffer the last bytes of the answer fill.
    received: usize,
    request: Request,
    streaming: bool,
    keys: u64,
    next_key: u64,
}

/// One request's whole answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// To the end of the answer, or of a stream to its first event.
    pub(crate) latency: Duration,
    pub(crate) events: u64,
}

impl Load {
    /// Opens the connections. With several keys each begins at another of them and goes round.
    pub(crate) async fn connect(address: SocketAddr, workload: Workload, count: usize, keys: u64) -> Result<Self> {
        let mut connections = Vec::with_capacity(count);
        for i in 0..count as u64 {
            let mut connection = Connection::open(address, workload).await?;
            connection.keys = keys;
            connection.next_key = i * keys / count as u64;
            connections.push(connection);
        }
        Ok(Self { connections })
    }

    /// Sends requests and checks every answer. The connections stay open for the next run.
    ///
    /// They begin one after the other within `stagger`: streams begun together would send every event together.
    pub(crate) async fn run(&mut self, until: Until, stagger: Duration) -> Result<Outcome> {
        let start = Instant::now();
        let mut tasks = JoinSet::new();
        let step = stagger / u32::try_from(self.connections.len().max(1)).unwrap_or(u32::MAX);
        for (i, connection) in (0..).zip(self.connections.drain(..)) {
            let delay = step * i;
            tasks.spawn(async move {
                if !delay.is_zero() {
                    sleep(delay).await;
                }
                connection.run(start, until).await
            });
        }
        let mut sum = Outcome::default();
        while let Some(joined) = tasks.join_next().await {
            let (connection, outcome) = joined.context("a connection's task")??;
            self.connections.push(connection);
            sum.requests += outcome.requests;
            sum.events += outcome.events;
            sum.latencies.merge(outcome.latencies);
        }
        sum.elapsed = start.elapsed();
        Ok(sum)
    }
}

impl Connection {
    /// Opens a connection for requests with the first key's token.
    pub(crate) async fn open(address: SocketAddr, workload: Workload) -> Result<Self> {
        let stream = TcpStream::connect(address).await.with_context(|| format!("connecting to {address}"))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            reader: Reader::new(Kind::Response),
            buffer: vec![0; 64 * 1024],
            received: 0,
            request: workload.request(),
            streaming: workload.is_stream(),
            keys: 1,
            next_key: 0,
        })
    }

    /// Sends the token of the n-th key from now on.
    pub(crate) fn set_key(&mut self, n: u64) {
        self.request.set_token(&token(n));
    }

    async fn run(mut self, start: Instant, until: Until) -> Result<(Self, Outcome)> {
        let mut outcome = Outcome::default();
        loop {
            let over = match until {
                Until::Elapsed(limit) => start.elapsed() >= limit,
                Until::Count(n) => outcome.requests >= n,
            };
            if over {
                return Ok((self, outcome));
            }
            if self.keys > 1 {
                self.set_key(self.next_key);
                self.next_key = (self.next_key + 1) % self.keys;
            }
            // A timer for each request would be felt in the figures: streams alone need one, being few.
            let answer = if self.streaming {
                timeout(STUCK, self.exchange()).await.context("a stream did not end")??
            } else {
                self.exchange().await?
            };
            if answer.status != 200 {
                bail!("not 200 but: {}", self.last_words());
            }
            if self.streaming {
                // Anthropic's dialect has some more around the same text; they are counted as the upstream sends them.
                ensure!(answer.events >= EVENTS, "{} events came of {EVENTS}", answer.events);
                outcome.events += EVENTS;
            }
            outcome.requests += 1;
            outcome.latencies.record(answer.latency.as_nanos());
        }
    }

    /// The head of the last answer, and what of its body came last.
    pub(crate) fn last_words(&self) -> String {
        let (head, rest) = (self.reader.head(), &self.buffer[..self.received]);
        format!("{} … {}", String::from_utf8_lossy(head), String::from_utf8_lossy(rest))
    }

    /// One request and its whole answer, whatever its status.
    pub(crate) async fn exchange(&mut self) -> Result<Answer> {
        let begun = Instant::now();
        self.stream.write_all(self.request.bytes()).await.context("sending a request")?;
        self.reader.reset();
        let mut events = Events::default();
        let mut first = None;
        while !self.reader.is_done() {
            let received = self.stream.read(&mut self.buffer).await.context("reading a response")?;
            self.received = received;
            ensure!(received > 0, "the connection was closed in the middle of a response");
            let input = &self.buffer[..received];
            let used = if self.streaming {
                self.reader.feed(input, |part| events.count(part))?
            } else {
                self.reader.feed(input, |_| ())?
            };
            ensure!(used == received, "{} bytes follow the response", received - used);
            if first.is_none() && events.seen > 0 {
                first = Some(begun.elapsed());
            }
        }
        let latency = first.unwrap_or_else(|| begun.elapsed());
        let status = self.reader.status().context("a response without a status")?;
        Ok(Answer { status, latency, events: events.seen })
    }
}

/// Counts events by the blank line that ends each, wherever the body was cut.
#[derive(Debug, Default)]
struct Events {
    seen: u64,
    after_newline: bool,
}

impl Events {
    fn count(&mut self, part: &[u8]) {
        for at in memchr::memchr_iter(b'\n', part) {
            let blank = if at == 0 { self.after_newline } else { part[at - 1] == b'\n' };
            self.seen += u64::from(blank);
        }
        self.after_newline = part.last() == Some(&b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::affinity::Cores;
    use crate::upstream::Upstream;

    #[test]
    fn events_are_counted_wherever_they_are_cut() {
        let body = b"data: a\n\ndata: {\"b\":1}\n\ndata: [DONE]\n\n";
        for cut in 0..=body.len() {
            let mut events = Events::default();
            events.count(&body[..cut]);
            events.count(&body[cut..]);
            assert_eq!(events.seen, 3, "cut at {cut}");
        }
    }

    #[tokio::test]
    async fn the_generator_and_the_upstream_understand_each_other() {
        let core = Cores::detect().unwrap().upstream;
        let upstream = Upstream::start(core, Duration::from_micros(100)).unwrap();
        for workload in [Workload::Chat1k, Workload::Chat100k, Workload::Stream] {
            let mut load = Load::connect(upstream.address(), workload, 3, 1000).await.unwrap();
            for _ in 0..2 {
                let outcome = load.run(Until::Count(2), Duration::from_millis(1)).await.unwrap();
                assert_eq!((outcome.requests, outcome.latencies.len()), (6, 6));
                assert_eq!(outcome.events, if workload.is_stream() { 6 * EVENTS } else { 0 });
            }
        }
        let mut load = Load::connect(upstream.address(), Workload::Chat1k, 1, 1).await.unwrap();
        assert!(load.run(Until::Elapsed(Duration::from_millis(20)), Duration::ZERO).await.unwrap().requests > 0);
    }

    #[tokio::test]
    async fn the_upstream_shows_what_arrived() {
        let upstream = Upstream::start(Cores::detect().unwrap().upstream, Duration::from_millis(1)).unwrap();
        let mut load = Load::connect(upstream.address(), Workload::Chat1k, 1, 1).await.unwrap();
        load.run(Until::Count(1), Duration::ZERO).await.unwrap();
        upstream.start_capture();
        load.run(Until::Count(1), Duration::ZERO).await.unwrap();
        assert_eq!(upstream.take_capture(), Workload::Chat1k.request().bytes());
    }
}

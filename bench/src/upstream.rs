//! The fast upstream: answers every chat request from prepared bytes, once it has read the whole request. At a second
//! address it refuses each with 503, as a backend that is overloaded.
//!
//! Answering early would make a proxy close the connection each time, and the cost of that would hide any filter's.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::affinity;
use crate::http::{Kind, Reader};
use crate::payload::{Answers, EVENTS, MESSAGES_PATH};

/// How much of a body's front is kept to see whether a stream is asked for.
const FRONT: usize = 2_048;

/// A running upstream; its thread ends with the process.
#[derive(Debug)]
pub(crate) struct Upstream {
    addresses: Addresses,
    shared: Arc<Shared>,
}

/// Where an upstream takes requests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Addresses {
    /// Here they are answered.
    pub(crate) serving: SocketAddr,
    /// Here they are refused with 503.
    pub(crate) failing: SocketAddr,
}

#[derive(Debug)]
struct Shared {
    answers: Answers,
    /// Those for requests in Anthropic's dialect.
    messages: Answers,
    /// Time between two events of a stream.
    pace: Duration,
    capturing: AtomicBool,
    captured: Mutex<Vec<u8>>,
}

impl Upstream {
    /// Starts it on a thread bound to the given core.
    pub(crate) fn start(core: usize, pace: Duration) -> Result<Self> {
        let shared = Arc::new(Shared {
            answers: Answers::new(),
            messages: Answers::of_messages(),
            pace,
            capturing: AtomicBool::new(false),
            captured: Mutex::default(),
        });
        let (ready, started) = mpsc::channel();
        let for_thread = Arc::clone(&shared);
        thread::Builder::new().name("upstream".into()).spawn(move || {
            let outcome = serve(core, &for_thread, &ready);
            // Only a failure ends it; after the start nobody listens to the channel any more.
            if let Err(error) = outcome {
                eprintln!("ditto-bench: the upstream stopped: {error:#}");
                let _ = ready.send(Err(error));
            }
        })?;
        let addresses = started.recv().context("the upstream's thread ended")??;
        Ok(Self { addresses, shared })
    }

    /// Where requests are answered.
    pub(crate) fn address(&self) -> SocketAddr {
        self.addresses.serving
    }

    /// Both addresses.
    pub(crate) fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Keeps what requests look like on arrival, from now on.
    pub(crate) fn start_capture(&self) {
        self.shared.captured.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.shared.capturing.store(true, Ordering::SeqCst);
    }

    /// Stops keeping them; returns those that came, head and body one behind the other.
    pub(crate) fn take_capture(&self) -> Vec<u8> {
        self.shared.capturing.store(false, Ordering::SeqCst);
        std::mem::take(&mut self.shared.captured.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn serve(core: usize, shared: &Arc<Shared>, ready: &mpsc::Sender<Result<Addresses>>) -> Result<()> {
    affinity::pin(core)?;
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let serving = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let failing = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let _ = ready.send(Ok(Addresses { serving: serving.local_addr()?, failing: failing.local_addr()? }));
        loop {
            let (stream, refuses) = tokio::select! {
                accepted = serving.accept() => (accepted?.0, false),
                accepted = failing.accept() => (accepted?.0, true),
            };
            let shared = Arc::clone(shared);
            tokio::spawn(async move {
                // A closed connection is the proxy's affair; a message that cannot be read is worth a line.
                if let Err(error) = connection(stream, &shared, refuses).await
                    && !error.is::<std::io::Error>()
                {
                    eprintln!("ditto-bench: the upstream could not read a request: {error:#}");
                }
            });
        }
    })
}

async fn connection(mut stream: TcpStream, shared: &Shared, refuses: bool) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; 128 * 1024];
    let mut reader = Reader::new(Kind::Request);
    let mut front = Vec::with_capacity(FRONT);
    loop {
        reader.reset();
        front.clear();
        let mut capturing = false;
        let mut body = Vec::new();
        while !reader.is_done() {
            let n = stream.read(&mut buffer).await?;
            if n == 0 {
                return Ok(());
            }
            // Asked now, because the connection may have waited long for this request.
            capturing = shared.capturing.load(Ordering::Relaxed);
            let used = reader.feed(&buffer[..n], |part| {
                let room = FRONT - front.len();
                front.extend_from_slice(&part[..part.len().min(room)]);
                if capturing {
                    body.extend_from_slice(part);
                }
            })?;
            if used != n {
                bail!("{} bytes came before the request was answered", n - used);
            }
        }
        if capturing {
            let mut captured = shared.captured.lock().unwrap_or_else(PoisonError::into_inner);
            captured.extend_from_slice(reader.head());
            captured.append(&mut body);
        }
        let is_messages = reader.head().get(5..).is_some_and(|target| target.starts_with(MESSAGES_PATH.as_bytes()));
        let answers = if is_messages { &shared.messages } else { &shared.answers };
        if refuses {
            stream.write_all(&answers.refusal).await?;
        } else if memchr::memmem::find(&front, br#""stream":true"#).is_some() {
            send_stream(&mut stream, answers, shared.pace).await?;
        } else {
            stream.write_all(&answers.completion).await?;
        }
    }
}

/// Sends the events one by one, each at its time; the first at once.
async fn send_stream(stream: &mut TcpStream, answers: &Answers, pace: Duration) -> Result<()> {
    stream.write_all(&answers.stream_start).await?;
    let mut clock = interval_at(Instant::now() + pace, pace);
    // Catching up would send several events together.
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for _ in 0..EVENTS - 3 {
        clock.tick().await;
        stream.write_all(&answers.stream_event).await?;
    }
    for last in [&answers.stream_usage, &answers.stream_end] {
        clock.tick().await;
        stream.write_all(last).await?;
    }
    Ok(())
}

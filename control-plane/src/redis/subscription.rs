//! Listening to channels, through every loss of the connection.
//!
//! Redis keeps no messages for who is away, so what matters as much as a message is to know when one may have been
//! missed: that is a [`Notice::Gap`]. A listener that is slow is not waited for without bound: the connection stands
//! still, and the server closes it when it has kept too much for it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use redis::aio::PubSub;
use redis::{Client, RedisResult};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::connection::Target;
use super::{CONNECT_TIMEOUT, RESPONSE_TIMEOUT};

/// Notices that wait for the listener.
const NOTICES_MAX: usize = 256;

/// How often a silent connection is asked whether it is still there.
const PING_INTERVAL: Duration = Duration::from_secs(2);

/// The wait before the first, and the longest before any, new attempt to connect.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// What a listener hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A message that somebody published.
    Message {
        /// The channel's name.
        channel: String,
        /// The message, as it was published.
        payload: Vec<u8>,
    },
    /// Listening begins, for the first time or anew: any message may have been missed before.
    Gap,
}

/// What comes in on some channels. Dropped, it stops listening.
#[derive(Debug)]
pub struct Subscription {
    notices: mpsc::Receiver<Notice>,
    task: AbortHandle,
}

impl Subscription {
    pub(super) fn start(target: Arc<Target>, channels: Vec<String>) -> Self {
        let (sender, notices) = mpsc::channel(NOTICES_MAX);
        let task = tokio::spawn(listen(target, channels, sender)).abort_handle();
        Self { notices, task }
    }

    /// The next notice. The first is a [`Notice::Gap`], as soon as the server has confirmed the subscription. Nothing
    /// is lost when the future is dropped before it is ready.
    pub async fn next(&mut self) -> Notice {
        match self.notices.recv().await {
            Some(notice) => notice,
            // The task ends only with us.
            None => std::future::pending().await,
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Listens until nobody is left to tell. A cluster passes each message to all its nodes, so any node will do.
async fn listen(target: Arc<Target>, channels: Vec<String>, sender: mpsc::Sender<Notice>) {
    let (first, longest) = BACKOFF;
    let mut wait = first;
    for node in target.nodes().iter().cycle() {
        match subscribe(node, &channels).await {
            Ok(pubsub) => {
                wait = first;
                tracing::debug!(server = target.server(), "listening");
                if sender.send(Notice::Gap).await.is_err() {
                    return;
                }
                let reason = relay(pubsub, &sender).await;
                tracing::info!(server = target.server(), reason, "stopped listening; beginning again");
            }
            Err(error) => tracing::debug!(server = target.server(), %error, "cannot listen"),
        }
        if sender.is_closed() {
            return;
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(longest);
    }
}

async fn subscribe(node: &Client, channels: &[String]) -> RedisResult<PubSub> {
    let subscribing = async {
        let mut pubsub = node.get_async_pubsub().await?;
        pubsub.subscribe(channels).await?;
        Ok(pubsub)
    };
    let subscribed = tokio::time::timeout(CONNECT_TIMEOUT, subscribing).await;
    subscribed.unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()))
}

/// Passes messages on until the connection is of no use any more, and says why.
async fn relay(pubsub: PubSub, sender: &mpsc::Sender<Notice>) -> &'static str {
    let (mut sink, mut messages) = pubsub.split();
    loop {
        match tokio::time::timeout(PING_INTERVAL, messages.next()).await {
            Ok(Some(message)) => {
                let channel = message.get_channel_name().to_owned();
                let payload = message.get_payload_bytes().to_vec();
                if sender.send(Notice::Message { channel, payload }).await.is_err() {
                    return "nobody is interested";
                }
            }
            Ok(None) => return "the connection was closed",
            Err(_) => match tokio::time::timeout(RESPONSE_TIMEOUT, sink.ping::<redis::Value>()).await {
                Ok(Ok(_)) => {}
                Ok(Err(_)) => return "the connection failed",
                Err(_) => return "no answer to a ping",
            },
        }
    }
}

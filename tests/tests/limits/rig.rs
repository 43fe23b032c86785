//! Keys with limits, requests that need a known amount, and many of them at once.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ditto_tests::client::{Client, Outgoing, Response};
use ditto_tests::eventually::eventually;
use ditto_tests::harness::{ADMIN_TOKEN, Gateway, GatewayBuilder, config};
use ditto_tests::redis::RedisServer;
use ditto_tests::simulator::{Fault, Simulator};
use ditto_tests::support::SOON;
use futures_util::future::join_all;
use serde_json::{Value, json};

/// Where all requests of these tests go.
pub(super) const CHAT: &str = "/v1/chat/completions";
/// Tokens that the usual request needs: those that its text is estimated to have, and its `max_tokens`.
pub(super) const NEED: u64 = 50;
/// Those of them that are output.
pub(super) const OUTPUT: u64 = 40;
/// A key without any budget, whose refusals say what a request needs.
const PROBE: &str = "probe";

/// The token of a key of these tests.
pub(super) fn token(id: &str) -> String {
    format!("sk-ditto-limits-{id}-0123456789")
}

/// A key with what `rest` says of its limits.
pub(super) fn key(id: &str, rest: &Value) -> Value {
    let mut key = config::key(id, &token(id));
    for (name, value) in rest.as_object().expect("members of a key") {
        key[name] = value.clone();
    }
    key
}

/// A document with one backend and these keys, besides the probe.
pub(super) fn document(simulator: &Simulator, keys: &[Value]) -> Value {
    let mut document = config::single(simulator);
    let probe = key(PROBE, &json!({"budget": {"total_tokens": 0}}));
    document["virtual_keys"] = keys.iter().chain([&probe]).cloned().collect();
    document
}

/// Starts a gateway and waits until all its workers know the keys.
pub(super) async fn start(document: &Value, args: &[&str]) -> Gateway {
    begin(Gateway::builder(document.clone()).args(args)).await
}

/// Two gateways with one document and one Redis.
pub(super) async fn pair(redis: &RedisServer, document: &Value, args: &[&str]) -> (Gateway, Gateway) {
    let one = || Gateway::builder(document.clone()).args(args).args(&["--redis", &redis.url()]);
    tokio::join!(begin(one()), begin(one()))
}

async fn begin(builder: GatewayBuilder) -> Gateway {
    let gateway = builder.start().await;
    until_all_say(&gateway, "nobody", 401).await;
    gateway
}

/// Waits until all workers know a key of the admin API.
pub(super) async fn until_known(gateway: &Gateway, id: &str) {
    until_all_say(gateway, id, 501).await;
}

/// Waits until no worker knows a key any more.
pub(super) async fn until_unknown(gateway: &Gateway, id: &str) {
    until_all_say(gateway, id, 401).await;
}

/// Asks for what there is not, and costs nothing. Each request has a connection of its own, and the kernel deals these
/// out to the workers.
async fn until_all_say(gateway: &Gateway, id: &str, status: u16) {
    let client = gateway.client();
    eventually(SOON, &format!("all workers say {status} to {id}"), async || {
        let probes = (0..16).map(|_| client.get("/v1/gateway").bearer(&token(id)).send());
        join_all(probes).await.iter().all(|reply| reply.status == status)
    })
    .await;
}

/// The admin API of a gateway.
pub(super) fn admin(gateway: &Gateway) -> Client {
    gateway.control_client().with_bearer(ADMIN_TOKEN)
}

/// The body of the usual request.
pub(super) fn body() -> Value {
    json!({"model": "gpt-4o-mini", "max_tokens": OUTPUT, "messages": [{"role": "user", "content": "Say hello."}]})
}

/// The usual request of a key.
pub(super) fn request(client: &Client, id: &str) -> Outgoing {
    client.post(CHAT, &body()).bearer(&token(id))
}

/// Sends the usual request of a key.
pub(super) async fn send(client: &Client, id: &str) -> Answer {
    Answer::of(request(client, id).send().await).await
}

/// The provider says from now on that a usual request used exactly what the gateway reserves for it.
pub(super) async fn exact_usage(simulator: &Simulator, client: &Client) {
    let refused = send(client, PROBE).await;
    assert_eq!((refused.status, refused.number("attempted=")), (402, NEED), "{refused:?}");
    let usage = json!({"prompt_tokens": NEED - OUTPUT, "completion_tokens": OUTPUT, "total_tokens": NEED});
    let message = json!({"role": "assistant", "content": "Hello."});
    let choice = json!({"index": 0, "message": message, "finish_reason": "stop"});
    let reply = json!({"object": "chat.completion", "model": "gpt-4o-mini", "choices": [choice], "usage": usage});
    simulator.fault_on(CHAT, Fault::scripted("application/json", [reply.to_string()]));
}

/// A reply that was read to its end.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// `error.code`, if it is an error.
    pub(super) code: String,
    /// `error.message`, if it is an error.
    pub(super) message: String,
    headers: http::HeaderMap,
}

impl Answer {
    pub(super) async fn of(mut response: Response) -> Self {
        let body: Value = serde_json::from_str(&response.text().await).unwrap_or_default();
        let text = |name: &str| body["error"][name].as_str().unwrap_or_default().to_owned();
        Self { status: response.status, code: text("code"), message: text("message"), headers: response.headers }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The number that follows `name` in the message.
    pub(super) fn number(&self, name: &str) -> u64 {
        let (_, rest) = self.message.split_once(name).unwrap_or_else(|| panic!("no {name} in {self:?}"));
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().unwrap_or_else(|_| panic!("no number after {name} in {self:?}"))
    }
}

/// Answers to many requests: those that were served, and those that were refused.
#[derive(Debug, Default)]
pub(super) struct Answers {
    pub(super) served: usize,
    pub(super) refused: Vec<Answer>,
}

impl Answers {
    /// The refusals, all of this status and code.
    pub(super) fn refusals(&self, status: u16, code: &str) -> &[Answer] {
        for refused in &self.refused {
            assert_eq!((refused.status, refused.code.as_str()), (status, code), "{refused:?}");
        }
        &self.refused
    }
}

/// The key's usual request so many times at once, dealt out to the gateways in turn, each on a connection of its own.
pub(super) async fn burst(gateways: &[&Gateway], id: &str, count: usize) -> Answers {
    let clients: Vec<Client> = gateways.iter().map(|gateway| gateway.client()).collect();
    let requests = clients.iter().cycle().take(count).map(|client| send(client, id));
    let mut answers = Answers::default();
    for answer in join_all(requests).await {
        match answer.status {
            200 => answers.served += 1,
            _ => answers.refused.push(answer),
        }
    }
    answers
}

/// A burst of which no more than `fits` may be served, and as many must be.
///
/// Where several workers wait at once for parts of what the others hold, or a worker is slow to hand back what it does
/// not use, requests are refused that would have fitted a moment later. So there may be stragglers: whoever comes then
/// gets the rest, to the last token.
pub(super) async fn use_up(gateways: &[&Gateway], id: &str, count: usize, fits: usize) -> Answers {
    let answers = burst(gateways, id, count).await;
    let mut served = answers.served;
    println!("{id}: {served} of {fits} at once");
    assert!(served <= fits && served >= fits / 2, "{id}: {served} of {fits}");
    eventually(SOON, "the rest can be used", async || {
        served += if served < fits { burst(&gateways[..1], id, 1).await.served } else { 0 };
        served == fits
    })
    .await;
    answers
}

/// Waits until the present minute lasts for a while: what follows is counted in one minute.
pub(super) async fn early_in_a_minute() {
    const ENOUGH_MS: u128 = 10_000;
    eventually(SOON, "a minute begins", async || {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        60_000 - now.as_millis() % 60_000 >= ENOUGH_MS
    })
    .await;
}

/// Asserts that several workers of the gateway have had connections.
pub(super) async fn expect_several_workers(gateway: &Gateway) {
    let text = gateway.envoy_admin("/stats?filter=worker_[0-9]+.downstream_cx_total").await;
    let busy = text.lines().filter(|line| !line.ends_with(": 0")).count();
    assert!(busy >= 2, "one worker did it all:\n{text}");
}

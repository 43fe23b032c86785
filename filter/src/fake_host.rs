//! A host without Envoy: it keeps what Envoy keeps for a stream, by Envoy's rules, and tests look at what became of it.
//!
//! It expects nothing. `play` calls the stages the way Envoy does, and `world` is a small installation for them.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use self::shared::Shared;
use crate::head::serialise;
use crate::host::{Host, HostError};

pub(crate) mod gateway;
pub(crate) mod ledger;
pub(crate) mod play;
pub(crate) mod shared;
pub(crate) mod world;

/// What [`Host::now_ms`] says.
pub(crate) const NOW_MS: u64 = 1_700_000_000_000;
/// proxy-wasm's `BadArgument`.
const BAD_ARGUMENT: i32 = 2;
/// proxy-wasm's `InternalFailure`.
const INTERNAL_FAILURE: i32 = 10;

/// One stream.
#[derive(Debug, Default)]
pub(crate) struct FakeHost {
    headers: RefCell<Vec<(String, String)>>,
    /// What the body callback at hand can see: all that is held back, and the newest chunk.
    body: RefCell<Vec<u8>>,
    /// Kept values too: Envoy finds both by one call.
    properties: RefCell<BTreeMap<String, Vec<u8>>>,
    /// What the stream's worker shares with others.
    shared: Shared,
    response_headers: RefCell<Vec<(String, String)>>,
    /// The piece of the response that the callback at hand can see.
    response_piece: RefCell<Vec<u8>>,
    /// Whether a stage ended the stream.
    closed: Cell<bool>,
    /// The time, if it is not [`NOW_MS`].
    now_ms: Cell<Option<u64>>,
    reply: RefCell<Option<Reply>>,
    /// Replies after the first, which Envoy refuses.
    replies_refused: Cell<usize>,
    warnings: RefCell<Vec<String>>,
    /// How many calls that can fail were made, and which of them does.
    calls: Cell<usize>,
    failing: Cell<Option<usize>>,
    /// Whether replies fail, all of them.
    mute: Cell<bool>,
    /// The calls that were made, and what the latest is answered.
    called: RefCell<Vec<Called>>,
    call_answer: RefCell<(u16, Vec<u8>)>,
}

/// A call to a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Called {
    pub(crate) cluster: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// What the client gets from the filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Reply {
    /// The `code` of an OpenAI error object.
    pub(crate) fn code(&self) -> String {
        let body: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        body["error"]["code"].as_str().unwrap().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl FakeHost {
    /// A stream whose request begins with these headers.
    pub(crate) fn new(headers: &[(&str, &str)]) -> Self {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { headers: RefCell::new(headers), ..Self::default() }
    }

    /// The same stream, in an Envoy that shares this.
    pub(crate) fn sharing(self, shared: &Shared) -> Self {
        Self { shared: shared.clone(), ..self }
    }

    /// The same stream, whose call of this number (the first is 0) is refused.
    pub(crate) fn failing_at(self, call: usize) -> Self {
        self.failing.set(Some(call));
        self
    }

    /// The same stream; of the calls to come, that of this number is refused.
    pub(crate) fn failing_next(self, call: usize) -> Self {
        let made = self.calls.get();
        self.failing_at(made + call)
    }

    /// The same stream, whose replies are all refused.
    pub(crate) fn mute(self) -> Self {
        self.mute.set(true);
        self
    }

    /// The request headers as they are now, sorted.
    pub(crate) fn headers(&self) -> Vec<(String, String)> {
        let mut headers = self.headers.borrow().clone();
        headers.sort();
        headers
    }

    /// One request header; it must not be there twice.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let headers = self.headers.borrow();
        let mut values = headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.clone());
        let value = values.next();
        assert_eq!(values.next(), None, "{name} is there twice");
        value
    }

    /// Gives the stream a property.
    pub(crate) fn set_property(&self, path: &[&str], value: &[u8]) {
        self.properties.borrow_mut().insert(path.join("."), value.to_vec());
    }

    /// Takes a property, or a kept value, away.
    pub(crate) fn forget(&self, name: &str) {
        self.properties.borrow_mut().remove(name);
    }

    /// The reply, if the request was answered.
    pub(crate) fn reply_sent(&self) -> Option<Reply> {
        self.reply.borrow().clone()
    }

    /// How often the stages tried to answer again.
    pub(crate) fn replies_refused(&self) -> usize {
        self.replies_refused.get()
    }

    /// What the operator was told.
    pub(crate) fn warnings(&self) -> Vec<String> {
        self.warnings.borrow().clone()
    }

    /// Whether the call that was to fail has been made.
    pub(crate) fn has_failed(&self) -> bool {
        self.failing.get().is_some_and(|call| self.calls.get() > call)
    }

    /// More of the body arrives. Returns how much the callback is told of.
    pub(crate) fn arrive(&self, chunk: &[u8]) -> usize {
        let mut body = self.body.borrow_mut();
        body.extend_from_slice(chunk);
        body.len()
    }

    /// What is held goes on.
    pub(crate) fn take_body(&self) -> Vec<u8> {
        self.body.take()
    }

    /// A piece of the response is there.
    pub(crate) fn answer(&self, piece: &[u8]) {
        self.response_piece.replace(piece.to_vec());
    }

    /// The piece of the response goes on.
    pub(crate) fn take_response(&self) -> Vec<u8> {
        self.response_piece.take()
    }

    /// Whether a stage ended the stream.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    /// Moves the clock.
    pub(crate) fn set_now_ms(&self, now_ms: u64) {
        self.now_ms.set(Some(now_ms));
    }

    fn call(&self, call: &'static str) -> Result<(), HostError> {
        let number = self.calls.get();
        self.calls.set(number + 1);
        if self.failing.get() == Some(number) { Err(HostError { call, status: INTERNAL_FAILURE }) } else { Ok(()) }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

impl Host for FakeHost {
    fn request_headers(&self) -> Result<Vec<u8>, HostError> {
        self.call("get_header_map_pairs")?;
        let headers = self.headers.borrow();
        let pairs: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        Ok(serialise(&pairs))
    }

    fn set_request_header(&self, name: &str, value: &[u8]) -> Result<(), HostError> {
        self.call("replace_header_map_value")?;
        let mut headers = self.headers.borrow_mut();
        headers.retain(|(known, _)| known != name);
        headers.push((name.to_owned(), text(value)));
        Ok(())
    }

    fn add_request_header(&self, name: &str, value: &[u8]) -> Result<(), HostError> {
        self.call("add_header_map_value")?;
        self.headers.borrow_mut().push((name.to_owned(), text(value)));
        Ok(())
    }

    fn remove_request_header(&self, name: &str) -> Result<(), HostError> {
        self.call("remove_header_map_value")?;
        self.headers.borrow_mut().retain(|(known, _)| known != name);
        Ok(())
    }

    fn request_body(&self, start: usize, max: usize) -> Result<Vec<u8>, HostError> {
        self.call("get_buffer_bytes")?;
        let body = self.body.borrow();
        // Envoy gives less than was asked for, but nothing from behind the end.
        let rest = body.get(start..).ok_or(HostError { call: "get_buffer_bytes", status: BAD_ARGUMENT })?;
        Ok(rest[..max.min(rest.len())].to_vec())
    }

    fn replace_request_body_prefix(&self, size: usize, value: &[u8]) -> Result<(), HostError> {
        self.call("set_buffer_bytes")?;
        let mut body = self.body.borrow_mut();
        let drained = size.min(body.len());
        body.splice(..drained, value.iter().copied());
        Ok(())
    }

    fn response_headers(&self) -> Result<Vec<u8>, HostError> {
        self.call("get_header_map_pairs")?;
        let headers = self.response_headers.borrow();
        let pairs: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        Ok(serialise(&pairs))
    }

    fn set_response_header(&self, name: &str, value: &[u8]) -> Result<(), HostError> {
        self.call("replace_header_map_value")?;
        let mut headers = self.response_headers.borrow_mut();
        headers.retain(|(known, _)| known != name);
        headers.push((name.to_owned(), text(value)));
        Ok(())
    }

    fn remove_response_header(&self, name: &str) -> Result<(), HostError> {
        self.call("remove_header_map_value")?;
        self.response_headers.borrow_mut().retain(|(known, _)| known != name);
        Ok(())
    }

    fn response_body(&self, size: usize) -> Result<Vec<u8>, HostError> {
        self.call("get_buffer_bytes")?;
        let piece = self.response_piece.borrow();
        Ok(piece[..size.min(piece.len())].to_vec())
    }

    fn replace_response_body(&self, size: usize, value: &[u8]) -> Result<(), HostError> {
        self.call("set_buffer_bytes")?;
        let mut piece = self.response_piece.borrow_mut();
        let drained = size.min(piece.len());
        piece.splice(..drained, value.iter().copied());
        Ok(())
    }

    fn close_stream(&self) -> Result<(), HostError> {
        self.call("close_stream")?;
        self.closed.set(true);
        Ok(())
    }

    fn property(&self, path: &[&str]) -> Option<Vec<u8>> {
        self.call("get_property").ok()?;
        self.properties.borrow().get(&path.join(".")).cloned()
    }

    fn keep(&self, name: &str, value: &[u8]) -> Result<(), HostError> {
        self.call("set_property")?;
        self.set_property(&[name], value);
        Ok(())
    }

    fn shared(&self, name: &str) -> Result<(Vec<u8>, u32), HostError> {
        self.call("get_shared_data")?;
        Ok(self.shared.get(name))
    }

    fn share(&self, name: &str, value: &[u8], mark: u32) -> Result<bool, HostError> {
        self.call("set_shared_data")?;
        Ok(self.shared.set(name, value, mark))
    }

    fn reply(&self, status: u16, headers: &[(&str, &str)], body: &[u8]) -> Result<(), HostError> {
        if self.mute.get() {
            return Err(HostError { call: "send_local_response", status: INTERNAL_FAILURE });
        }
        if self.reply.borrow().is_some() {
            self.replies_refused.set(self.replies_refused.get() + 1);
            return Err(HostError { call: "send_local_response", status: BAD_ARGUMENT });
        }
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.reply.replace(Some(Reply { status, headers, body: text(body) }));
        Ok(())
    }

    fn call(&self, cluster: &str, headers: &[(&str, &str)], body: &[u8], _timeout_ms: u32) -> Result<(), HostError> {
        self.call("http_call")?;
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.called.borrow_mut().push(Called { cluster: cluster.to_owned(), headers, body: body.to_vec() });
        Ok(())
    }

    fn call_headers(&self) -> Result<Vec<u8>, HostError> {
        self.call("get_header_map_pairs")?;
        let status = self.call_answer.borrow().0.to_string();
        let headers = [(":status", status.as_str()), ("content-type", "application/json")];
        Ok(serialise(if status == "0" { &[] } else { &headers }))
    }

    fn call_body(&self, size: usize) -> Result<Vec<u8>, HostError> {
        self.call("get_buffer_bytes")?;
        Ok(self.call_answer.borrow().1.iter().take(size).copied().collect())
    }

    fn now_ms(&self) -> u64 {
        self.now_ms.get().unwrap_or(NOW_MS)
    }

    fn warn(&self, message: &str) {
        self.warnings.borrow_mut().push(message.to_owned());
    }
}

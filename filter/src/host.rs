//! The seam between the stages and Envoy.
//!
//! Every method is one call out of the VM (about a microsecond for those that return bytes, a third of that for the
//! others, as measured on Envoy 1.40), so the stages use as few as they can.

/// What the filter may ask of Envoy, or do to the request at hand.
pub trait Host {
    /// All request headers in proxy-wasm's serialised form; see [`crate::head::pairs`].
    fn request_headers(&self) -> Result<Vec<u8>, HostError>;
    /// Sets a request header, in place of all values it had.
    fn set_request_header(&self, name: &str, value: &[u8]) -> Result<(), HostError>;
    /// Adds a value to a request header, after those it has.
    fn add_request_header(&self, name: &str, value: &[u8]) -> Result<(), HostError>;
    /// Removes a request header.
    fn remove_request_header(&self, name: &str) -> Result<(), HostError>;
    /// Up to `max` bytes of the buffered request body from `start`.
    fn request_body(&self, start: usize, max: usize) -> Result<Vec<u8>, HostError>;
    /// Replaces the first `size` bytes of the buffered request body.
    fn replace_request_body_prefix(&self, size: usize, value: &[u8]) -> Result<(), HostError>;
    /// All response headers in proxy-wasm's serialised form; see [`crate::head::pairs`].
    fn response_headers(&self) -> Result<Vec<u8>, HostError>;
    /// Sets a response header, in place of all values it had.
    fn set_response_header(&self, name: &str, value: &[u8]) -> Result<(), HostError>;
    /// Removes a response header.
    fn remove_response_header(&self, name: &str) -> Result<(), HostError>;
    /// The first `size` bytes of the piece of the response body at hand.
    fn response_body(&self, size: usize) -> Result<Vec<u8>, HostError>;
    /// Replaces the first `size` bytes of the piece of the response body at hand.
    fn replace_response_body(&self, size: usize, value: &[u8]) -> Result<(), HostError>;
    /// Ends the stream at once, in both directions.
    fn close_stream(&self) -> Result<(), HostError>;
    /// A property of the stream; `None` when there is none.
    fn property(&self, path: &[&str]) -> Option<Vec<u8>>;
    /// Keeps a value with the stream, where the other stage finds it under the same name.
    fn keep(&self, name: &str, value: &[u8]) -> Result<(), HostError>;
    /// The value that all workers of this Envoy share under a name, and its mark for [`Host::share`]. One that was never
    /// set is empty.
    fn shared(&self, name: &str) -> Result<(Vec<u8>, u32), HostError>;
    /// Sets a shared value, unless it has been set since `mark` was read; says whether it did.
    fn share(&self, name: &str, value: &[u8], mark: u32) -> Result<bool, HostError>;
    /// Answers the request. The stage must pause afterwards.
    fn reply(&self, status: u16, headers: &[(&str, &str)], body: &[u8]) -> Result<(), HostError>;
    /// Asks a cluster; the answer comes in a callback of its own, with [`Host::call_headers`] and [`Host::call_body`].
    fn call(&self, cluster: &str, headers: &[(&str, &str)], body: &[u8], timeout_ms: u32) -> Result<(), HostError>;
    /// The headers of the answer at hand, in proxy-wasm's serialised form; none when the call failed.
    fn call_headers(&self) -> Result<Vec<u8>, HostError>;
    /// The first `size` bytes of the answer at hand.
    fn call_body(&self, size: usize) -> Result<Vec<u8>, HostError>;
    /// Milliseconds since the Unix epoch.
    fn now_ms(&self) -> u64;
    /// Tells the operator.
    fn warn(&self, message: &str);
}

/// Envoy refused a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostError {
    /// The call.
    pub call: &'static str,
    /// proxy-wasm's status code.
    pub status: i32,
}

/// Whether Envoy goes on with the request or waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// On to the next filter.
    Continue,
    /// Wait: for the rest of the body, or because the request has been answered.
    Pause,
}

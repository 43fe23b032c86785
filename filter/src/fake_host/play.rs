//! Plays a request through a stage: in chunks of any size, and in the order in which Envoy calls.

use super::FakeHost;
use crate::backend_stage::BackendStage;
use crate::gateway_stage::GatewayStage;
use crate::host::Flow;

/// Either stage.
pub(crate) trait Stage {
    fn headers(&mut self, host: &FakeHost, end_of_stream: bool) -> Flow;
    fn body(&mut self, host: &FakeHost, size: usize, end_of_stream: bool) -> Flow;
    fn trailers(&mut self, host: &FakeHost) -> Flow;
}

impl Stage for GatewayStage {
    fn headers(&mut self, host: &FakeHost, end_of_stream: bool) -> Flow {
        self.on_request_headers(host, end_of_stream)
    }

    fn body(&mut self, host: &FakeHost, size: usize, end_of_stream: bool) -> Flow {
        self.on_request_body(host, size, end_of_stream)
    }

    fn trailers(&mut self, host: &FakeHost) -> Flow {
        self.on_request_trailers(host)
    }
}

impl Stage for BackendStage {
    fn headers(&mut self, host: &FakeHost, _end_of_stream: bool) -> Flow {
        self.on_request_headers(host)
    }

    fn body(&mut self, host: &FakeHost, size: usize, end_of_stream: bool) -> Flow {
        self.on_request_body(host, size, end_of_stream)
    }

    fn trailers(&mut self, host: &FakeHost) -> Flow {
        self.on_request_trailers(host)
    }
}

/// What a stage made of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It went on, with this body.
    Forwarded(Vec<u8>),
    /// The stage answered, and Envoy called no more.
    Answered,
    /// It waits.
    Held,
}

/// Plays a request whose body comes in these chunks; without chunks the headers are all there is. The last chunk ends
/// the stream, and may be empty.
pub(crate) fn play<C: AsRef<[u8]>>(stage: &mut impl Stage, host: &FakeHost, chunks: &[C]) -> Outcome {
    play_to_the_end(stage, host, chunks, false)
}

/// The same with trailers behind the body: no chunk ends the stream.
pub(crate) fn play_with_trailers<C: AsRef<[u8]>>(stage: &mut impl Stage, host: &FakeHost, chunks: &[C]) -> Outcome {
    play_to_the_end(stage, host, chunks, true)
}

fn play_to_the_end<C: AsRef<[u8]>>(stage: &mut impl Stage, host: &FakeHost, chunks: &[C], trailers: bool) -> Outcome {
    host.take_body();
    let mut flow = stage.headers(host, chunks.is_empty() && !trailers);
    let mut passed = Vec::new();
    for (index, chunk) in chunks.iter().enumerate() {
        if answered(host, flow) {
            return Outcome::Answered;
        }
        let size = host.arrive(chunk.as_ref());
        flow = stage.body(host, size, index + 1 == chunks.len() && !trailers);
        if flow == Flow::Continue {
            passed.extend(host.take_body());
        }
    }
    if trailers && !answered(host, flow) {
        flow = stage.trailers(host);
        passed.extend(host.take_body());
    }
    match flow {
        _ if answered(host, flow) => Outcome::Answered,
        Flow::Continue => Outcome::Forwarded(passed),
        Flow::Pause => Outcome::Held,
    }
}

fn answered(host: &FakeHost, flow: Flow) -> bool {
    let answered = host.reply_sent().is_some();
    assert!(!answered || flow == Flow::Pause, "a request that was answered must not go on");
    assert_eq!(host.replies_refused(), 0, "answered twice");
    answered
}

/// Cuts a body at these places, in any order; those outside of it make empty chunks at its end.
pub(crate) fn cut(body: &[u8], places: &[usize]) -> Vec<Vec<u8>> {
    let mut places: Vec<_> = places.iter().map(|place| (*place).min(body.len())).collect();
    places.sort_unstable();
    let ends = places.iter().copied().chain([body.len()]);
    let starts = [0].into_iter().chain(places.iter().copied());
    starts.zip(ends).map(|(start, end)| body[start..end].to_vec()).collect()
}

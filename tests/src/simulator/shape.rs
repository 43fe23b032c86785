//! Turns a reply into bytes on the wire, spoiled as the fault says.

use std::future::pending;
use std::io::Write;
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::stream;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderName, HeaderValue, Response};
use http_body_util::{BodyExt, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::Frame;

use super::fault::{Cut, Fault};
use super::progress::Progress;
use super::record::Outcome;
use super::recorder::Track;
use super::reply::{Body, Meter, Piece, Reply};

/// The simulator broke the connection off, as it was told to.
#[derive(Debug)]
pub(super) struct Broken;

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("broken off by a fault")
    }
}

impl std::error::Error for Broken {}

pub(super) type WireBody = UnsyncBoxBody<Bytes, Broken>;

/// Time for what was sent so far to leave the process before the connection is closed. Closing at once would lose
/// bytes that the HTTP library still holds.
const BEFORE_CUT: Duration = Duration::from_millis(20);

pub(super) fn respond(mut reply: Reply, fault: &Fault, track: Track) -> Response<WireBody> {
    for (name, value) in &fault.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            reply.set_header(name, value);
        }
    }
    let (parts, whole) = match reply.body {
        Body::Whole(piece) => (vec![piece], true),
        Body::Pieces(pieces) => (pieces, false),
    };
    let (mut pieces, meters): (Vec<Bytes>, Vec<Meter>) =
        parts.into_iter().map(|Piece { bytes, meter }| (bytes, meter)).unzip();
    if fault.gzip {
        pieces = compress(&pieces);
        reply.headers.push((CONTENT_ENCODING, HeaderValue::from_static("gzip")));
    }
    if whole {
        let length = pieces.iter().map(Bytes::len).sum::<usize>();
        reply.headers.push((CONTENT_LENGTH, HeaderValue::from(length)));
    }
    // Compression adds a trailer behind the last piece, with nothing in it.
    let mut progress = Progress::of(pieces.iter().map(Bytes::len).zip(meters));
    track.begin_reply(reply.status.as_u16(), reply.bill);
    if whole {
        track.deliver(progress.begin_first());
    }
    let end = fit(&mut pieces, fault);
    pieces.retain(|piece| !piece.is_empty());

    let mut response = Response::new(send(Sending::new(pieces, fault.chunk_delay, end, progress, track)));
    *response.status_mut() = reply.status;
    for (name, value) in reply.headers {
        response.headers_mut().append(name, value);
    }
    response
}

/// A body without fault or record, for the simulator's own endpoints.
pub(super) fn respond_plainly(reply: Reply) -> Response<WireBody> {
    let bytes = match reply.body {
        Body::Whole(piece) => piece.bytes,
        Body::Pieces(pieces) => pieces.into_iter().flat_map(|piece| piece.bytes).collect(),
    };
    let body = http_body_util::Full::new(bytes).map_err(|never| match never {}).boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = reply.status;
    response.headers_mut().extend(reply.headers);
    response
}

/// What happens after the last piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The body is whole.
    Whole,
    /// The connection is closed.
    Cut,
    /// Nothing more comes, and the connection stays open.
    Stall,
}

/// Cuts the pieces to what the fault lets through.
fn fit(pieces: &mut Vec<Bytes>, fault: &Fault) -> End {
    // Events are counted before they are cut into other sizes.
    let events = match (fault.stall, fault.cut) {
        (Some(count), _) | (None, Some(Cut::AfterEvents(count))) => count,
        _ => usize::MAX,
    };
    pieces.truncate(events);
    if !fault.chunk_sizes.is_empty() {
        *pieces = recut(pieces, &fault.chunk_sizes);
    }
    match fault.cut {
        _ if fault.stall.is_some() => return End::Stall,
        Some(Cut::AfterBytes(count)) => *pieces = first_bytes(std::mem::take(pieces), count),
        Some(Cut::AfterHeaders) => pieces.clear(),
        Some(Cut::AfterEvents(_)) => {}
        Some(Cut::BeforeHeaders) | None => return End::Whole,
    }
    End::Cut
}

struct Sending {
    pieces: std::vec::IntoIter<Bytes>,
    first: bool,
    delay: Duration,
    end: End,
    progress: Progress,
    track: Track,
}

impl Sending {
    fn new(pieces: Vec<Bytes>, delay: Duration, end: End, progress: Progress, track: Track) -> Self {
        Self { pieces: pieces.into_iter(), first: true, delay, end, progress, track }
    }
}

fn send(mut sending: Sending) -> WireBody {
    if sending.pieces.len() == 0 && sending.end == End::Whole {
        sending.track.settle(Outcome::Answered);
        return http_body_util::Empty::new().map_err(|never| match never {}).boxed_unsync();
    }
    StreamBody::new(stream::unfold(sending, next_frame)).boxed_unsync()
}

async fn next_frame(mut sending: Sending) -> Option<(Result<Frame<Bytes>, Broken>, Sending)> {
    let Some(piece) = sending.pieces.next() else { return finish(sending).await };
    if !std::mem::take(&mut sending.first) {
        if sending.delay.is_zero() {
            // Lets the HTTP library flush, so that each piece is a write of its own.
            tokio::task::yield_now().await;
        } else {
            tokio::time::sleep(sending.delay).await;
        }
    }
    sending.track.deliver(sending.progress.send(piece.len()));
    // With a known length the library does not ask again after the last piece.
    if sending.pieces.len() == 0 && sending.end == End::Whole {
        sending.track.settle(Outcome::Answered);
    }
    Some((Ok(Frame::data(piece)), sending))
}

async fn finish(mut sending: Sending) -> Option<(Result<Frame<Bytes>, Broken>, Sending)> {
    match sending.end {
        End::Whole => None,
        End::Stall => pending().await,
        End::Cut => {
            tokio::time::sleep(BEFORE_CUT).await;
            sending.end = End::Whole;
            sending.track.settle(Outcome::Broken);
            Some((Err(Broken), sending))
        }
    }
}

/// Compresses piece by piece, so that each can be read as soon as it arrives.
fn compress(pieces: &[Bytes]) -> Vec<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let mut compressed = Vec::with_capacity(pieces.len() + 1);
    for piece in pieces {
        encoder.write_all(piece).and_then(|()| encoder.flush()).expect("writing to memory does not fail");
        compressed.push(Bytes::from(std::mem::take(encoder.get_mut())));
    }
    compressed.push(Bytes::from(encoder.finish().expect("writing to memory does not fail")));
    compressed
}

fn recut(pieces: &[Bytes], sizes: &[usize]) -> Vec<Bytes> {
    let mut rest = Bytes::from(pieces.concat());
    let mut recut = Vec::new();
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        recut.push(rest.split_to((*size).clamp(1, rest.len())));
    }
    recut
}

fn first_bytes(pieces: Vec<Bytes>, count: usize) -> Vec<Bytes> {
    let mut left = count;
    pieces
        .into_iter()
        .map(|mut piece| {
            piece.truncate(left);
            left -= piece.len();
            piece
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(texts: &[&'static str]) -> Vec<Bytes> {
        texts.iter().map(|text| Bytes::from_static(text.as_bytes())).collect()
    }

    #[test]
    fn recutting_keeps_every_byte() {
        let cut = recut(&pieces(&["abc", "defgh"]), &[1, 3]);
        assert_eq!(cut, pieces(&["a", "bcd", "e", "fgh"]));
    }

    #[test]
    fn the_first_bytes_end_inside_a_piece() {
        let cut = first_bytes(pieces(&["abc", "def", "ghi"]), 5);
        assert_eq!(cut.concat(), b"abcde");
    }

    #[test]
    fn each_compressed_piece_can_be_read_on_arrival() {
        use std::io::Read;
        let compressed = compress(&pieces(&["first", "second"]));
        let mut decoder = flate2::write::GzDecoder::new(Vec::new());
        decoder.write_all(&compressed[0]).unwrap();
        decoder.flush().unwrap();
        assert_eq!(decoder.get_ref(), b"first");
        let mut text = String::new();
        flate2::read::GzDecoder::new(&compressed.concat()[..]).read_to_string(&mut text).unwrap();
        assert_eq!(text, "firstsecond");
    }
}

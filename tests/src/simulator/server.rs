//! Accepts connections and takes each request through record, fault and dialect.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use super::call::Call;
use super::dialect::Dialect;
use super::fault::{Cut, Fault, StreamError};
use super::openai::{error::ApiError, realtime};
use super::record::Outcome;
use super::recorder::Track;
use super::reply::{Body, Reply};
use super::shape::{self, Broken, WireBody};
use super::{State, control};

/// More than any test sends; it keeps a runaway client from eating the machine.
const BODY_BYTES_MAX: usize = 512 << 20;

pub(super) async fn accept(listener: std::net::TcpListener, state: Arc<State>) {
    let listener = TcpListener::from_std(listener).expect("the listener was made for this runtime");
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let connection = state.connections.fetch_add(1, Ordering::Relaxed) + 1;
                tokio::spawn(serve(stream, connection, Arc::clone(&state)));
            }
            // Out of file descriptors, say: others may close theirs.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

async fn serve(stream: TcpStream, connection: u64, state: Arc<State>) {
    // Each piece of a body is to be a segment of its own.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| answer(Arc::clone(&state), connection, request));
    // Errors are the other side going away, or a fault doing its work.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades().await;
}

async fn answer(
    state: Arc<State>,
    connection: u64,
    mut request: Request<Incoming>,
) -> Result<Response<WireBody>, Broken> {
    if let Some(reply) = control::answer(&state, &request) {
        return Ok(shape::respond_plainly(reply));
    }
    let upgrade = realtime::is_upgrade(&request).then(|| hyper::upgrade::on(&mut request));
    let (parts, body) = request.into_parts();
    let mut track = state.recorder.begin(connection, &parts);
    let fault = match Fault::requested(&parts.headers) {
        None => state.plan.take(parts.uri.path()),
        Some(Ok(fault)) => fault,
        Some(Err(error)) => {
            let reply = ApiError::invalid(error.to_string()).param("x-simulator-fault").into_reply();
            return Ok(shape::respond(reply, &Fault::none(), track));
        }
    };
    let body = if fault.ignore_body {
        if !fault.replaces_reply() {
            // The body stays unread as long as it is held.
            let _unread = body;
            return pending().await;
        }
        Bytes::new()
    } else {
        receive(body, &track).await?
    };
    if fault.hang {
        return pending().await;
    }
    if !fault.delay.is_zero() {
        tokio::time::sleep(fault.delay).await;
    }
    if fault.cut == Some(Cut::BeforeHeaders) {
        track.settle(Outcome::Broken);
        return Err(Broken);
    }
    let call = Call { state: &state, order: track.order(), parts: &parts, body, manner: &fault.manner };
    let dialect = Dialect::of(&parts);
    let mut reply = match upgrade {
        _ if fault.replaces_reply() => replacement(&fault, dialect, &call),
        Some(upgrade) => realtime::open(&call, upgrade),
        None => dialect.answer(&call).await,
    };
    if let Some(StreamError { events, status }) = fault.stream_error {
        fail_within(&mut reply, events, |events| dialect.stream_failure(status_of(status), events, &call));
    }
    dialect.add_headers(&mut reply, &call);
    if let Ok(name) = HeaderValue::from_str(&state.config.name) {
        reply.set_header(HeaderName::from_static("x-simulator"), name);
    }
    Ok(shape::respond(reply, &fault, track))
}

/// Reads the body to its end, noting its progress.
async fn receive(mut body: Incoming, track: &Track) -> Result<Bytes, Broken> {
    let mut gathered = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            track.body(gathered.into(), false);
            return Err(Broken);
        };
        if let Some(data) = frame.data_ref() {
            track.received(data.len());
            if gathered.len() + data.len() > BODY_BYTES_MAX {
                return Err(Broken);
            }
            gathered.extend_from_slice(data);
        }
    }
    let body = Bytes::from(gathered);
    track.body(body.clone(), true);
    Ok(body)
}

/// The reply that a fault gives instead of the dialect's.
fn replacement(fault: &Fault, dialect: Dialect, call: &Call<'_>) -> Reply {
    let status = fault.status.map(status_of).unwrap_or_default();
    match fault.body.as_deref() {
        None => dialect.failure(status, call),
        Some([whole]) => Reply::bytes(status, "application/json", whole.clone()),
        Some(pieces) => {
            let mut reply = Reply::pieces("application/json", pieces.to_vec());
            reply.status = status;
            reply
        }
    }
}

/// Lets a stream go on for so many events and ends it with an error; a plain reply stays whole.
fn fail_within(reply: &mut Reply, events: usize, error: impl FnOnce(usize) -> Bytes) {
    if let Body::Pieces(pieces) = &mut reply.body {
        pieces.truncate(events);
        let error = error(pieces.len());
        pieces.push(error.into());
    }
}

/// A status that was checked before, or 200.
fn status_of(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or_default()
}

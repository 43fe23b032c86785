//! Counting one request: what it needs, what its reply says, and what is booked for it.

use std::rc::Rc;

use ditto_ledger::{Amounts, Counts, Reservation};
use ditto_llm::endpoint::Endpoint;
use ditto_llm::meter::{MeterOptions, Metered, ResponseMeter};
use ditto_llm::stream_edit::{Edited, StreamEditor, StreamEdits};
use ditto_policy::routing::{Backend, Router};
use ditto_pricing::Price;

use crate::backend_stage::Attempt;
use crate::charge::{self, Ended, Kind, Need};
use crate::host::{Host, HostError};
use crate::knowledge::KnownKey;
use crate::worker::Worker;

/// How much of a reply is dropped after its end was written here, before its stream is closed. Most clients hang up at
/// the end; one that reads on gets a proper end of the body too, unless the backend goes on for long.
const DROPPED_BYTES_MAX: usize = 1 << 20;
/// Envoy's name for the status of the reply.
const STATUS_PROPERTY: [&str; 2] = ["response", "code"];

/// One request with a key, from its admission to its end.
#[derive(Debug)]
pub(crate) struct Meter {
    worker: Rc<Worker>,
    router: Rc<Router>,
    key: Rc<KnownKey>,
    kind: Kind,
    need: Need,
    /// The model as the client names it.
    model: String,
    /// The first candidate's name, which stands for all where they do not differ.
    backend: String,
    /// Knows which candidate served, where they differ.
    attempt: Option<Rc<Attempt>>,
    reservation: Option<Reservation>,
    reader: Reader,
}

/// Who reads the reply.
#[derive(Debug)]
enum Reader {
    /// There is nothing to read.
    Nobody,
    /// It is only read. Made at the first piece.
    Meter(Option<Box<ResponseMeter>>),
    /// It is changed as well.
    Editor(Box<StreamEditor>),
    /// It was ended here; what still comes is dropped, so many bytes until now.
    Ended(Metered, usize),
}

/// Where a request is about to go.
pub(crate) struct Destination<'r> {
    pub(crate) router: &'r Rc<Router>,
    pub(crate) backend: &'r Backend,
    pub(crate) model: &'r str,
}

impl Meter {
    pub(crate) fn new(worker: &Rc<Worker>, key: &Rc<KnownKey>, to: &Destination<'_>, kind: Kind, need: Need) -> Self {
        Self {
            worker: Rc::clone(worker),
            router: Rc::clone(to.router),
            key: Rc::clone(key),
            kind,
            need,
            model: to.model.to_owned(),
            backend: to.backend.name.clone(),
            attempt: None,
            reservation: None,
            reader: if kind == Kind::Free { Reader::Nobody } else { Reader::Meter(None) },
        }
    }

    /// Has the reply's stream changed on its way: the usage that the client did not ask for is taken out, and in strict
    /// mode a stream that outruns its reservation is ended.
    pub(crate) fn edit_stream(&mut self, drop_usage: bool) {
        let output_cap = if self.need.strict { Some(self.need.output) } else { None };
        if drop_usage || output_cap.is_some() {
            let edits = StreamEdits { drop_usage, output_cap };
            let editor = StreamEditor::with_meter(self.endpoint(), edits, self.options());
            self.reader = Reader::Editor(Box::new(editor));
        }
    }

    pub(crate) fn follow(&mut self, attempt: Option<Rc<Attempt>>) {
        self.attempt = attempt;
    }

    pub(crate) fn key(&self) -> &Rc<KnownKey> {
        &self.key
    }

    pub(crate) fn need(&self) -> &Amounts {
        &self.need.amounts
    }

    pub(crate) fn exact(&self) -> bool {
        self.router.metering().exact_leases
    }

    pub(crate) fn granted(&mut self, reservation: Reservation) {
        self.reservation = Some(reservation);
    }

    /// The reply's headers have arrived.
    pub(crate) fn on_response_headers(&self, host: &impl Host) -> Result<(), HostError> {
        match self.reader {
            // Its length may change.
            Reader::Editor(_) => host.remove_response_header("content-length"),
            _ => Ok(()),
        }
    }

    /// A piece of the reply's body is there, `size` bytes of it.
    pub(crate) fn on_response_body(&mut self, host: &impl Host, size: usize, end: bool) -> Result<(), HostError> {
        if matches!(self.reader, Reader::Nobody) || (size == 0 && !matches!(self.reader, Reader::Editor(_))) {
            return Ok(());
        }
        if let Reader::Ended(_, dropped) = &mut self.reader {
            *dropped = dropped.saturating_add(size);
            host.replace_response_body(size, b"")?;
            return if *dropped > DROPPED_BYTES_MAX && !end { host.close_stream() } else { Ok(()) };
        }
        let piece = if size == 0 { Vec::new() } else { host.response_body(size)? };
        let (endpoint, options) = (self.endpoint(), self.options());
        match &mut self.reader {
            Reader::Nobody | Reader::Ended(..) => Ok(()),
            Reader::Meter(meter) => {
                meter.get_or_insert_with(|| Box::new(ResponseMeter::new(endpoint, options))).feed(&piece);
                Ok(())
            }
            Reader::Editor(editor) => match editor.feed(&piece, end) {
                Edited::Unchanged => Ok(()),
                Edited::Replace(bytes) => host.replace_response_body(size, &bytes),
                Edited::End(bytes) => {
                    let metered = editor.meter().metered();
                    self.reader = Reader::Ended(metered, 0);
                    host.replace_response_body(size, &bytes)
                }
            },
        }
    }

    /// Somebody else has read the reply, and says what it used.
    pub(crate) fn read_elsewhere(&mut self, metered: Metered) {
        self.reader = Reader::Ended(metered, 0);
    }

    /// The request is over, however it ended: books what it used. Returns its status, if that had to be known.
    pub(crate) fn settle(&mut self, host: &impl Host) -> Option<u16> {
        let reservation = self.reservation.take()?;
        let metered = match &self.reader {
            Reader::Nobody | Reader::Meter(None) => Metered::default(),
            Reader::Meter(Some(meter)) => meter.metered(),
            Reader::Editor(editor) => editor.meter().metered(),
            Reader::Ended(metered, _) => *metered,
        };
        // A count of the provider's says enough; otherwise it matters what the reply was.
        let status = if metered.usage.is_some() { 200 } else { status(host) };
        let price = self.price();
        let charge = charge::charge(&self.need, self.kind, price, &Ended { status, metered });
        if charge.overrun > 0 {
            let name = self.served().map_or("", |backend| backend.name.as_str());
            host.warn(&format!("backend {name} used {} tokens more than its cap", charge.overrun));
        }
        book(&self.worker, &self.key.id, &reservation, &charge.amounts, &charge.counts, host.now_ms());
        Some(status)
    }

    /// The backend that the reply came from, as far as known.
    fn served(&self) -> Option<&Backend> {
        let served = self.attempt.as_ref().and_then(|attempt| attempt.served());
        self.router.backend(served.as_deref().unwrap_or(&self.backend))
    }

    fn price(&self) -> Option<&Price> {
        price(&self.router, self.served()?, &self.model)
    }

    fn endpoint(&self) -> Endpoint {
        match self.kind {
            Kind::Tokens(endpoint) => endpoint,
            Kind::Free | Kind::Other => Endpoint::Other,
        }
    }

    fn options(&self) -> MeterOptions {
        let most = self.router.metering().usage_max_body_bytes;
        MeterOptions { max_json_bytes: usize::try_from(most).unwrap_or(usize::MAX) }
    }
}

impl Drop for Meter {
    /// A request that nobody saw the end of is charged what was reserved.
    fn drop(&mut self) {
        if let Some(reservation) = self.reservation.take() {
            let amounts = Amounts { window_requests: 1, ..self.need.amounts };
            let counts = Counts { requests: 1, ..Counts::default() };
            book(&self.worker, &self.key.id, &reservation, &amounts, &counts, 0);
        }
    }
}

/// Gives a reservation back: the request never went on.
pub(crate) fn release(worker: &Worker, key: &str, reservation: &Reservation, now_ms: u64) {
    book(worker, key, reservation, &Amounts::default(), &Counts::default(), now_ms);
}

fn book(worker: &Worker, key: &str, reservation: &Reservation, used: &Amounts, counts: &Counts, now_ms: u64) {
    let mut purses = worker.purses.borrow_mut();
    purses.settle(key, |purse| purse.settle(reservation, used, counts, now_ms));
}

/// What a backend takes for a model: the price of its own name for it, else of the client's.
pub(crate) fn price<'r>(router: &'r Router, backend: &Backend, model: &str) -> Option<&'r Price> {
    let prices = router.metering().prices.as_ref()?;
    let mapped = backend.map_model(model).and_then(|mapped| prices.get(&mapped.name));
    mapped.or_else(|| prices.get(model))
}

/// The reply's status; 0 when there was none.
pub(crate) fn status(host: &impl Host) -> u16 {
    let code = host.property(&STATUS_PROPERTY).and_then(|bytes| bytes.try_into().ok()).map_or(0, i64::from_le_bytes);
    u16::try_from(code).unwrap_or(0)
}

#[cfg(test)]
mod tests;

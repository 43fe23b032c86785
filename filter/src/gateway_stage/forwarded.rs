//! A request on its way: what is done to its reply, and how it is settled.

use ditto_policy::routing::{Route, Router};

use super::answer::{Answer, Expected, is_backends};
use super::shim::Shim;
use crate::backend_stage::BACKEND_PROPERTY;
use crate::host::{Flow, Host, HostError};
use crate::metering::{self, Meter};
use crate::outcomes::Ended;
use crate::worker::{Ticket, Worker};

/// A request on its way, until its end.
#[derive(Debug, Default)]
pub(super) struct Forwarded {
    /// Lives as long as the stream.
    pub(super) ticket: Option<Ticket>,
    pub(super) meter: Option<Box<Meter>>,
    /// How the reply is translated, until it begins.
    pub(super) expected: Option<Box<Expected>>,
    /// The reply that is being translated.
    pub(super) answer: Option<Box<Answer>>,
    /// Watches over a request that may have to be asked again.
    pub(super) shim: Option<Box<Shim>>,
    /// The first candidate's name, where somebody has to know it.
    pub(super) backend: Option<String>,
    /// Where it went, until its end is counted; absent for the control plane's own paths.
    pub(super) bound: Option<Bound>,
}

/// Where a request is bound for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bound {
    /// The place of the first candidate.
    first: usize,
    /// Whether there are others.
    has_several: bool,
}

impl Bound {
    pub(super) fn of(router: &Router, route: &Route) -> Option<Self> {
        Some(Self { first: router.first_place(route)?, has_several: route.has_several() })
    }
}

impl Forwarded {
    pub(super) fn on_response_headers(
        &mut self,
        host: &impl Host,
        worker: &Worker,
        router: &Router,
    ) -> Result<Flow, HostError> {
        let attempt = self.ticket.as_ref().and_then(Ticket::attempt);
        let expected = self.expected.take().or_else(|| attempt.as_ref()?.take_expected());
        if let Some(expected) = expected
            && let Some((answer, flow)) = Answer::begin(*expected, worker, host)?
        {
            self.answer = Some(Box::new(answer));
            return Ok(flow);
        }
        if let Some(shim) = &mut self.shim
            && is_backends(host)
        {
            let served = attempt.as_ref().and_then(|attempt| attempt.served());
            let backend = served.as_deref().or(self.backend.as_deref()).and_then(|name| router.backend(name));
            if let Some(backend) = backend.filter(|backend| backend.provider.is_none())
                && shim.on_head(host, worker, backend)? == Flow::Pause
            {
                return Ok(Flow::Pause);
            }
        }
        if let Some(meter) = &self.meter {
            meter.on_response_headers(host)?;
        }
        Ok(Flow::Continue)
    }

    pub(super) fn on_response_body(&mut self, host: &impl Host, size: usize, end: bool) -> Result<Flow, HostError> {
        if let Some(answer) = &mut self.answer {
            return answer.piece(host, size, end);
        }
        if self.shim.as_ref().is_some_and(|shim| shim.is_asking()) {
            host.replace_response_body(size, b"")?;
            return Ok(Flow::Pause);
        }
        if let Some(meter) = &mut self.meter {
            meter.on_response_body(host, size, end)?;
        }
        Ok(Flow::Continue)
    }

    pub(super) fn on_call_answer(&mut self, host: &impl Host, worker: &Worker, size: usize) -> Result<(), HostError> {
        let Some(shim) = &mut self.shim else { return Ok(()) };
        let sources = shim.on_answer(host, worker, size)?;
        if let (Some(meter), Some(metered)) = (&mut self.meter, sources.metered) {
            meter.read_elsewhere(metered);
        }
        Ok(())
    }

    /// The request is over: books what it used, and says how it ended, the first time.
    pub(super) fn settle(&mut self, host: &impl Host, router: &Router) -> Option<Ended> {
        if let (Some(meter), Some(answer)) = (&mut self.meter, &self.answer) {
            meter.read_elsewhere(answer.metered());
        }
        let status = self.meter.as_mut().and_then(|meter| meter.settle(host));
        let bound = self.bound.take()?;
        let status = status.unwrap_or_else(|| metering::status(host));
        let backend = if bound.has_several { self.served(host, router).unwrap_or(bound.first) } else { bound.first };
        Some(Ended { backend: Some(backend), status, fell_back: backend != bound.first })
    }

    /// The place of the candidate that the final attempt went to.
    fn served(&self, host: &impl Host, router: &Router) -> Option<usize> {
        if let Some(attempt) = self.ticket.as_ref().and_then(Ticket::attempt) {
            return router.place(&attempt.served()?);
        }
        router.place(std::str::from_utf8(&host.property(&BACKEND_PROPERTY)?).ok()?)
    }
}

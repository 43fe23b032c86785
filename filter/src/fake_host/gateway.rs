//! A worker with a ledger behind it: whole exchanges, from a client's request to what is booked for it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use ditto_ledger::{Account, Limits};
use ditto_policy::filter_config::Metering;
use ditto_proto::sync::BudgetMode;

use super::ledger::Ledger;
use super::play::{Outcome, play};
use super::world::{World, chat, key};
use super::{FakeHost, NOW_MS};
use crate::gateway_stage::{GatewayStage, Waiting, give_up};
use crate::host::Flow;

/// The key that its clients have.
pub(crate) const KEY: &str = "vk-metered";

/// A worker, its ledger, and the streams that are open.
pub(crate) struct Gateway {
    pub(crate) world: World,
    pub(crate) ledger: Ledger,
    now_ms: Cell<u64>,
    streams: Vec<Option<Stream>>,
}

/// One client's stream.
pub(crate) struct Stream {
    stage: Rc<RefCell<GatewayStage>>,
    pub(crate) host: FakeHost,
    /// What went upstream, or that it waits, or was answered.
    pub(crate) outcome: Outcome,
}

impl Gateway {
    /// Its one key has these limits, and its budgets this mode.
    pub(crate) fn new(metering: Metering, limits: Limits, mode: BudgetMode) -> Self {
        let world = World::metered(metering);
        let units = [limits.tokens, limits.pico_usd, limits.requests_per_minute, limits.tokens_per_minute];
        let limited = units.iter().enumerate().fold(0, |bits, (unit, limit)| bits | u32::from(limit.is_some()) << unit);
        let known = ditto_proto::sync::Key { limited, terms: 1, budget_mode: mode.into(), ..key(KEY, true, "") };
        world.set_key(known);
        world.worker.purses.borrow_mut().opened();
        let mut ledger = Ledger::default();
        ledger.limit(KEY, limits);
        Self { world, ledger, now_ms: Cell::new(NOW_MS), streams: Vec::new() }
    }

    /// A key with a token budget, in estimate mode.
    pub(crate) fn with_tokens(tokens: u64) -> Self {
        let limits = Limits { tokens: Some(tokens), ..Limits::default() };
        Self::new(Metering::default(), limits, BudgetMode::Estimate)
    }

    /// Time passes.
    pub(crate) fn wait_ms(&self, ms: u64) {
        self.now_ms.set(self.now_ms.get() + ms);
    }

    /// A client sends a request with the key. Returns the number of its stream.
    pub(crate) fn request(&mut self, headers: &[(&str, &str)], body: &str) -> usize {
        let token = format!("Bearer {KEY}");
        let usual = [("authorization", token.as_str())];
        let host = FakeHost::new(&chat(&[&usual, headers].concat()));
        host.set_now_ms(self.now_ms.get());
        let context = self.streams.len();
        let (worker, router) = (Rc::clone(&self.world.worker), Rc::clone(&self.world.router));
        let stage = Rc::new_cyclic(|stage| {
            let handle = Waiting { context: context as u32, stage: stage.clone(), ..Waiting::default() };
            RefCell::new(GatewayStage::new(worker, router).with_handle(handle))
        });
        let outcome = play(&mut *stage.borrow_mut(), &host, &[body.as_bytes()]);
        self.streams.push(Some(Stream { stage, host, outcome }));
        context
    }

    /// The stream of this number, which must be open.
    pub(crate) fn stream(&self, number: usize) -> &Stream {
        self.streams[number].as_ref().unwrap()
    }

    /// The worker says what it has to say, and hears the answers.
    pub(crate) fn talk(&mut self) {
        let purses = || self.world.worker.purses.borrow_mut();
        let mut answers = purses().tick(self.now_ms.get());
        loop {
            for (waiting, answer) in std::mem::take(&mut answers) {
                let stream = self.streams[waiting.context as usize].as_mut();
                let (Some(stage), Some(stream)) = (waiting.stage.upgrade(), stream) else {
                    give_up(&self.world.worker, &waiting, answer, self.now_ms.get());
                    continue;
                };
                stream.host.set_now_ms(self.now_ms.get());
                stream.outcome = match stage.borrow_mut().resolve(&stream.host, &waiting, answer) {
                    Flow::Continue => Outcome::Forwarded(stream.host.take_body()),
                    Flow::Pause => Outcome::Answered,
                };
            }
            let Some(message) = purses().message("node", self.now_ms.get()) else { break };
            let reply = self.ledger.answer(message, self.now_ms.get());
            answers = purses().heard(reply, self.now_ms.get());
        }
    }

    /// A request that must go on, after the ledger was asked if need be.
    pub(crate) fn admitted(&mut self, headers: &[(&str, &str)], body: &str) -> usize {
        let number = self.request(headers, body);
        self.talk();
        let stream = self.stream(number);
        assert!(matches!(stream.outcome, Outcome::Forwarded(_)), "{:?}", stream.host.reply_sent());
        number
    }

    /// The backend answers with this status and these pieces, the last of which ends the reply if `whole`. Returns what
    /// the client gets.
    pub(crate) fn answer<P: AsRef<[u8]>>(&self, number: usize, status: u16, pieces: &[P], whole: bool) -> Vec<u8> {
        let stream = self.stream(number);
        let mut stage = stream.stage.borrow_mut();
        stream.host.set_property(&["response", "code"], &i64::from(status).to_le_bytes());
        stage.on_response_headers(&stream.host);
        let mut passed = Vec::new();
        for (index, piece) in pieces.iter().enumerate() {
            stream.host.answer(piece.as_ref());
            stage.on_response_body(&stream.host, piece.as_ref().len(), whole && index + 1 == pieces.len());
            passed.extend(stream.host.take_response());
            if stream.host.is_closed() {
                break;
            }
        }
        passed
    }

    /// The stream is over.
    pub(crate) fn end(&mut self, number: usize) {
        if let Some(stream) = self.streams[number].take() {
            stream.host.set_now_ms(self.now_ms.get());
            stream.stage.borrow_mut().on_end(&stream.host);
        }
    }

    /// The stream is gone, and nobody saw its end.
    pub(crate) fn lose(&mut self, number: usize) {
        self.streams[number] = None;
    }

    /// What is booked for the key once everything that is due has been said.
    pub(crate) fn booked(&mut self) -> Account {
        for _ in 0..4 {
            self.talk();
            self.wait_ms(5_000);
        }
        self.ledger.account(KEY)
    }
}

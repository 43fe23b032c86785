//! What a request needs before it may go on, and what it is charged in the end. Decisions only.

use ditto_ledger::{Amounts, Counts, Unit};
use ditto_llm::endpoint::Endpoint;
use ditto_llm::estimate;
use ditto_llm::fault::Fault;
use ditto_llm::meter::Metered;
use ditto_llm::scan::Scanned;
use ditto_llm::usage::{ServiceTier, Usage};
use ditto_policy::filter_config::Metering;
use ditto_pricing::Price;

/// Makes a conversation shorter: it generates text, as much as it likes.
const COMPACT_PATH: &str = "/v1/responses/compact";

/// How an endpoint's calls are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing but the request itself: reads, uploads, counting tokens.
    Free,
    /// Tokens in and out, at the model's price.
    Tokens(Endpoint),
    /// Something is used that tokens of the body do not tell: images, audio, batches.
    Other,
}

impl Kind {
    /// Of a request by its method and normalised path.
    pub(crate) fn of(is_post: bool, path: &str) -> Self {
        let path = path.split('?').next().unwrap_or(path);
        if !is_post {
            return Self::Free;
        }
        match path {
            "/v1/files" | "/v1/responses/input_tokens" => return Self::Free,
            "/v1/moderations" | COMPACT_PATH => return Self::Tokens(Endpoint::Other),
            _ => {}
        }
        match Endpoint::of_path(path) {
            Endpoint::Other => Self::Other,
            endpoint if endpoint.only_counts() => Self::Free,
            endpoint => Self::Tokens(endpoint),
        }
    }

    /// Whether its calls answer with generated text, which a cap can bound.
    fn generates(self) -> bool {
        matches!(self, Self::Tokens(endpoint) if endpoint.generates())
    }
}

/// What is known of a request before it goes on.
#[derive(Debug)]
pub(crate) struct Asked<'r> {
    pub(crate) kind: Kind,
    pub(crate) path: &'r str,
    /// The model as the client names it; empty: none.
    pub(crate) model: &'r str,
    /// What the body says, if it is JSON.
    pub(crate) body: Option<&'r Scanned>,
    /// Some candidate may be served by Anthropic's models, whose templates add more.
    pub(crate) anthropic: bool,
    /// Bytes of the body, as far as known.
    pub(crate) body_bytes: u64,
    /// The prices of the models that the candidates would be asked for; `None` for one without a price.
    pub(crate) prices: Vec<Option<&'r Price>>,
}

/// What a request needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Need {
    pub(crate) amounts: Amounts,
    /// Input tokens, as estimated; in strict mode, at most.
    pub(crate) input: u64,
    /// Output tokens that are reserved.
    pub(crate) output: u64,
    /// The cap to write into the request, which has none.
    pub(crate) cap: Option<u64>,
    pub(crate) tier: ServiceTier,
    pub(crate) strict: bool,
}

/// Whether the tokens of a request's text have to be estimated before it may go on: some unit of its key that counts
/// tokens is limited, and strict mode does not take their bound instead.
pub(crate) fn estimates_input(limited: &[bool; 4], strict: bool) -> bool {
    let in_all = Unit::Tokens.is_in(limited) || Unit::PicoUsd.is_in(limited);
    (in_all || Unit::WindowTokens.is_in(limited)) && !(strict && in_all)
}

/// Says what a request needs of a key whose accounts limit these units (in the order of [`Unit::ALL`]).
pub(crate) fn need(asked: &Asked<'_>, limited: &[bool; 4], strict: bool, metering: &Metering) -> Result<Need, Fault> {
    let (by_tokens, by_cost) = (Unit::Tokens.is_in(limited), Unit::PicoUsd.is_in(limited));
    let mut need = Need { strict: strict && (by_tokens || by_cost), ..Need::default() };
    need.amounts.window_requests = 1;
    if asked.kind == Kind::Free {
        return Ok(need);
    }
    // What a compaction writes has no cap that could be set.
    let unbounded = need.strict && asked.path.split('?').next() == Some(COMPACT_PATH);
    if unbounded || (asked.kind == Kind::Other && (by_cost || need.strict)) {
        return Err(Fault::CostUnsupportedEndpoint(asked.path.split('?').next().unwrap_or_default().to_owned()));
    }
    if by_cost {
        if asked.model.is_empty() {
            return Err(Fault::InvalidRequest("A cost budget applies: the request must name its 'model'.".into()));
        }
        if asked.prices.is_empty() || asked.prices.iter().any(Option::is_none) {
            return Err(Fault::PricingNotConfigured(asked.model.to_owned()));
        }
    }
    need.tier = asked.body.map(|body| body.service_tier).unwrap_or_default();
    if need.strict {
        bound(asked, metering, &mut need)?;
    } else {
        estimate(asked, &mut need);
    }
    let tokens = need.input.saturating_add(need.output);
    let cost = |price: &Price| match need.strict {
        true => price.worst_case(need.input, need.output, need.tier),
        false => price.cost(&Usage { input: need.input, output: need.output, ..Usage::default() }, need.tier),
    };
    need.amounts.tokens = tokens;
    need.amounts.window_tokens = tokens;
    need.amounts.pico_usd = asked.prices.iter().flatten().map(|price| cost(price)).max().unwrap_or(0);
    Ok(need)
}

/// What the request will probably use: its input as estimated, and as much output as it allows.
fn estimate(asked: &Asked<'_>, need: &mut Need) {
    let bytes = usize::try_from(asked.body_bytes).unwrap_or(usize::MAX);
    need.input = match asked.body {
        Some(body) => body.text.input_tokens(bytes),
        None => estimate::input_tokens_of_bytes(bytes),
    };
    let output = asked.body.and_then(|body| body.max_output).unwrap_or(0);
    need.output = output.saturating_mul(asked.body.map_or(1, |body| body.choices));
}

/// The most that the request can use, and the cap that makes it so.
fn bound(asked: &Asked<'_>, metering: &Metering, need: &mut Need) -> Result<(), Fault> {
    let Some(body) = asked.body else {
        let message = "A strict budget applies: the request needs a JSON body, to tell what it can cost.";
        return Err(Fault::InvalidRequest(message.into()));
    };
    let largest = |of: fn(&Price) -> Option<u64>| asked.prices.iter().map(|price| price.and_then(of)).max().flatten();
    need.input = if body.unbounded {
        let message = "A strict budget applies, and this request refers to input that it does not contain (a former \
                       response, a file, an image by URL or a built-in tool): what it costs cannot be bounded.";
        largest(Price::max_input_tokens).ok_or_else(|| Fault::InvalidRequest(message.into()))?
    } else {
        let endpoint = if asked.anthropic { Endpoint::Messages } else { Endpoint::Other };
        estimate::input_tokens_bound_for(endpoint, body.body_bytes)
    };
    if asked.kind.generates() {
        let most = match body.max_output {
            Some(output) => output,
            None => {
                let cap = largest(Price::max_output_tokens).unwrap_or(metering.strict_output_tokens);
                let cap = cap.min(metering.strict_output_tokens).max(1);
                need.cap = Some(cap);
                cap
            }
        };
        need.output = most.saturating_mul(body.choices.max(1));
    } else {
        need.output = body.max_output.unwrap_or(0);
    }
    Ok(())
}

/// How a request ended.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Ended {
    /// The reply's status; 0: there was none.
    pub(crate) status: u16,
    pub(crate) metered: Metered,
}

/// What is booked for a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Charge {
    pub(crate) amounts: Amounts,
    pub(crate) counts: Counts,
    /// Tokens beyond what strict mode reserved: the backend ignored its cap.
    pub(crate) overrun: u64,
}

/// Says what a request is charged: what its provider counted; else what was sent and received, as estimated; else,
/// where the reply could not be read, what was reserved. What failed and produced nothing is free.
pub(crate) fn charge(need: &Need, kind: Kind, price: Option<&Price>, ended: &Ended) -> Charge {
    let metered = &ended.metered;
    let failed = ended.status >= 400 || metered.error;
    if failed && metered.usage.is_none() && metered.output_events == 0 && ended.status != 504 {
        // An error of the backend is still a request; one that no backend answered is not.
        let window_requests = u64::from(ended.status < 500);
        return Charge { amounts: Amounts { window_requests, ..Amounts::default() }, ..Charge::default() };
    }
    let tier = metered.service_tier.filter(|tier| *tier != ServiceTier::Auto).unwrap_or(need.tier);
    let usage = match (metered.usage, kind) {
        (_, Kind::Free) => Usage::default(),
        // A count that is told on the way says nothing of what was made after it.
        (Some(usage), _) if need.strict && !metered.finished && ended.status < 400 && !metered.error => {
            Usage { output: usage.output.max(need.output), ..usage }
        }
        // Said too early, and then the stream broke off: what came afterwards is in no count.
        (Some(usage), _) if metered.uncounted_events > 0 && !metered.finished => {
            Usage { output: usage.output.max(supposed(need, ended).output), ..usage }
        }
        (Some(usage), _) => usage,
        (None, _) => supposed(need, ended),
    };
    let reserved = &need.amounts;
    let mut amounts = Amounts {
        tokens: usage.total(),
        window_tokens: usage.total(),
        window_requests: 1,
        pico_usd: price.map_or(0, |price| price.cost(&usage, tier)),
    };
    let mut overrun = 0;
    if need.strict {
        overrun = usage.total().saturating_sub(reserved.tokens);
        amounts.tokens = amounts.tokens.min(reserved.tokens);
        amounts.pico_usd = amounts.pico_usd.min(reserved.pico_usd);
    }
    let counts = Counts { requests: 1, input_tokens: usage.input, output_tokens: usage.output };
    Charge { amounts, counts, overrun }
}

/// What a reply without a count must have used.
fn supposed(need: &Need, ended: &Ended) -> Usage {
    let metered = &ended.metered;
    let output = match (need.strict, metered.unread_bytes > 0) {
        // What was made and not delivered (the rest of a reply that broke off, hidden reasoning) cannot be seen from
        // here: strict mode takes no chance.
        (true, _) => need.output,
        (_, true) => need.output.max(metered.output_estimate()),
        _ => metered.output_estimate(),
    };
    Usage { input: need.input, output, ..Usage::default() }
}

#[cfg(test)]
mod tests;

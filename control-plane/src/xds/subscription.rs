//! One resource type on one stream: what the node asked for, what it was sent, and what it said about it.
//!
//! These are the protocol's rules and nothing else; when to send what is decided by [`super::stream`]. One rule is
//! our own: there is never more than one unanswered response of a type, so that what a node holds is never in doubt
//! beyond "the one before, or this one". It also bounds what a slow node can make us queue.

use std::collections::BTreeSet;

use envoy_types::pb::envoy::service::discovery::v3::{DiscoveryRequest, DiscoveryResponse};

use super::generations::Offer;
use super::snapshot::{ResourceSet, ResourceType};
use super::status::{Nack, TypeStatus};

/// Envoy's reason for refusing can quote whole resources.
const NACK_MESSAGE_BYTES_MAX: usize = 4096;

/// The name that asks for everything.
const WILDCARD: &str = "*";

/// One resource type on one stream.
#[derive(Debug)]
pub(crate) struct Subscription {
    ty: ResourceType,
    interest: Interest,
    /// Set by the first request with a name in it; from then on an empty list means "nothing".
    has_named: bool,
    /// The nonce of the last response. Empty before the first one.
    nonce: String,
    in_flight: Option<Offer>,
    accepted: Option<Offer>,
    refused: Option<Nack>,
    sent_version: Option<String>,
    /// The node is owed a response even if nothing changed.
    is_answer_due: bool,
    /// The response in flight is one that was owed.
    is_answer_in_flight: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Interest {
    NeverAsked,
    Everything,
    Names(BTreeSet<String>),
}

/// What a request meant.
#[derive(Debug)]
pub(crate) enum Heard {
    /// Nothing: it was sent before the last response arrived.
    Stale,
    /// The first request for the type on this stream. The node says it holds `version`, which may be empty.
    First { version: String },
    /// At most a change of names.
    Names,
    /// The response in flight was accepted.
    Accepted,
    /// The response in flight was refused.
    Refused { offer: Offer },
}

// === impl Subscription ===

impl Subscription {
    pub(crate) fn new(ty: ResourceType) -> Self {
        Self {
            ty,
            interest: Interest::NeverAsked,
            has_named: false,
            nonce: String::new(),
            in_flight: None,
            accepted: None,
            refused: None,
            sent_version: None,
            is_answer_due: false,
            is_answer_in_flight: false,
        }
    }

    /// Takes in one request.
    pub(crate) fn hear(&mut self, request: &DiscoveryRequest) -> Heard {
        // A request that answers anything but our last response crossed it on the way; the node will speak again
        // when it has that one. https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#resource-updates
        // Before our first response there is nothing to answer, and a nonce left from an earlier stream is void:
        // https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#basic-protocol-overview
        if !self.nonce.is_empty() && request.response_nonce != self.nonce {
            // Its names will come again, unless it drops one here and takes it up in the next, which is as stale.
            self.is_answer_due |= self.interest != self.interest_in(&request.resource_names);
            return Heard::Stale;
        }
        let is_first = self.interest == Interest::NeverAsked;
        self.hear_names(&request.resource_names);
        if is_first {
            self.is_answer_due = true;
            return Heard::First { version: request.version_info.clone() };
        }
        let Some(offer) = self.in_flight.take() else { return Heard::Names };
        // A refusal is told by its error, not by its version, which can be the same as the one refused:
        // https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#ack-and-nack-semantics-summary
        match &request.error_detail {
            Some(error) => {
                let version = offer.set.version().to_owned();
                // What was refused first says more than what went wrong when going back.
                let is_former = self.accepted_version() == Some(&version);
                // Who asked holds nothing yet, and is owed what all go back to.
                self.is_answer_due |= self.is_answer_in_flight && !is_former;
                if self.refused.is_none() || !is_former {
                    self.refused = Some(Nack { version, message: shortened(&error.message) });
                }
                Heard::Refused { offer }
            }
            None => {
                // Accepting once more what it had, for the sake of a new name, does not undo an earlier refusal.
                if self.accepted_version() != Some(offer.set.version()) {
                    self.refused = None;
                }
                self.accepted = Some(offer);
                Heard::Accepted
            }
        }
    }

    /// <https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#how-the-client-specifies-what-resources-to-return>
    fn interest_in(&self, names: &[String]) -> Interest {
        let has_named = self.has_named || !names.is_empty();
        let is_everything = names.iter().any(|name| name == WILDCARD) || !has_named;
        if is_everything && self.ty.has_wildcard() {
            Interest::Everything
        } else {
            Interest::Names(names.iter().cloned().collect())
        }
    }

    fn hear_names(&mut self, names: &[String]) {
        let interest = self.interest_in(names);
        self.has_named |= !names.is_empty();
        // A name that was added must be sent, changed or not: the node may have let go of it in between.
        let has_more = match (&self.interest, &interest) {
            (Interest::Names(old), Interest::Names(new)) => !new.is_subset(old),
            (Interest::Everything, Interest::Everything) => false,
            _ => true,
        };
        self.is_answer_due |= has_more;
        self.interest = interest;
    }

    /// Whether to send `offer` now.
    pub(crate) fn needs(&self, offer: &Offer) -> bool {
        let is_news = self.accepted_version() != Some(offer.set.version());
        self.in_flight.is_none() && self.wants_any_of(&offer.set) && (self.is_answer_due || is_news)
    }

    /// Whether the node has accepted `offer`, or has no use for it.
    pub(crate) fn is_settled(&self, offer: &Offer) -> bool {
        if self.interest == Interest::NeverAsked {
            return match self.ty {
                // Every node asks for these, sooner or later.
                ResourceType::Cluster | ResourceType::Listener => false,
                ResourceType::Endpoint | ResourceType::Secret => true,
                ResourceType::Route | ResourceType::ExtensionConfig => offer.set.is_empty(),
            };
        }
        self.in_flight.is_none() && !self.needs(offer)
    }

    /// The response that offers `offer`, which is in flight from now on.
    pub(crate) fn send(&mut self, offer: &Offer, nonce: String) -> DiscoveryResponse {
        let wanted = |name: &str| match &self.interest {
            Interest::NeverAsked => false,
            Interest::Everything => true,
            Interest::Names(names) => names.contains(name),
        };
        let wanted = offer.set.resources().iter().filter(|(name, _)| wanted(name));
        let response = DiscoveryResponse {
            version_info: offer.set.version().to_owned(),
            resources: wanted.map(|(_, any)| any.as_ref().clone()).collect(),
            type_url: self.ty.type_url().to_owned(),
            nonce: nonce.clone(),
            ..Default::default()
        };
        self.nonce = nonce;
        self.sent_version = Some(response.version_info.clone());
        self.in_flight = Some(offer.clone());
        self.is_answer_in_flight = std::mem::take(&mut self.is_answer_due);
        response
    }

    /// The node holds this from an earlier stream.
    pub(crate) fn recall(&mut self, offer: Offer) {
        self.accepted = Some(offer);
    }

    /// An offer of the same content was made for other generations: what the node holds serves those now.
    pub(crate) fn relabel(&mut self, offer: &Offer) {
        for held in [&mut self.accepted, &mut self.in_flight].into_iter().flatten() {
            if held.set.version() == offer.set.version() {
                held.members.clone_from(&offer.members);
            }
        }
    }

    /// Owes the node a response even if nothing changes.
    pub(crate) fn owe_answer(&mut self) {
        self.is_answer_due |= self.is_asked();
    }

    /// Forgets a refusal that a newer snapshot has overtaken.
    pub(crate) fn forget_refusal(&mut self) {
        self.refused = None;
    }

    pub(crate) fn is_asked(&self) -> bool {
        self.interest != Interest::NeverAsked
    }

    pub(crate) fn accepted(&self) -> Option<&Offer> {
        self.accepted.as_ref()
    }

    /// What the node holds or will hold in a moment.
    pub(crate) fn held(&self) -> impl Iterator<Item = &Offer> {
        self.accepted.iter().chain(&self.in_flight)
    }

    /// The newer of those, if it was sent on this stream.
    pub(crate) fn last_sent(&self) -> Option<&Offer> {
        self.held().last().filter(|_| !self.nonce.is_empty())
    }

    pub(crate) fn status(&self) -> TypeStatus {
        TypeStatus {
            sent: self.sent_version.clone(),
            acked: self.accepted_version().map(str::to_owned),
            nacked: self.refused.clone(),
        }
    }

    fn accepted_version(&self) -> Option<&str> {
        self.accepted.as_ref().map(|offer| offer.set.version())
    }

    /// Only a wildcard is told that there is nothing; for names, an empty response means nothing:
    /// <https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#deleting-resources>
    fn wants_any_of(&self, set: &ResourceSet) -> bool {
        match &self.interest {
            Interest::NeverAsked => false,
            Interest::Everything => true,
            Interest::Names(names) => names.iter().any(|name| set.resources().contains_key(name.as_str())),
        }
    }
}

fn shortened(message: &str) -> String {
    message[..message.floor_char_boundary(NACK_MESSAGE_BYTES_MAX)].to_owned()
}

#[cfg(test)]
mod tests;

//! The dialect both ways, on bodies as rich as real ones.

mod anything;
mod every_field;
mod read;
mod replies;
mod streams;
mod write;

use crate::client::Client;
use crate::loss::{Losses, Refusal};
use crate::request::Request;
use crate::target::{Host, Outgoing, Target};

fn losses() -> Losses {
    Losses::new(Client::Gemini, false)
}

fn target(model: &str) -> Target<'_> {
    Target { model, host: Host::Own, default_max_output: 4_096 }
}

/// What a request becomes, for this model of AI Studio's.
fn sent(request: &Request<'_>, model: &str, losses: &mut Losses) -> Result<serde_json::Value, Refusal> {
    let Outgoing { body, .. } = super::write_request(request, &target(model), losses)?;
    Ok(serde_json::from_slice(&body).unwrap())
}

fn dropped(losses: &Losses) -> Vec<&str> {
    losses.dropped().iter().map(|loss| loss.field.as_ref()).collect()
}

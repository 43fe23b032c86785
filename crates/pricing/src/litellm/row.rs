//! From a row to a price.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::Reason;
use super::field::{self, Field, Kind};
use crate::decimal::{Rate, RateError};
use crate::price::{Class, Line, Price};
use crate::table::Row;

/// The row that explains the others.
const EXPLANATION: &str = "sample_spec";
/// Lines that a price may have: a call looks at each of them. The file's longest price has six.
const LINES: usize = 32;

/// Input tokens of other kinds. A row that has no other price for input charges all of it at the dearest of them.
const OTHER_INPUT: [&str; 3] =
    ["input_cost_per_audio_token", "input_cost_per_image_token", "input_cost_per_video_token"];
/// Output tokens of other kinds; the same.
const OTHER_OUTPUT: [&str; 3] =
    ["output_cost_per_audio_token", "output_cost_per_image_token", "output_cost_per_video_token"];

/// The members of an object, as they are written.
type Members<'a> = BTreeMap<String, &'a RawValue>;
/// The lines of a price, by threshold and class.
type Lines = BTreeMap<(u64, Option<Class>), Line>;

/// Reads the row of a model.
pub(super) fn read(name: &str, value: &RawValue) -> Result<Row, Reason> {
    if name == EXPLANATION {
        return Err(Reason::Explanation);
    }
    let members: Members<'_> = serde_json::from_str(value.get()).map_err(|_| Reason::NotAnObject)?;
    let mut lines = lines_of_fields(&members)?;
    let base = lines.entry((0, None)).or_default();
    base.input = or_other(base.input, &members, &OTHER_INPUT)?;
    base.output = or_other(base.output, &members, &OTHER_OUTPUT)?;
    if let Some(tiers) = tiers(&members, base.output)? {
        lines = tiers;
    }
    if lines.len() > LINES {
        return Err(Reason::TooManyTiers);
    }
    if lines.get(&(0, None)).is_none_or(|base| base.input.is_none() && base.output.is_none()) {
        return Err(Reason::NoTokenPrice);
    }
    let max_output = count(&members, "max_output_tokens").or_else(|| count(&members, "max_tokens"));
    let price = Price::new(lines.into_values().collect(), count(&members, "max_input_tokens"), max_output);
    if price.is_free() && costs_otherwise(&members) {
        return Err(Reason::NotByTokens);
    }
    Ok(Row { price, prefix: prefix(&members) })
}

/// The lines that the row's own members make.
fn lines_of_fields(members: &Members<'_>) -> Result<Lines, Reason> {
    let mut found: BTreeMap<(u64, Option<Class>, Kind), (bool, Rate)> = BTreeMap::new();
    for (name, value) in members {
        let Some(field) = field::parse(name) else { continue };
        let Some(rate) = rate(value, field.per_thousand)? else { continue };
        let Field { kind, above, class, older, .. } = field;
        let entry = found.entry((above, class, kind)).or_insert((older, rate));
        // A newer name counts before an older one; of two that are alike (an hour, twelve hours) the dearer counts.
        let better = (!older, rate) > (!entry.0, entry.1);
        if better {
            *entry = (older, rate);
        }
    }
    let mut lines = Lines::new();
    for ((above, class, kind), (_, rate)) in found {
        let line = lines.entry((above, class)).or_insert_with(|| Line { above, class, ..Line::default() });
        match kind {
            Kind::Input => line.input = Some(rate),
            Kind::Output => line.output = Some(rate),
            Kind::Cached => line.cached = Some(rate),
            Kind::Creation => line.creation = Some(rate),
            Kind::Kept => line.kept = Some(rate),
            Kind::Reasoning => line.reasoning = Some(rate),
        }
    }
    Ok(lines)
}

/// The lines of `tiered_pricing`, where the row has such tiers by tokens: they are all that counts then.
///
/// What a tier does not say costs what its input does, reasoning what its output does; output that it does not say costs
/// what the row says beside. Below the first tier, the first one counts.
fn tiers(members: &Members<'_>, row_output: Option<Rate>) -> Result<Option<Lines>, Reason> {
    let Some(tiers) = members.get("tiered_pricing") else { return Ok(None) };
    let tiers: Vec<Members<'_>> = serde_json::from_str(tiers.get()).map_err(|_| Reason::Unreadable)?;
    let mut lines = Lines::new();
    for tier in &tiers {
        let Some(range) = tier.get("range") else { continue };
        let range: Vec<f64> = serde_json::from_str(range.get()).map_err(|_| Reason::Unreadable)?;
        let above = range.first().copied().and_then(whole).ok_or(Reason::Unreadable)?;
        let fields = lines_of_fields(tier)?;
        let Some(line) = fields.get(&(0, None)).filter(|line| line.input.is_some()) else { continue };
        let line = Line {
            above,
            class: None,
            output: line.output.or(row_output),
            cached: line.cached.or(line.input),
            creation: line.creation.or(line.input),
            reasoning: line.reasoning,
            ..line.clone()
        };
        if lines.insert((above, None), line).is_some() {
            return Err(Reason::Unreadable);
        }
    }
    // Below the first threshold nothing is said: take what the first tier says.
    let Some((first, mut line)) = lines.pop_first() else { return Ok(None) };
    line.above = 0;
    lines.insert((0, first.1), line);
    Ok(Some(lines))
}

/// The price, unless it is missing or nothing: then the dearest of tokens of other kinds, where there is one.
fn or_other(rate: Option<Rate>, members: &Members<'_>, others: &[&str]) -> Result<Option<Rate>, Reason> {
    if rate.is_some_and(|rate| !rate.is_zero()) {
        return Ok(rate);
    }
    let mut dearest = rate;
    for name in others {
        if let Some(value) = members.get(*name) {
            dearest = dearest.max(self::rate(value, false)?);
        }
    }
    Ok(dearest)
}

/// A price as it is written: a number, or one in a string; `None` for `null`.
fn rate(value: &RawValue, per_thousand: bool) -> Result<Option<Rate>, Reason> {
    let written = value.get();
    let unquoted: String;
    let text = match written {
        "null" => return Ok(None),
        _ if written.starts_with('"') => {
            unquoted = serde_json::from_str(written).map_err(|_| Reason::Unreadable)?;
            unquoted.trim()
        }
        _ => written,
    };
    let parsed = if per_thousand { Rate::parse_per_thousand(text) } else { Rate::parse(text) };
    parsed.map(Some).map_err(|error| match error {
        RateError::NotANumber => Reason::Unreadable,
        RateError::Negative => Reason::Negative,
        RateError::TooHigh => Reason::TooHigh,
    })
}

/// A number of tokens, also as a float or in a string. Nothing readable, or zero, is no bound.
fn count(members: &Members<'_>, name: &str) -> Option<u64> {
    let written = members.get(name)?.get();
    let number = match serde_json::from_str::<String>(written) {
        Ok(text) => text.trim().parse().ok()?,
        Err(_) => serde_json::from_str::<f64>(written).ok()?,
    };
    whole(number).filter(|number| *number != 0)
}

/// A float as the whole number that it is, if it is one that floats can tell from its neighbours.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the guard says that it fits")]
fn whole(number: f64) -> Option<u64> {
    (number.fract() == 0.0 && (0.0..=9e15).contains(&number)).then_some(number as u64)
}

/// Whether the row has a price for something other than tokens.
fn costs_otherwise(members: &Members<'_>) -> bool {
    members.iter().any(|(name, value)| {
        name.contains("cost_per_")
            && !name.contains("token")
            && serde_json::from_str::<f64>(value.get()).is_ok_and(|cost| cost > 0.0)
    })
}

/// What the row's provider puts before names of models. LiteLLM has several names for parts of one provider.
fn prefix(members: &Members<'_>) -> String {
    let provider = members.get("litellm_provider").and_then(|value| serde_json::from_str::<String>(value.get()).ok());
    let provider = provider.unwrap_or_default();
    let part = |whole: &str| provider.strip_prefix(whole).is_some_and(|rest| rest.starts_with('-'));
    match provider.as_str() {
        _ if part("vertex_ai") => "vertex_ai".to_owned(),
        _ if part("fireworks_ai") => "fireworks_ai".to_owned(),
        "bedrock_converse" => "bedrock".to_owned(),
        "cohere_chat" => "cohere".to_owned(),
        "azure_text" => "azure".to_owned(),
        other => other.strip_prefix("text-completion-").unwrap_or(other).to_owned(),
    }
}

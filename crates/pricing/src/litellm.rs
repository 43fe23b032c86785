//! LiteLLM's price file, a JSON object of a row for each model.
//!
//! Rows are of many kinds, and most of what they say is not about tokens. [`field`] tells which members are, [`row`]
//! makes a price of them; this module reads the document and counts what could not be used.

mod field;
mod row;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::error::Category;
use serde_json::value::RawValue;

use crate::table::PriceTable;

/// Names of skipped rows that are kept for each reason, to show.
const EXAMPLES: usize = 5;
/// Rows with longer names are skipped, in bytes. Names of models travel in requests and messages.
const NAME_BYTES: usize = 512;

/// What a price file gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The prices.
    pub table: PriceTable,
    /// Rows without a usable price.
    pub skipped: Skipped,
    /// Rows with one.
    pub models: usize,
}

/// Rows that were skipped, by reason. Its `Display` is one line, for a log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Skipped {
    by_reason: BTreeMap<Reason, SkippedRows>,
}

/// The rows that were skipped for one reason.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SkippedRows {
    /// How many.
    pub count: usize,
    /// The first few names.
    pub examples: Vec<String>,
}

/// Why a row was skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Reason {
    /// The row that explains the others.
    #[error("the file's own explanation")]
    Explanation,
    /// It has no price for tokens of the standard class.
    #[error("no token price")]
    NoTokenPrice,
    /// Its tokens cost nothing, but something else does: images, queries, seconds.
    #[error("not priced by tokens")]
    NotByTokens,
    /// It is not an object.
    #[error("not an object")]
    NotAnObject,
    /// A price is no number, or price tiers are not in LiteLLM's form.
    #[error("unreadable price")]
    Unreadable,
    /// A price is below zero.
    #[error("price below zero")]
    Negative,
    /// A price is more than a dollar for a token.
    #[error("price above a dollar for a token")]
    TooHigh,
    /// It has more thresholds than a price may have.
    #[error("too many price tiers")]
    TooManyTiers,
    /// Its name is longer than 512 bytes.
    #[error("name too long")]
    NameTooLong,
}

/// Why a document is not a price file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PriceError {
    /// It ends too early.
    #[error("the price file ends too early, in line {line}")]
    Truncated {
        /// Where it ends, counted from 1.
        line: usize,
    },
    /// It is not JSON.
    #[error("the price file is not JSON: line {line}, column {column}")]
    NotJson {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
    /// It is JSON, but not an object.
    #[error("the price file is not a JSON object of models")]
    NotAnObject,
}

impl Skipped {
    /// How many rows were skipped.
    pub fn count(&self) -> usize {
        self.by_reason.values().map(|rows| rows.count).sum()
    }

    /// The rows of each reason for which any was skipped.
    pub fn by_reason(&self) -> impl Iterator<Item = (Reason, &SkippedRows)> {
        self.by_reason.iter().map(|(reason, rows)| (*reason, rows))
    }

    fn add(&mut self, reason: Reason, name: &str) {
        let rows = self.by_reason.entry(reason).or_default();
        rows.count = rows.count.saturating_add(1);
        if rows.examples.len() < EXAMPLES && reason != Reason::NameTooLong {
            rows.examples.push(name.to_owned());
        }
    }
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows skipped", self.count())?;
        for (place, (reason, rows)) in self.by_reason().enumerate() {
            write!(f, "{} {} {reason}", if place == 0 { ":" } else { "," }, rows.count)?;
        }
        Ok(())
    }
}

/// See [`PriceTable::from_litellm`].
pub(crate) fn load(json: &[u8]) -> Result<Loaded, PriceError> {
    let document: BTreeMap<String, &RawValue> = serde_json::from_slice(json).map_err(|error| of_json(&error))?;
    let mut skipped = Skipped::default();
    let mut taken = BTreeSet::new();
    let mut rows = BTreeMap::new();
    for (name, value) in document {
        match if name.len() > NAME_BYTES { Err(Reason::NameTooLong) } else { row::read(&name, value) } {
            Ok(row) => {
                rows.insert(name, row);
            }
            Err(reason) => {
                skipped.add(reason, &name);
                taken.insert(name);
            }
        }
    }
    let table = PriceTable::new(rows, &taken);
    Ok(Loaded { models: table.len(), table, skipped })
}

/// The reader's own words would quote the document.
fn of_json(error: &serde_json::Error) -> PriceError {
    match error.classify() {
        Category::Eof => PriceError::Truncated { line: error.line() },
        Category::Data => PriceError::NotAnObject,
        Category::Syntax | Category::Io => PriceError::NotJson { line: error.line(), column: error.column() },
    }
}

#[cfg(test)]
#[path = "litellm/tests.rs"]
mod tests;

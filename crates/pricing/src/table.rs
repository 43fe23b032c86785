//! The prices of all models, by name.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::litellm::{self, Loaded, PriceError};
use crate::price::Price;

/// Prices by model. In serialised form a map of maps: provider's prefix, name of the row, price; rows that are found by
/// their exact name only are under the empty prefix.
///
/// # Which names a row answers to
///
/// LiteLLM names some rows after the model alone (`gpt-4o`) and others with the provider before it (`xai/grok-4`); each
/// row also says who its provider is. A model is looked up by its exact name first. Then:
///
/// 1. A row without its provider's prefix is found with it: `gpt-4o` of `openai` as `openai/gpt-4o`.
/// 2. A row with its provider's prefix is found without it: `xai/grok-4` as `grok-4`. Where several providers' rows have
///    that name after their prefix, they must all say the same, else nothing is found: which one is meant is not ours
///    to guess.
///
/// A name that the file has as a row of its own, also one without a price, is never found as another row.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Grouped", into = "Grouped")]
pub struct PriceTable {
    rows: BTreeMap<String, Price>,
    /// A second name of a row, and that row's own.
    aliases: BTreeMap<String, String>,
}

/// [`PriceTable`] as it travels.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Grouped(BTreeMap<String, BTreeMap<String, Price>>);

/// A row of a price file.
pub(crate) struct Row {
    pub(crate) price: Price,
    /// What its provider puts before names of models; empty when the row says no provider.
    pub(crate) prefix: String,
}

impl PriceTable {
    /// Reads LiteLLM's price file: a JSON object of a row for each model.
    ///
    /// Rows that cannot be used are left out and counted in [`Loaded::skipped`]; an object without any usable row is an
    /// empty table.
    ///
    /// # Errors
    /// [`PriceError`] when the document is not a whole JSON object.
    pub fn from_litellm(json: &[u8]) -> Result<Loaded, PriceError> {
        litellm::load(json)
    }

    /// A model's price, by the rules that [`PriceTable`] tells. Names are compared letter by letter.
    pub fn get(&self, model: &str) -> Option<&Price> {
        self.rows.get(model).or_else(|| self.rows.get(self.aliases.get(model)?))
    }

    /// A table that has just these models, each under the very name that is given; what has no price is left out.
    #[must_use]
    pub fn select<'a>(&self, models: impl IntoIterator<Item = &'a str>) -> Self {
        let found = models.into_iter().filter_map(|model| Some((model.to_owned(), self.get(model)?.clone())));
        Self { rows: found.collect(), aliases: BTreeMap::new() }
    }

    /// The number of rows; second names do not count.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether no model has a price.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// All rows by their own names, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Price)> {
        self.rows.iter().map(|(name, price)| (name.as_str(), price))
    }

    /// A table of these rows. `taken` are names of rows without a price.
    pub(crate) fn new(rows: BTreeMap<String, Row>, taken: &BTreeSet<String>) -> Self {
        let free = |alias: &str| !rows.contains_key(alias) && !taken.contains(alias);
        let mut aliases = BTreeMap::new();
        let mut claims: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (name, row) in rows.iter().filter(|(_, row)| !row.prefix.is_empty()) {
            match bare(name, &row.prefix) {
                Some(bare) => claims.entry(bare).or_default().push(name),
                None => {
                    let full = format!("{}/{name}", row.prefix);
                    if free(&full) {
                        aliases.insert(full, name.clone());
                    }
                }
            }
        }
        for (bare, names) in claims {
            let prices: Vec<_> = names.iter().filter_map(|name| rows.get(*name)).map(|row| &row.price).collect();
            let agree = prices.windows(2).all(|pair| pair.first() == pair.last());
            if let Some(first) = names.first()
                && agree
                && free(bare)
                && !aliases.contains_key(bare)
            {
                aliases.insert(bare.to_owned(), (*first).to_owned());
            }
        }
        Self { rows: rows.into_iter().map(|(name, row)| (name, row.price)).collect(), aliases }
    }
}

/// A row's name without the prefix of its provider; `None` when it has no such prefix, or nothing behind it.
fn bare<'a>(name: &'a str, prefix: &str) -> Option<&'a str> {
    name.strip_prefix(prefix)?.strip_prefix('/').filter(|rest| !rest.is_empty())
}

impl From<Grouped> for PriceTable {
    fn from(Grouped(groups): Grouped) -> Self {
        let mut table = Self::default();
        for (prefix, rows) in groups {
            for (name, price) in rows {
                if !prefix.is_empty() {
                    let alias = bare(&name, &prefix).map_or_else(|| format!("{prefix}/{name}"), str::to_owned);
                    table.aliases.insert(alias, name.clone());
                }
                table.rows.insert(name, price);
            }
        }
        table
    }
}

impl From<PriceTable> for Grouped {
    fn from(table: PriceTable) -> Self {
        let mut prefixes: BTreeMap<String, String> = BTreeMap::new();
        for (alias, name) in table.aliases {
            // One of both is the other with a prefix before it.
            let (longer, shorter) = if alias.len() > name.len() { (&alias, &name) } else { (&name, &alias) };
            let prefix = longer.strip_suffix(shorter.as_str()).and_then(|prefix| prefix.strip_suffix('/'));
            if let Some(prefix) = prefix.map(str::to_owned) {
                prefixes.insert(name, prefix);
            }
        }
        let mut groups: BTreeMap<String, BTreeMap<String, Price>> = BTreeMap::new();
        for (name, price) in table.rows {
            groups.entry(prefixes.remove(&name).unwrap_or_default()).or_default().insert(name, price);
        }
        Self(groups)
    }
}

#[cfg(test)]
#[path = "table/tests.rs"]
mod tests;

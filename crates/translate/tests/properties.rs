//! What holds for every pair of dialects and any bytes.

#[path = "properties/any_bytes.rs"]
mod any_bytes;
#[path = "properties/cuts.rs"]
mod cuts;
#[path = "properties/folds.rs"]
mod folds;
#[path = "properties/round_trips.rs"]
mod round_trips;
mod support;

//! Virtual keys: where they are kept, which are in force, and how every worker learns of them.
//!
//! Three layers with one direction of flow. The [`store`] makes changes durable. The [`directory`] overlays the
//! document's keys with the stored ones and is the only writer. The [`hub`] holds what the data plane must know,
//! numbered by revision, and [`stream`] hands it to each worker at the worker's own pace through a [`cursor`]. Where
//! gateways share a store, [`follow`] brings the changes of the others into the directory.
//!
//! A change is answered only after it is durable, and it is visible to every stream the moment it is answered.

pub mod cursor;
pub mod directory;
pub mod follow;
pub mod hub;
pub mod store;
pub mod stream;
#[cfg(test)]
pub(crate) mod testing;

//! The bodies of the fuzz targets: plain functions that panic when something is wrong.

mod body_scan;
mod document_load;
mod header_map;
mod ledger_history;
mod price_list;
mod reply_meter;
mod translate_reply;
mod translate_request;
mod upstream_path;

pub use body_scan::body_scan;
pub use document_load::document_load;
pub use header_map::header_map;
pub use ledger_history::ledger_history;
pub use price_list::price_list;
pub use reply_meter::reply_meter;
pub use translate_reply::translate_reply;
pub use translate_request::translate_request;
pub use upstream_path::upstream_path;

/// A target's body.
pub type Target = fn(&[u8]);

/// Every target under its name, which is also that of its seeds' folder.
pub const TARGETS: [(&str, Target); 9] = [
    ("body_scan", body_scan),
    ("document_load", document_load),
    ("header_map", header_map),
    ("ledger_history", ledger_history),
    ("price_list", price_list),
    ("reply_meter", reply_meter),
    ("translate_reply", translate_reply),
    ("translate_request", translate_request),
    ("upstream_path", upstream_path),
];

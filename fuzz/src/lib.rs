//! The bodies of the fuzz targets: plain functions that panic when something is wrong.

mod body_scan;
mod document_load;
mod header_map;
mod upstream_path;

pub use body_scan::body_scan;
pub use document_load::document_load;
pub use header_map::header_map;
pub use upstream_path::upstream_path;

/// A target's body.
pub type Target = fn(&[u8]);

/// Every target under its name, which is also that of its seeds' folder.
pub const TARGETS: [(&str, Target); 4] = [
    ("body_scan", body_scan),
    ("document_load", document_load),
    ("header_map", header_map),
    ("upstream_path", upstream_path),
];

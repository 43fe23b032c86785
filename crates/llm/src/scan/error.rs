//! What can be wrong with a body.

use std::fmt;

/// Why a body was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanError {
    /// Offset of the byte in question.
    pub offset: usize,
    /// What is wrong there.
    pub kind: ScanErrorKind,
}

/// What can be wrong with a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScanErrorKind {
    /// The grammar does not allow this byte here.
    Unexpected,
    /// The body ended in the middle.
    Truncated,
    /// Nested deeper than [`super::DEPTH_MAX`].
    TooDeep,
    /// `model` or `stream` occurs twice.
    Duplicate,
    /// `model` is neither a string nor null.
    ModelNotString,
    /// `model` is longer than [`super::MODEL_BYTES_MAX`].
    ModelTooLong,
    /// `model` is not valid text.
    ModelNotText,
}

impl fmt::Display for ScanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            ScanErrorKind::Unexpected => "unexpected character",
            ScanErrorKind::Truncated => "it ends too early",
            ScanErrorKind::TooDeep => "nested too deeply",
            ScanErrorKind::Duplicate => "'model' or 'stream' occurs twice",
            ScanErrorKind::ModelNotString => "'model' must be a string",
            ScanErrorKind::ModelTooLong => "'model' is too long",
            ScanErrorKind::ModelNotText => "'model' is not valid text",
        };
        write!(f, "{what} at byte {}", self.offset)
    }
}

impl std::error::Error for ScanError {}

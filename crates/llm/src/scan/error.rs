//! What can be wrong with a body.

use std::fmt;

use super::Field;
use crate::json::Syntax;

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
    /// This member occurs twice.
    Duplicate(Field),
    /// This member is neither a whole number from 0 on nor null.
    NotCount(Field),
    /// `model` is neither a string nor null.
    ModelNotString,
    /// `model` is longer than [`super::MODEL_BYTES_MAX`].
    ModelTooLong,
    /// `model` is not valid text.
    ModelNotText,
}

impl ScanErrorKind {
    /// Whether the place of the error is where a value begins.
    pub(super) fn is_about_a_value(self) -> bool {
        matches!(self, Self::ModelNotString | Self::ModelTooLong | Self::ModelNotText | Self::NotCount(_))
    }
}

impl From<Syntax> for ScanErrorKind {
    fn from(syntax: Syntax) -> Self {
        match syntax {
            Syntax::Unexpected => Self::Unexpected,
            Syntax::Truncated => Self::Truncated,
            Syntax::TooDeep => Self::TooDeep,
        }
    }
}

impl fmt::Display for ScanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            ScanErrorKind::Unexpected => f.write_str("unexpected character")?,
            ScanErrorKind::Truncated => f.write_str("it ends too early")?,
            ScanErrorKind::TooDeep => f.write_str("nested too deeply")?,
            ScanErrorKind::Duplicate(field) => write!(f, "'{}' occurs twice", field.name())?,
            ScanErrorKind::NotCount(field) => write!(f, "'{}' must be a whole number", field.name())?,
            ScanErrorKind::ModelNotString => f.write_str("'model' must be a string")?,
            ScanErrorKind::ModelTooLong => f.write_str("'model' is too long")?,
            ScanErrorKind::ModelNotText => f.write_str("'model' is not valid text")?,
        }
        write!(f, " at byte {}", self.offset)
    }
}

impl std::error::Error for ScanError {}

//! Embeddings between dialects: OpenAI's clients over Gemini, Vertex AI and Cohere, and Gemini's over OpenAI's kind.
//!
//! Vectors pass as they are written, unless a client wants them in base64.

mod read_reply;
mod read_request;
#[cfg(test)]
mod tests;
mod write_reply;
mod write_request;

use crate::text::Text;

pub use read_reply::{Embedded, read_reply};
pub use read_request::{read_gemini, read_openai};
pub use write_reply::write_reply;
pub use write_request::write_request;

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Asked<'a> {
    /// The texts, in order.
    pub texts: Vec<Text<'a>>,
    /// Numbers of each vector.
    pub dimensions: Option<u64>,
    /// What the vectors are for, in Cohere's words.
    pub input_type: Option<&'static str>,
    /// The text's title.
    pub title: Option<Text<'a>>,
    /// The form of the reply.
    pub form: Form,
}

/// How a client wants the vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// OpenAI's, as lists of numbers.
    #[default]
    Numbers,
    /// OpenAI's, as bytes in base64.
    Base64,
    /// Gemini's, of one text.
    One,
    /// Gemini's, of several.
    Batch,
}

/// Whose embeddings a backend has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// OpenAI's and those that copied them.
    OpenAi,
    /// The Gemini API's.
    Gemini,
    /// Vertex AI's.
    Vertex,
    /// Cohere's.
    Cohere,
}

/// Pairs of Gemini's word for what a vector is for, and Cohere's.
const PURPOSES: [(&str, &str); 6] = [
    ("RETRIEVAL_QUERY", "search_query"),
    ("RETRIEVAL_DOCUMENT", "search_document"),
    ("CLASSIFICATION", "classification"),
    ("CLUSTERING", "clustering"),
    ("QUESTION_ANSWERING", "search_query"),
    ("CODE_RETRIEVAL_QUERY", "search_query"),
];

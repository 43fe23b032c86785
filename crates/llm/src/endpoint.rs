//! The endpoints whose requests and replies the gateway can read.

/// What a request asks for, as far as metering is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Endpoint {
    /// `/v1/chat/completions`
    ChatCompletions,
    /// `/v1/completions`
    Completions,
    /// `/v1/responses`
    Responses,
    /// `/v1/embeddings`
    Embeddings,
    /// Everything else.
    #[default]
    Other,
}

impl Endpoint {
    /// The endpoint of a request by its normalised path (with or without a query).
    pub fn of_path(path: &str) -> Self {
        match path.split('?').next().unwrap_or(path) {
            "/v1/chat/completions" => Self::ChatCompletions,
            "/v1/completions" => Self::Completions,
            "/v1/responses" => Self::Responses,
            "/v1/embeddings" => Self::Embeddings,
            _ => Self::Other,
        }
    }
}

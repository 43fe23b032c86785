//! Writes multipart forms.

use bytes::Bytes;

const BOUNDARY: &str = "ditto-tests-form-boundary";

/// A form being written.
#[derive(Debug, Default)]
pub struct Form {
    body: Vec<u8>,
}

impl Form {
    /// An empty form.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a text field.
    #[must_use]
    pub fn text(mut self, name: &str, value: &str) -> Self {
        self.part(&format!("content-disposition: form-data; name=\"{name}\""), value.as_bytes());
        self
    }

    /// Adds a file.
    #[must_use]
    pub fn file(mut self, name: &str, filename: &str, content_type: &str, data: &[u8]) -> Self {
        let disposition = format!("content-disposition: form-data; name=\"{name}\"; filename=\"{filename}\"");
        self.part(&format!("{disposition}\r\ncontent-type: {content_type}"), data);
        self
    }

    /// The value of the `content-type` header.
    #[must_use]
    pub fn content_type(&self) -> String {
        format!("multipart/form-data; boundary={BOUNDARY}")
    }

    /// The body.
    #[must_use]
    pub fn into_body(mut self) -> Bytes {
        self.body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
        self.body.into()
    }

    fn part(&mut self, head: &str, data: &[u8]) {
        self.body.extend_from_slice(format!("--{BOUNDARY}\r\n{head}\r\n\r\n").as_bytes());
        self.body.extend_from_slice(data);
        self.body.extend_from_slice(b"\r\n");
    }
}

//! Multipart forms: what uploads are made of.

use bytes::Bytes;
use futures_util::stream;
use http::header::CONTENT_TYPE;

use super::Call;
use super::error::ApiError;

/// A form read to its end.
#[derive(Debug, Default)]
pub(super) struct Form {
    fields: Vec<Field>,
}

#[derive(Debug)]
pub(super) struct Field {
    name: String,
    /// Given for files.
    pub(super) filename: Option<String>,
    pub(super) data: Bytes,
}

impl Form {
    pub(super) async fn read(call: &Call<'_>) -> Result<Self, ApiError> {
        let content_type =
            call.parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let boundary = multer::parse_boundary(content_type)
            .map_err(|_| ApiError::invalid("The request must be multipart/form-data with a boundary."))?;
        let broken = |error: multer::Error| ApiError::invalid(format!("The form cannot be read: {error}."));
        let body = stream::iter([Ok::<_, std::convert::Infallible>(call.body.clone())]);
        let mut parts = multer::Multipart::new(body, boundary);
        let mut form = Self::default();
        while let Some(part) = parts.next_field().await.map_err(broken)? {
            let name = part.name().unwrap_or_default().to_owned();
            let filename = part.file_name().map(str::to_owned);
            let data = part.bytes().await.map_err(broken)?;
            form.fields.push(Field { name, filename, data });
        }
        Ok(form)
    }

    /// A field's text.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.field(name).map(|field| String::from_utf8_lossy(&field.data).into_owned())
    }

    pub(super) fn required_text(&self, name: &str) -> Result<String, ApiError> {
        self.text(name).filter(|text| !text.is_empty()).ok_or_else(|| ApiError::missing(name))
    }

    /// A field that is a file.
    pub(super) fn required_file(&self, name: &str) -> Result<&Field, ApiError> {
        self.field(name).filter(|field| field.filename.is_some()).ok_or_else(|| ApiError::missing(name))
    }

    fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

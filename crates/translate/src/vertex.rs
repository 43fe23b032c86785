//! Where Vertex AI serves its models.

use crate::url::versioned_segment;

/// The project and the location that everything stands under:
/// <https://cloud.google.com/vertex-ai/generative-ai/docs/reference/rest> (seen 2026-11).
pub(crate) fn place(project: &str, location: &str) -> String {
    format!("/v1/projects/{}/locations/{}", versioned_segment(project), versioned_segment(location))
}

/// A model of a publisher's, such as `google` or `anthropic`, up to the method.
pub(crate) fn model(project: &str, location: &str, publisher: &str, model: &str) -> String {
    let (place, publisher, model) = (place(project, location), versioned_segment(publisher), versioned_segment(model));
    format!("{place}/publishers/{publisher}/models/{model}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_stands_for_itself_and_nothing_leads_elsewhere() {
        let path = "/v1/projects/p%2Fq/locations/global/publishers/anthropic/models/claude-x@1%3F";
        assert_eq!(model("p/q", "global", "anthropic", "claude-x@1?"), path);
    }
}

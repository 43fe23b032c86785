//! Where a model is served. Nothing in a model's name may lead elsewhere.

use crate::loss::Refusal;
use crate::target::{Host, Target};
use crate::url::versioned_segment;
use crate::vertex;

/// The path of a model's method, such as `generateContent`:
/// <https://ai.google.dev/api/generate-content#endpoint> and
/// <https://cloud.google.com/vertex-ai/generative-ai/docs/reference/rest/v1/projects.locations.endpoints/generateContent>
/// (seen 2026-11).
///
/// # Errors
/// For a name that can be no model's.
pub fn of(target: &Target<'_>, method: &str) -> Result<String, Refusal> {
    let segments: Vec<&str> = target.model.split('/').collect();
    if segments.iter().any(|segment| segment.is_empty() || *segment == "." || *segment == "..") {
        return Err(Refusal::new("model", "can be no model's name: it has an empty segment, or one of dots"));
    }
    let mut path = match target.host {
        Host::Vertex { project, location } => of_vertex(project, location, &segments),
        _ => studio(&segments),
    };
    path.push(':');
    path.push_str(method);
    Ok(path)
}

fn studio(segments: &[&str]) -> String {
    let mut path = "/v1beta".to_owned();
    if !matches!(segments, ["models" | "tunedModels" | "dynamic" | "publishers", _, ..]) {
        path.push_str("/models");
        // A slash is part of the name here.
        push(&mut path, &segments.join("/"));
        return path;
    }
    segments.iter().for_each(|segment| push(&mut path, segment));
    path
}

fn of_vertex(project: &str, location: &str, segments: &[&str]) -> String {
    let place = || vertex::place(project, location);
    let (mut path, rest) = match segments {
        ["projects", _, ..] => ("/v1".to_owned(), segments),
        ["publishers" | "endpoints", _, ..] => (place(), segments),
        ["models", name @ ..] if !name.is_empty() => (place() + "/publishers/google/models", name),
        [publisher, name @ ..] if !name.is_empty() => {
            let mut path = place() + "/publishers";
            push(&mut path, publisher);
            (path + "/models", name)
        }
        name => (place() + "/publishers/google/models", name),
    };
    rest.iter().for_each(|segment| push(&mut path, segment));
    path
}

/// Appends a segment, escaped: unreserved letters and `@` (versions of Vertex) stand for themselves.
fn push(path: &mut String, segment: &str) {
    path.push('/');
    path.push_str(&versioned_segment(segment));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(model: &str, host: Host<'_>) -> Result<String, Refusal> {
        of(&Target { model, host, default_max_output: 1 }, "m")
    }

    #[test]
    fn models_are_found_in_their_collections() {
        let own = |model| path(model, Host::Own).unwrap();
        assert_eq!(own("gemini-2.5-pro"), "/v1beta/models/gemini-2.5-pro:m");
        assert_eq!(own("models/gemini-2.5-pro"), "/v1beta/models/gemini-2.5-pro:m");
        assert_eq!(own("tunedModels/mine"), "/v1beta/tunedModels/mine:m");
        assert_eq!(own("other/mine"), "/v1beta/models/other%2Fmine:m");
        let host = Host::Vertex { project: "p", location: "global" };
        let vertex = |model| path(model, host).unwrap();
        let root = "/v1/projects/p/locations/global";
        assert_eq!(vertex("gemini-2.5-pro"), format!("{root}/publishers/google/models/gemini-2.5-pro:m"));
        assert_eq!(vertex("google/x@001"), format!("{root}/publishers/google/models/x@001:m"));
        assert_eq!(vertex("models/x"), format!("{root}/publishers/google/models/x:m"));
        assert_eq!(vertex("publishers/meta/models/x"), format!("{root}/publishers/meta/models/x:m"));
        assert_eq!(vertex("endpoints/12"), format!("{root}/endpoints/12:m"));
        assert_eq!(vertex("projects/q/locations/l/endpoints/1"), "/v1/projects/q/locations/l/endpoints/1:m");
    }

    #[test]
    fn a_name_leads_nowhere_else() {
        assert_eq!(path("a?b#c:d é", Host::Own).unwrap(), "/v1beta/models/a%3Fb%23c%3Ad%20%C3%A9:m");
        for name in ["", "..", "models/../x", "a//b", "/a", "models/"] {
            assert_eq!(path(name, Host::Own).unwrap_err().field, "model", "{name}");
        }
    }
}

//! Where a provider is: its base URL, and the project, location or region that is part of it or of the paths.

use super::names::{Kind, Provider};
use crate::base_url::BaseUrl;
use crate::document::auth::Auth;
use crate::document::problem::Path;
use crate::document::reader::{Object, Reader};
use crate::filter_config::ProviderConfig;

/// The location that serves wherever there is capacity.
const GLOBAL: &str = "global";
/// Where Vertex's global location is.
const VERTEX_GLOBAL: &str = "https://aiplatform.googleapis.com";

/// What names a place within a provider; empty where the provider has no such thing.
#[derive(Debug, Default)]
pub(super) struct Address {
    project: String,
    location: String,
    region: String,
}

impl Address {
    /// Reads the fields, or what comes with the credential, or the variables that the provider's own tools use.
    pub(super) fn read(
        reader: &mut Reader<'_>,
        provider: &Provider,
        settings: &Object<'_>,
        auth: Option<&Auth>,
    ) -> Self {
        let relevant: &[&str] = match provider.kind {
            Kind::Vertex => &["project", "location"],
            Kind::Bedrock => &["region"],
            _ => &[],
        };
        for name in ["project", "location", "region"] {
            if settings.get(name).is_some() && !relevant.contains(&name) {
                reader.warn(&settings.at(name), format!("has no effect with the provider `{}`", provider.name));
            }
        }
        match provider.kind {
            Kind::Vertex => Self {
                project: auth
                    .and_then(Auth::project)
                    .filter(|_| settings.get("project").is_none())
                    .map(str::to_owned)
                    .unwrap_or_else(|| {
                        named(reader, settings, "project", &["GOOGLE_CLOUD_PROJECT"], "the Google Cloud project")
                    }),
                location: optional(reader, settings, "location", &["GOOGLE_CLOUD_LOCATION"])
                    .unwrap_or_else(|| GLOBAL.to_owned()),
                region: String::new(),
            },
            Kind::Bedrock => {
                let variables = ["AWS_REGION", "AWS_DEFAULT_REGION"];
                let with_keys = auth.and_then(Auth::region).filter(|_| settings.get("region").is_none());
                let region = with_keys.map(str::to_owned).unwrap_or_else(|| {
                    named(reader, settings, "region", &variables, "the AWS region (such as us-east-1)")
                });
                Self { region, ..Self::default() }
            }
            _ => Self::default(),
        }
    }

    /// The provider's own address; `None` if it has none, or if what is part of it is missing.
    pub(super) fn default_url(&self, provider: &Provider) -> Option<String> {
        let template = provider.base_url?;
        match provider.kind {
            Kind::Vertex if self.location == GLOBAL => Some(VERTEX_GLOBAL.to_owned()),
            Kind::Vertex => Some(template.replace("{}", &self.location)),
            Kind::Bedrock if self.region.is_empty() => None,
            Kind::Bedrock => Some(template.replace("{}", &self.region)),
            _ => Some(template.to_owned()),
        }
    }

    /// Puts it where the filter finds it.
    pub(super) fn write(self, config: &mut ProviderConfig) {
        (config.project, config.location, config.region) = (self.project, self.location, self.region);
    }
}

/// A field that must be there, or one of its variables; empty, with a problem noted, when it is not.
fn named(reader: &mut Reader<'_>, settings: &Object<'_>, name: &'static str, variables: &[&str], what: &str) -> String {
    let found = optional(reader, settings, name, variables);
    if found.is_none() && settings.get(name).is_none() {
        let message = format!("required field `{name}` is missing: name {what} here or in {}", variables.join(" or "));
        reader.problem(&settings.at(name), message);
    }
    found.unwrap_or_default()
}

fn optional(reader: &mut Reader<'_>, settings: &Object<'_>, name: &'static str, variables: &[&str]) -> Option<String> {
    if settings.get(name).is_some() {
        return settings.optional(reader, name, |reader, value, path| {
            let name = reader.secret(value, path)?;
            plain_name(reader, name.expose(), path)
        });
    }
    let (variable, value) = variables.iter().find_map(|name| Some((*name, reader.variable(name)?)))?;
    let path = settings.at(name);
    let read = plain_name(reader, &value, &path);
    if read.is_none() {
        reader.problem(&path, format!("the value comes from the variable {variable}"));
    }
    read
}

/// A name that goes into a host or a path. Projects may have a domain before them, as in `example.com:name`.
pub(in crate::document) fn plain_name(reader: &mut Reader<'_>, name: &str, path: &Path<'_>) -> Option<String> {
    let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.:".contains(&b));
    if !plain || !name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        reader.problem(path, "expected lower-case letters, digits and hyphens");
        return None;
    }
    Some(name.to_owned())
}

/// The base URL without what its paths begin with, for providers whose paths say their version.
pub(super) fn root(kind: Kind, base_url: &str) -> String {
    let endings: &[&str] = match kind {
        Kind::Anthropic => &["/v1"],
        Kind::Google => &["/v1beta", "/v1alpha", "/v1"],
        Kind::Vertex => &["/v1beta1", "/v1"],
        Kind::Cohere => &["/v2", "/v1"],
        Kind::Azure => &["/openai"],
        _ => &[],
    };
    let base_url = base_url.trim_end_matches('/');
    let shorter = endings.iter().find_map(|ending| base_url.strip_suffix(ending));
    // The ending may be the host, as in `https://v1`.
    shorter.filter(|shorter| BaseUrl::parse(shorter).is_ok()).unwrap_or(base_url).to_owned()
}

/// Whether an Azure resource is addressed in its older form, with the model in the path. The newer form is
/// `…/openai/v1` (<https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle>, seen 2026-11); a path
/// that names a deployment already needs no other.
pub(super) fn has_deployments(base_url: &str) -> bool {
    let base_url = base_url.trim_end_matches('/');
    !base_url.ends_with("/v1") && !base_url.contains("/openai/deployments/")
}

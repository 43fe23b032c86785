//! The credential of a provider: what `auth` says, or the variables that everybody uses for it.

use super::names::{Kind, Provider};
use crate::document::Backend;
use crate::document::auth::{Auth, Context, Place, SigV4, auth};
use crate::document::problem::Path;
use crate::document::reader::{Object, Reader};
use crate::filter_config::ProviderConfig;
use crate::secret::Secret;

/// Reads the credential; `None` if the headers that are sent carry one, if there is none, or if a problem was noted.
pub(super) fn read(reader: &mut Reader<'_>, provider: &Provider, settings: &Object<'_>, sent: &[&str]) -> Option<Auth> {
    let variables = provider.key_variables();
    let context = Context { key_header: provider.kind.key_header(), key_variables: &variables };
    if settings.get("auth").is_some() {
        return settings.optional(reader, "auth", |reader, value, path| auth(reader, value, path, context));
    }
    if sent.iter().any(|name| [context.key_header.0, "authorization"].contains(name)) {
        return None;
    }
    let problems = reader.problems.len();
    let path = settings.at("auth");
    let key = variables.iter().find_map(|name| reader.variable(name));
    let found = match (provider.kind, key) {
        (_, Some(key)) => Some(Auth::key(context, &key)),
        (Kind::Bedrock, None) => Auth::aws(reader),
        (Kind::Vertex, None) => Auth::google(reader, &path),
        _ => None,
    };
    if found.is_none() && reader.problems.len() == problems {
        missing(reader, provider, &variables, &path);
    }
    found
}

/// Says that nothing was found, where that can hardly be meant.
fn missing(reader: &mut Reader<'_>, provider: &Provider, variables: &[String], path: &Path<'_>) {
    match provider.kind {
        Kind::Bedrock => reader.problem(
            path,
            "there is nothing to sign requests with: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or \
             AWS_BEARER_TOKEN_BEDROCK), or give `auth`",
        ),
        Kind::Vertex => reader.problem(
            path,
            "there is no credential: name a service account's key file in GOOGLE_APPLICATION_CREDENTIALS, or give \
             `auth` with the type `service_account` or, on a machine in Google Cloud, `metadata`",
        ),
        _ if provider.base_url.is_some_and(|base_url| base_url.starts_with("https://")) => reader.warn(
            path,
            format!(
                "no credential is sent: set {}, or give `auth` (with the type `none` if that is meant)",
                variables.join(" or ")
            ),
        ),
        _ => {}
    }
}

/// Puts the credential into the backend. `path` is that of `provider_config`.
pub(super) fn apply(
    reader: &mut Reader<'_>,
    auth: Auth,
    path: &Path<'_>,
    config: &mut ProviderConfig,
    backend: &mut Backend,
) {
    let path = path.member("auth");
    let (place, value) = match auth {
        Auth::None => return,
        Auth::Signed(keys) => {
            let region = keys.region.unwrap_or_else(|| config.region.clone());
            if region.is_empty() && config.speaks != crate::filter_config::Speaks::Bedrock {
                reader.problem(&path.member("region"), "required field `region` is missing");
            }
            config.signs = true;
            backend.sigv4 = Some(SigV4 {
                access_key_id: keys.access_key_id,
                secret_access_key: keys.secret_access_key,
                session_token: keys.session_token,
                region,
                service: keys.service,
            });
            return;
        }
        Auth::Fixed(place, value) => (place, value),
        Auth::Refreshed(refreshed) => {
            let place = refreshed.place.clone();
            backend.refreshed = Some(refreshed);
            (place, Secret::default())
        }
    };
    let (section, map, name) = match place {
        Place::Header(name) => ("header", &mut backend.headers, name),
        Place::Query(name) => ("query parameter", &mut backend.query_params, name),
    };
    if map.contains_key(&name) {
        let message = format!("the {section} `{name}` is written down as well: remove one of them");
        reader.problem(&path, message);
    }
    map.insert(name, value);
}

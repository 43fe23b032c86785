//! Reading `auth`, or what stands in for it: the variables that the provider's own tools use.

use serde_json::Value;

use super::service_account::from_file;
use super::{Place, Refreshed, TokenSource};
use crate::document::nearest::nearest;
use crate::document::parameters::{check_header, plain_value};
use crate::document::problem::{Path, shown};
use crate::document::reader::{Object, Reader};
use crate::secret::Secret;

mod sources;

use sources::{client_credentials, service_account, signing_keys};

/// The types of `auth`, each with its fields.
const TYPES: [(&str, &[&str]); 11] = [
    ("api_key_env", &["type", "keys"]),
    ("command", &["type", "command"]),
    ("http_header_env", &["type", "header", "keys", "prefix"]),
    ("http_header_command", &["type", "header", "command", "prefix"]),
    ("query_param_env", &["type", "param", "keys", "prefix"]),
    ("query_param_command", &["type", "param", "command", "prefix"]),
    ("sigv4", &["type", "access_keys", "secret_keys", "session_token_keys", "region", "service"]),
    (
        "oauth_client_credentials",
        &[
            "type",
            "token_url",
            "client_id",
            "client_id_keys",
            "client_secret",
            "client_secret_keys",
            "scope",
            "scopes",
            "audience",
            "extra_params",
        ],
    ),
    ("service_account", &["type", "file", "json_env"]),
    ("metadata", &["type"]),
    ("none", &["type"]),
];

/// The server that every machine in Google Cloud can ask
/// (<https://cloud.google.com/compute/docs/metadata/querying-metadata>, seen 2026-11).
const METADATA_HOST: &str = "metadata.google.internal";

/// What a provider's credentials look like.
#[derive(Debug, Clone, Copy)]
pub(in crate::document) struct Context<'c> {
    /// The header that a plain key goes into, and what stands before it.
    pub(in crate::document) key_header: (&'static str, &'static str),
    /// Variables that hold a plain key, the first that is set counts.
    pub(in crate::document) key_variables: &'c [String],
}

/// How the gateway proves itself.
#[derive(Debug)]
pub(in crate::document) enum Auth {
    /// A credential that is known and stays.
    Fixed(Place, Secret),
    /// One that has to be obtained.
    Refreshed(Refreshed),
    /// A signature for each attempt; the region is the backend's unless one is given here.
    Signed(SigningKeys),
    /// Nothing, as the operator says.
    None,
}

/// Keys of AWS.
#[derive(Debug)]
pub(in crate::document) struct SigningKeys {
    pub(in crate::document) access_key_id: Secret,
    pub(in crate::document) secret_access_key: Secret,
    pub(in crate::document) session_token: Option<Secret>,
    pub(in crate::document) region: Option<String>,
    pub(in crate::document) service: String,
}

/// Reads `auth`. `None` where a problem was noted.
pub(in crate::document) fn auth(
    reader: &mut Reader<'_>,
    value: &Value,
    path: &Path<'_>,
    context: Context<'_>,
) -> Option<Auth> {
    let name = value.get("type").and_then(Value::as_str);
    let known = TYPES.iter().find(|(known, _)| Some(*known) == name);
    let Some((name, fields)) = known else {
        reader.members(value, path)?;
        let names = TYPES.iter().map(|(name, _)| *name);
        let meant = name.and_then(|name| nearest(name, names.clone()));
        let meant = match meant {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("it is one of {}", names.collect::<Vec<_>>().join(", ")),
        };
        reader.problem(&path.member("type"), format!("no type of `auth` is given that is known here; {meant}"));
        return None;
    };
    let object = reader.object(value, path, fields)?;
    let (header, prefix) = context.key_header;
    let key_place = || Place::Header(header.to_owned());
    match *name {
        "api_key_env" => {
            let secret = first_set(reader, &object, "keys", context.key_variables)?;
            fixed(reader, path, key_place(), prefix, &secret)
        }
        "command" => refreshed(TokenSource::Command(command(reader, &object)?), key_place(), prefix),
        "http_header_env" | "query_param_env" => {
            let place = place(reader, &object);
            let secret = first_set(reader, &object, "keys", &[]);
            let prefix = prefix_of(reader, &object);
            fixed(reader, path, place?, &prefix?, &secret?)
        }
        "http_header_command" | "query_param_command" => {
            let place = place(reader, &object);
            let command = command(reader, &object);
            let prefix = prefix_of(reader, &object);
            refreshed(TokenSource::Command(command?), place?, &prefix?)
        }
        "sigv4" => signing_keys(reader, &object).map(Auth::Signed),
        "oauth_client_credentials" => {
            let source = TokenSource::ClientCredentials(client_credentials(reader, &object)?);
            refreshed(source, Place::Header("authorization".to_owned()), "Bearer ")
        }
        "service_account" => google(TokenSource::ServiceAccount(service_account(reader, &object)?)),
        "metadata" => google(metadata(reader)),
        _ => Some(Auth::None),
    }
}

impl Auth {
    /// A plain key where the provider wants it.
    pub(in crate::document) fn key(context: Context<'_>, key: &str) -> Self {
        let (header, prefix) = context.key_header;
        Self::Fixed(Place::Header(header.to_owned()), Secret::new(format!("{prefix}{}", key.trim())))
    }

    /// Keys of AWS in the variables that its own tools use; `None` when they are not set.
    pub(in crate::document) fn aws(reader: &Reader<'_>) -> Option<Self> {
        let secret = |name: &str| reader.variable(name).map(|value| Secret::new(value.trim()));
        Some(Self::Signed(SigningKeys {
            access_key_id: secret("AWS_ACCESS_KEY_ID")?,
            secret_access_key: secret("AWS_SECRET_ACCESS_KEY")?,
            session_token: secret("AWS_SESSION_TOKEN"),
            region: None,
            service: "bedrock".to_owned(),
        }))
    }

    /// The key file that Google's own tools use; `None` when there is none, or a problem was noted.
    pub(in crate::document) fn google(reader: &mut Reader<'_>, path: &Path<'_>) -> Option<Self> {
        let file = reader.variable("GOOGLE_APPLICATION_CREDENTIALS")?;
        google(TokenSource::ServiceAccount(from_file(reader, &file, path)?))
    }

    /// The region that comes with the credential.
    pub(in crate::document) fn region(&self) -> Option<&str> {
        match self {
            Self::Signed(keys) => keys.region.as_deref(),
            _ => None,
        }
    }

    /// The project that comes with the credential.
    pub(in crate::document) fn project(&self) -> Option<&str> {
        match self {
            Self::Refreshed(Refreshed { source: TokenSource::ServiceAccount(account), .. }) => {
                account.project.as_deref()
            }
            _ => None,
        }
    }
}

fn fixed(reader: &mut Reader<'_>, path: &Path<'_>, place: Place, prefix: &str, secret: &Secret) -> Option<Auth> {
    let value = Secret::new(format!("{prefix}{}", secret.expose().trim()));
    plain_value(reader, &value, path)?;
    Some(Auth::Fixed(place, value))
}

fn refreshed(source: TokenSource, place: Place, prefix: &str) -> Option<Auth> {
    Some(Auth::Refreshed(Refreshed { source, place, prefix: prefix.to_owned() }))
}

fn google(source: TokenSource) -> Option<Auth> {
    refreshed(source, Place::Header("authorization".to_owned()), "Bearer ")
}

fn metadata(reader: &Reader<'_>) -> TokenSource {
    let host = reader.variable("GCE_METADATA_HOST").unwrap_or_else(|| METADATA_HOST.to_owned());
    TokenSource::Metadata { base_url: format!("http://{}", host.trim()) }
}

/// `header` or `param`, whichever the type has.
fn place(reader: &mut Reader<'_>, object: &Object<'_>) -> Option<Place> {
    if object.get("param").is_some() {
        return object.optional(reader, "param", Reader::text).map(|name| Place::Query(name.trim().to_owned()));
    }
    let name = if object.knows("header") { "header" } else { "param" };
    let header = object.required(reader, name, Reader::text)?;
    check_header(reader, &header, &object.at(name))?;
    Some(Place::Header(header.to_ascii_lowercase()))
}

fn prefix_of(reader: &mut Reader<'_>, object: &Object<'_>) -> Option<String> {
    match object.get("prefix") {
        Some(_) => object.optional(reader, "prefix", Reader::string),
        None => Some(String::new()),
    }
}

/// The program and its arguments.
fn command(reader: &mut Reader<'_>, object: &Object<'_>) -> Option<Vec<Secret>> {
    let words = object.required(reader, "command", |reader, value, path| reader.list(value, path, Reader::secret))?;
    if words.first().is_none_or(Secret::is_blank) {
        reader.problem(&object.at("command"), "expected a list of the program and its arguments");
        return None;
    }
    Some(words)
}

/// The first variable of a list that is set.
fn first_set(reader: &mut Reader<'_>, object: &Object<'_>, field: &'static str, usual: &[String]) -> Option<Secret> {
    let names = match object.get(field) {
        Some(_) => object.optional(reader, field, |reader, value, path| reader.list(value, path, Reader::text))?,
        None => usual.to_vec(),
    };
    if names.is_empty() {
        reader.problem(&object.at(field), "names no variable: write the name of the one that holds the credential");
        return None;
    }
    let found = names.iter().find_map(|name| reader.variable(name.trim()));
    if found.is_none() {
        let names: Vec<_> = names.iter().map(|name| shown(name)).collect();
        let message = match names.as_slice() {
            [only] => format!("environment variable {only} is not set"),
            _ => format!("none of the environment variables {} is set", names.join(", ")),
        };
        reader.problem(&object.at(field), format!("{message}: set it, or put it in the file given with --dotenv"));
    }
    found.map(|value| Secret::new(value.trim()))
}

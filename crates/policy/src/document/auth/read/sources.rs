//! The types of `auth` that take more than one value.

use std::collections::BTreeMap;

use super::super::service_account::{from_file, from_text};
use super::super::{ClientCredentials, ServiceAccount};
use super::{SigningKeys, first_set};
use crate::document::parameters::query_params;
use crate::document::problem::shown;
use crate::document::provider::plain_name;
use crate::document::reader::{Object, Reader};
use crate::secret::Secret;

pub(super) fn signing_keys(reader: &mut Reader<'_>, object: &Object<'_>) -> Option<SigningKeys> {
    let usual = |name: &str| [name.to_owned()];
    let access_key_id = first_set(reader, object, "access_keys", &usual("AWS_ACCESS_KEY_ID"));
    let secret_access_key = first_set(reader, object, "secret_keys", &usual("AWS_SECRET_ACCESS_KEY"));
    // Keys that do not expire come without one, so that none being set is fine.
    let names =
        object.optional(reader, "session_token_keys", |reader, value, path| reader.list(value, path, Reader::text));
    let names = names.unwrap_or_else(|| usual("AWS_SESSION_TOKEN").into());
    let session_token = names.iter().find_map(|name| reader.variable(name.trim()));
    let service = object.optional(reader, "service", Reader::text).unwrap_or_else(|| "bedrock".to_owned());
    Some(SigningKeys {
        access_key_id: access_key_id?,
        secret_access_key: secret_access_key?,
        session_token: session_token.map(|token| Secret::new(token.trim())),
        region: object.optional(reader, "region", |reader, value, path| {
            let name = reader.secret(value, path)?;
            plain_name(reader, name.expose(), path)
        }),
        service,
    })
}

pub(super) fn client_credentials(reader: &mut Reader<'_>, object: &Object<'_>) -> Option<ClientCredentials> {
    let token_url = object.required(reader, "token_url", |reader, value, path| {
        let url = reader.secret(value, path)?;
        let url = url.expose();
        if !(url.starts_with("https://") || url.starts_with("http://")) || url.contains(['@', '#', ' ']) {
            reader.problem(path, "expected an http or https URL without a user name");
            return None;
        }
        Some(url.to_owned())
    });
    let client_id = given_or_set(reader, object, "client_id", "client_id_keys");
    let client_secret = given_or_set(reader, object, "client_secret", "client_secret_keys");
    let scopes = object.optional(reader, "scopes", |reader, value, path| reader.list(value, path, Reader::text));
    let scope = object.optional(reader, "scope", Reader::text);
    if scope.is_some() && scopes.is_some() {
        reader.problem(&object.at("scope"), "is another form of `scopes`: remove one");
    }
    let mut parameters = object.optional(reader, "extra_params", query_params).unwrap_or_default();
    if let Some(audience) = object.optional(reader, "audience", Reader::text) {
        parameters.insert("audience".to_owned(), Secret::new(audience));
    }
    Some(ClientCredentials {
        token_url: token_url?,
        client_id: client_id?,
        client_secret: client_secret?,
        scope: scopes.map(|scopes| scopes.join(" ")).or(scope).unwrap_or_default(),
        parameters: BTreeMap::from_iter(parameters),
    })
}

/// A value that is written down (with references, as secrets are), or in one of the variables of a list.
fn given_or_set(
    reader: &mut Reader<'_>,
    object: &Object<'_>,
    field: &'static str,
    keys: &'static str,
) -> Option<Secret> {
    if object.get(keys).is_some() {
        if object.get(field).is_some() {
            reader.problem(&object.at(keys), format!("`{field}` is given as well: remove one"));
        }
        return first_set(reader, object, keys, &[]);
    }
    let found = object.required(reader, field, Reader::secret)?;
    if found.is_blank() {
        reader.problem(&object.at(field), "is blank: write something");
        return None;
    }
    Some(found)
}

pub(super) fn service_account(reader: &mut Reader<'_>, object: &Object<'_>) -> Option<ServiceAccount> {
    match (object.get("file"), object.get("json_env")) {
        (Some(_), None) => object.optional(reader, "file", |reader, value, path| {
            let file = reader.secret(value, path)?;
            from_file(reader, file.expose(), path)
        }),
        (None, Some(_)) => object.optional(reader, "json_env", |reader, value, path| {
            let name = reader.text(value, path)?;
            match reader.variable(name.trim()) {
                Some(text) => from_text(reader, &text, &format!("the variable {}", shown(&name)), path),
                None => {
                    reader.problem(path, format!("environment variable {} is not set", shown(&name)));
                    None
                }
            }
        }),
        _ => {
            let message = "give either `file` (the path of a key file) or `json_env` (a variable that holds one)";
            reader.problem(&object.at("file"), message);
            None
        }
    }
}

use crate::document::testing::Fixed;
use crate::document::{Backend, Format, Place, Problem, Refreshed, TokenSource, load};
use crate::secret::Secret;

const KEY_FILE: &str = r#"{"type": "service_account", "client_email": "a@p.iam.test", "private_key_id": "k1",
    "private_key": "-----BEGIN PRIVATE KEY-----\nplanted-secret\n-----END PRIVATE KEY-----\n",
    "token_uri": "https://token.test/t", "project_id": "from-file"}"#;

fn environment() -> Fixed {
    Fixed::new(&[
        ("ONE", "planted-secret-1"),
        ("TWO", " planted-secret-2\n"),
        ("BLANK", " "),
        ("BROKEN", "planted-secret\nsplit"),
        ("ACCOUNT", KEY_FILE),
        ("ANTHROPIC_API_KEY", "planted-secret-ant"),
        ("GOOGLE_API_KEY", "planted-secret-goog"),
        ("GROQ_API_KEY", "planted-secret-groq"),
        ("AWS_ACCESS_KEY_ID", "AKIA"),
        ("AWS_SECRET_ACCESS_KEY", "planted-secret-aws"),
        ("AWS_REGION", "us-east-1"),
    ])
    .with_file("/key.json", KEY_FILE)
    .with_file("/user.json", r#"{"type": "authorized_user"}"#)
}

fn read(fields: &str) -> Result<Backend, Vec<String>> {
    let text = format!(r#"{{"backends": [{{"name": "a", {fields}}}]}}"#);
    let loaded = load(&text, Some(Format::Json), &environment());
    let loaded = loaded.map_err(|problems| problems.iter().map(Problem::to_string).collect::<Vec<_>>())?;
    let backend = loaded.document.backends.into_iter().next().unwrap();
    assert!(!format!("{backend:?}").contains("planted-secret"), "{backend:?}");
    Ok(backend)
}

fn with_auth(provider: &str, auth: &str) -> Result<Backend, Vec<String>> {
    read(&format!(r#""provider": "{provider}", "provider_config": {{"auth": {auth}}}"#))
}

fn problem(provider: &str, auth: &str) -> String {
    let lines = with_auth(provider, auth).unwrap_err();
    assert!(!lines.concat().contains("planted-secret"), "{lines:?}");
    lines[0].strip_prefix("backends[0].provider_config.auth").unwrap().to_owned()
}

#[test]
fn a_plain_key_goes_where_its_provider_wants_it() {
    for (provider, header, value) in [
        ("openai", "authorization", "Bearer planted-secret-2"),
        ("cohere", "authorization", "Bearer planted-secret-2"),
        ("anthropic", "x-api-key", "planted-secret-2"),
        ("gemini", "x-goog-api-key", "planted-secret-2"),
    ] {
        let backend = with_auth(provider, r#"{"type": "api_key_env", "keys": ["NOPE", "BLANK", "TWO", "ONE"]}"#);
        let headers = backend.unwrap().headers;
        assert_eq!((headers.len(), headers[header].expose()), (1, value), "{provider}");
    }
}

#[test]
fn without_auth_the_usual_variable_counts_unless_a_header_is_written_down() {
    let key = |fields: &str, header: &str| read(fields).unwrap().headers.get(header).map(|v| v.expose().to_owned());
    assert_eq!(key(r#""provider": "anthropic""#, "x-api-key").as_deref(), Some("planted-secret-ant"));
    assert_eq!(key(r#""provider": "google""#, "x-goog-api-key").as_deref(), Some("planted-secret-goog"));
    assert_eq!(key(r#""provider": "groq""#, "authorization").as_deref(), Some("Bearer planted-secret-groq"));
    assert_eq!(key(r#""provider": "anthropic", "headers": {"authorization": "Bearer x"}"#, "x-api-key"), None);
    let own = r#""provider": "anthropic", "provider_config": {"http_headers": {"X-Api-Key": "own"}}"#;
    assert_eq!(key(own, "x-api-key").as_deref(), Some("own"));
    let none = r#""provider": "anthropic", "provider_config": {"auth": {"type": "none"}}"#;
    assert_eq!(key(none, "x-api-key"), None);
}

#[test]
fn a_credential_can_go_anywhere() {
    let header = r#"{"type": "http_header_env", "header": "X-Key", "keys": ["ONE"], "prefix": "Token "}"#;
    assert_eq!(with_auth("openai", header).unwrap().headers["x-key"].expose(), "Token planted-secret-1");
    let param = r#"{"type": "query_param_env", "param": "key", "keys": ["ONE"]}"#;
    assert_eq!(with_auth("openai", param).unwrap().query_params["key"].expose(), "planted-secret-1");
    let command = r#"{"type": "query_param_command", "param": "key", "command": ["print", "${ONE}"]}"#;
    let backend = with_auth("openai", command).unwrap();
    assert!(backend.query_params["key"].is_blank());
    let words = vec![Secret::new("print"), Secret::new("planted-secret-1")];
    let source = TokenSource::Command(words);
    let expected = Refreshed { source, place: Place::Query("key".into()), prefix: String::new() };
    assert_eq!(backend.refreshed, Some(expected));
}

#[test]
fn aws_keys_come_from_the_usual_variables_or_others() {
    let signed = read(r#""provider": "bedrock""#).unwrap();
    let keys = signed.sigv4.unwrap();
    assert!(signed.provider.unwrap().signs && keys.session_token.is_none());
    assert_eq!(
        (keys.access_key_id.expose(), keys.region.as_str(), keys.service.as_str()),
        ("AKIA", "us-east-1", "bedrock")
    );
    let auth = r#"{"type": "sigv4", "access_keys": ["ONE"], "secret_keys": ["TWO"], "session_token_keys": ["ONE"],
        "region": "eu-west-1", "service": "bedrock-x"}"#;
    let signed = with_auth("bedrock", auth).unwrap();
    assert_eq!(signed.base_url, "https://bedrock-runtime.eu-west-1.amazonaws.com");
    let keys = signed.sigv4.unwrap();
    assert_eq!((keys.secret_access_key.expose(), keys.region.as_str()), ("planted-secret-2", "eu-west-1"));
    assert_eq!(keys.session_token.unwrap().expose(), "planted-secret-1");
    let bearer = read(r#""provider": "bedrock", "headers": {"authorization": "Bearer x"}"#).unwrap();
    assert!(bearer.sigv4.is_none() && !bearer.provider.unwrap().signs);
}

#[test]
fn a_service_account_brings_its_project() {
    for auth in
        [r#"{"type": "service_account", "file": "/key.json"}"#, r#"{"type": "service_account", "json_env": "ACCOUNT"}"#]
    {
        let backend = with_auth("vertex", auth).unwrap();
        assert_eq!(backend.provider.unwrap().project, "from-file");
        let Some(Refreshed { source: TokenSource::ServiceAccount(account), prefix, .. }) = backend.refreshed else {
            panic!("no service account")
        };
        assert_eq!((account.email.as_str(), prefix.as_str()), ("a@p.iam.test", "Bearer "));
        assert!(backend.headers["authorization"].is_blank());
    }
    assert_eq!(
        problem("vertex", r#"{"type": "service_account", "file": "/user.json"}"#),
        ".file: the file /user.json is of the type `authorized_user`: give the key file of a service account"
    );
    assert_eq!(
        problem("vertex", r#"{"type": "service_account", "json_env": "ONE"}"#),
        ".json_env: the variable ONE is not JSON"
    );
}

#[test]
fn oauth_needs_its_endpoint_and_a_client() {
    let auth = r#"{"type": "oauth_client_credentials", "token_url": "https://t.test/token", "client_id": "c",
        "client_secret_keys": ["ONE"], "scopes": ["a", "b"], "audience": "x", "extra_params": {"resource": "r"}}"#;
    let backend = with_auth("openai", auth).unwrap();
    let Some(Refreshed { source: TokenSource::ClientCredentials(client), .. }) = backend.refreshed else {
        panic!("no client credentials")
    };
    assert_eq!((client.scope.as_str(), client.client_secret.expose()), ("a b", "planted-secret-1"));
    assert_eq!(client.parameters.keys().collect::<Vec<_>>(), ["audience", "resource"]);
    let lines = with_auth("openai", r#"{"type": "oauth_client_credentials", "token_url": "t.test", "client_id": ""}"#);
    let expected = [
        "token_url: expected an http or https URL without a user name",
        "client_id: is blank: write something",
        "client_secret: required field `client_secret` is missing",
    ];
    assert_eq!(lines.unwrap_err(), expected.map(|line| format!("backends[0].provider_config.auth.{line}")));
}

#[test]
fn mistakes_say_what_would_be_right() {
    for (auth, expected) in [
        (r#"{"type": "api_key_env", "keys": ["NOPE"]}"#, ".keys: environment variable NOPE is not set: set it, or put"),
        (
            r#"{"type": "api_key_env", "keys": ["NOPE", "BLANK"]}"#,
            ".keys: none of the environment variables NOPE, BLANK is",
        ),
        (r#"{"type": "api_key_env", "keys": []}"#, ".keys: names no variable"),
        (r#"{"type": "api_key_env", "keys": ["BROKEN"]}"#, ": a header's value must not contain line breaks"),
        (
            r#"{"type": "api_key_envv"}"#,
            ".type: no type of `auth` is given that is known here; did you mean `api_key_env`?",
        ),
        (r#"{}"#, ".type: no type of `auth` is given that is known here; it is one of api_key_env, command,"),
        (r#"{"type": "command"}"#, ".command: required field `command` is missing"),
        (r#"{"type": "command", "command": []}"#, ".command: expected a list of the program and its arguments"),
        (r#"{"type": "command", "command": ["x"], "header": "y"}"#, ".header: unknown field `header`"),
        (r#"{"type": "http_header_env", "header": "a b", "keys": ["ONE"]}"#, ".header: not a header's name"),
        (r#"{"type": "http_header_env", "header": "host", "keys": ["ONE"]}"#, ".header: `host` is set by the gateway"),
        (r#"{"type": "service_account"}"#, ".file: give either `file`"),
        (r#"{"type": "sigv4"}"#, ".region: required field `region` is missing"),
    ] {
        let found = problem("openai", auth);
        assert!(found.starts_with(expected), "{auth}: {found}");
    }
    let twice = read(
        r#""provider": "openai", "headers": {"authorization": "x"},
        "provider_config": {"auth": {"type": "api_key_env", "keys": ["ONE"]}}"#,
    );
    assert_eq!(
        twice.unwrap_err(),
        ["backends[0].provider_config.auth: the header `authorization` is written down as well: remove one of them"]
    );
}

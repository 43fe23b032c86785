use std::collections::BTreeMap;

use axum::Router;
use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ditto_policy::document::{ClientCredentials, ServiceAccount};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};

use super::*;

/// Made for this test; it opens nothing.
const TEST_KEY: &str = include_str!("testdata/service-account-key.pem");

/// A token endpoint that notes what it was asked and gives `token-1`, `token-2` and so on, each for a second.
#[derive(Debug, Clone, Default)]
struct Endpoint {
    forms: Arc<Mutex<Vec<BTreeMap<String, String>>>>,
}

impl Endpoint {
    async fn start() -> (Self, String) {
        let endpoint = Self::default();
        let token = async |State(endpoint): State<Self>, Form(form): Form<BTreeMap<String, String>>| {
            if form.get("client_secret").is_some_and(|secret| secret == "planted-wrong") {
                let body = json!({"error": "invalid_client", "error_description": "planted-wrong is wrong"});
                return (StatusCode::UNAUTHORIZED, axum::Json(body));
            }
            let mut forms = endpoint.forms.lock().unwrap();
            forms.push(form);
            let body = json!({"access_token": format!("token-{}", forms.len()), "expires_in": 1});
            (StatusCode::OK, axum::Json(body))
        };
        let metadata = async |headers: HeaderMap| match headers.get("metadata-flavor") {
            Some(flavor) if flavor == "Google" => Ok(axum::Json(json!({"access_token": "of-the-machine"}))),
            _ => Err(StatusCode::FORBIDDEN),
        };
        let routes = Router::new()
            .route("/token", post(token))
            .route("/computeMetadata/v1/instance/service-accounts/default/token", get(metadata))
            .with_state(endpoint.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        (endpoint, url)
    }

    fn last(&self) -> BTreeMap<String, String> {
        self.forms.lock().unwrap().last().cloned().unwrap()
    }
}

fn http() -> HttpClient {
    HttpClient::new(None).unwrap()
}

fn client(url: &str, secret: &str) -> ClientCredentials {
    ClientCredentials {
        token_url: format!("{url}/token"),
        client_id: Secret::new("me"),
        client_secret: Secret::new(secret),
        scope: "a b".into(),
        parameters: [("audience".to_owned(), Secret::new("x&y"))].into(),
    }
}

/// A compiled document with one backend whose header comes from `source`.
fn compiled(source: TokenSource) -> Compiled {
    let text = r#"{"backends": [{"name": "one", "provider": "openai", "provider_config":
        {"base_url": "http://127.0.0.1:1/v1", "auth": {"type": "command", "command": ["x"]}}}]}"#;
    let environment = crate::environment::ProcessEnvironment::default();
    let format = Some(ditto_policy::document::Format::Json);
    let mut document = ditto_policy::document::load(text, format, &environment).unwrap().document;
    document.backends[0].refreshed.as_mut().unwrap().source = source;
    let metering = ditto_policy::filter_config::Metering::default();
    let options = ditto_policy::compile::Options { max_body_bytes: 1, open_relay: false, metering, module: None };
    ditto_policy::compile::compile(&document, options).unwrap()
}

fn header(tokens: &Tokens, compiled: &Compiled) -> String {
    let mut compiled = compiled.clone();
    tokens.fill(&mut compiled);
    compiled.clusters[0].headers["authorization"].expose().to_owned()
}

#[tokio::test]
async fn a_client_proves_itself_in_a_form() {
    let (endpoint, url) = Endpoint::start().await;
    let token = oauth::client_credentials(&http(), &client(&url, "s&s")).await.unwrap();
    assert_eq!(token, Token { value: Secret::new("token-1"), good_for: Some(Duration::from_secs(1)) });
    let expected = [
        ("audience", "x&y"),
        ("client_id", "me"),
        ("client_secret", "s&s"),
        ("grant_type", "client_credentials"),
        ("scope", "a b"),
    ];
    assert_eq!(endpoint.last(), expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
}

#[tokio::test]
async fn a_refusal_is_told_by_its_code_and_without_secrets() {
    let (_endpoint, url) = Endpoint::start().await;
    let error = oauth::client_credentials(&http(), &client(&url, "planted-wrong")).await.unwrap_err().to_string();
    assert!(error.contains("127.0.0.1 refuses a token with status 401 (invalid_client)"), "{error}");
    assert!(!error.contains("planted"), "{error}");
    let error = oauth::client_credentials(&http(), &client("http://127.0.0.1:1", "planted")).await.unwrap_err();
    assert!(error.to_string().contains("127.0.0.1 cannot be asked for a token: "), "{error}");
    assert!(!error.to_string().contains("planted"), "{error}");
}

#[tokio::test]
async fn a_service_account_signs_what_it_asks_for() {
    let (endpoint, url) = Endpoint::start().await;
    let account = ServiceAccount {
        email: "a@p.iam.test".into(),
        private_key: Secret::new(TEST_KEY),
        key_id: Some("k1".into()),
        token_url: format!("{url}/token"),
        project: None,
    };
    assert_eq!(google::service_account(&http(), &account).await.unwrap().value.expose(), "token-1");
    let form = endpoint.last();
    assert_eq!(form["grant_type"], "urn:ietf:params:oauth:grant-type:jwt-bearer");
    let (signed, signature) = form["assertion"].rsplit_once('.').unwrap();
    let key = PrivatePkcs8KeyDer::from_pem_slice(TEST_KEY.as_bytes()).unwrap();
    let key = RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()).unwrap();
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public().as_ref());
    public.verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
    let parts: Vec<Value> =
        signed.split('.').map(|part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()).collect();
    assert_eq!(parts[0], json!({"alg": "RS256", "typ": "JWT", "kid": "k1"}));
    assert_eq!((&parts[1]["iss"], &parts[1]["aud"]), (&json!("a@p.iam.test"), &json!(account.token_url)));
    assert_eq!(parts[1]["exp"].as_u64().unwrap() - parts[1]["iat"].as_u64().unwrap(), 3_600);
    assert_eq!(parts[1]["scope"], "https://www.googleapis.com/auth/cloud-platform");

    let broken = ServiceAccount { private_key: Secret::new("-----BEGIN planted"), ..account };
    let error = google::service_account(&http(), &broken).await.unwrap_err().to_string();
    assert!(error.contains("private key cannot be used") && !error.contains("planted"), "{error}");
}

#[tokio::test]
async fn the_metadata_server_is_asked_as_it_wants_to_be() {
    let (_endpoint, url) = Endpoint::start().await;
    assert_eq!(google::metadata(&http(), &url).await.unwrap().value.expose(), "of-the-machine");
}

#[tokio::test]
async fn a_token_is_replaced_before_it_expires_and_stays_when_its_source_fails() {
    let (endpoint, url) = Endpoint::start().await;
    let tokens = Tokens::new(http());
    let mut bell = tokens.subscribe();
    let document = compiled(TokenSource::ClientCredentials(client(&url, "s")));
    let obtained = tokens.obtain(&document).await.unwrap();
    assert_eq!(header(&tokens, &document), "", "nothing is in force yet");
    tokens.adopt(&document, obtained);
    assert_eq!(header(&tokens, &document), "Bearer token-1");
    let again = tokens.obtain(&document).await.unwrap();
    assert!(again.0.is_empty(), "what is held is not asked for again");
    tokio::time::timeout(Duration::from_secs(20), bell.changed()).await.unwrap().unwrap();
    assert_eq!(header(&tokens, &document), "Bearer token-2");
    assert_eq!(endpoint.forms.lock().unwrap().len(), 2);

    // Another document: what it does not need goes, and its own source says no.
    let other = compiled(TokenSource::ClientCredentials(client(&url, "planted-wrong")));
    let problems = tokens.obtain(&other).await.unwrap_err();
    let line = problems[0].to_string();
    assert!(line.starts_with("backend 'one': provider_config.auth: no credential could be obtained: "), "{line}");
    assert_eq!(header(&tokens, &document), "Bearer token-2", "the former document stays in force");
    tokens.adopt(&compiled(TokenSource::Command(vec![Secret::new("x")])), Obtained::default());
    assert_eq!(header(&tokens, &document), "");
}

#[test]
fn a_token_that_no_header_can_carry_is_refused() {
    for text in ["", " \n", "a\nb", "a\0b", &"x".repeat(TOKEN_BYTES_MAX + 1)] {
        assert!(Token::new(text, None).is_err(), "{text}");
    }
    assert_eq!(Token::new(" a \n", None).unwrap().value.expose(), "a");
}

//! Access tokens: assertions of service accounts, client credentials, the metadata server.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ditto_tests::client::Client;
use ditto_tests::simulator::{OAuthConfig, ServiceAccount, Simulator, SimulatorConfig};
use http::Method;
use ring::rand::SystemRandom;
use ring::rsa::KeyPair;
use ring::signature::RSA_PKCS1_SHA256;
use serde_json::{Value, json};

const KEY: &str = include_str!("../../../control-plane/src/credentials/testdata/service-account-key.pem");
const EMAIL: &str = "gateway@project.iam.gserviceaccount.com";
const VERTEX: &str = "/v1/projects/p/locations/us-central1/publishers/google/models/gemini-2.5-pro:generateContent";

fn key() -> KeyPair {
    let lines: String = KEY.lines().filter(|line| !line.starts_with("-----")).collect();
    KeyPair::from_pkcs8(&STANDARD.decode(lines).unwrap()).unwrap()
}

fn start() -> (Simulator, Client) {
    let pem = format!(
        "-----BEGIN RSA PUBLIC KEY-----\n{}\n-----END RSA PUBLIC KEY-----\n",
        STANDARD.encode(key().public().as_ref())
    );
    let oauth = OAuthConfig {
        service_account: Some(ServiceAccount { email: EMAIL.to_owned(), public_key: pem }),
        client: Some(("client".to_owned(), "a secret+".to_owned())),
        lifetime: Duration::from_secs(60),
    };
    let simulator = Simulator::start_with(SimulatorConfig { oauth: Some(oauth), ..SimulatorConfig::default() });
    let simulator = simulator.unwrap();
    let client = Client::new(&simulator.url());
    (simulator, client)
}

fn claims() -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let scope = "https://www.googleapis.com/auth/cloud-platform";
    json!({"iss": EMAIL, "aud": "https://oauth2.googleapis.com/token", "scope": scope, "iat": now, "exp": now + 3600})
}

fn assertion(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&json!({"alg": "RS256", "typ": "JWT"})), part(claims));
    let key = key();
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

async fn ask(client: &Client, path: &str, form: &str, status: u16) -> Value {
    let request = client.request(Method::POST, path).header("content-type", "application/x-www-form-urlencoded");
    request.body(form.to_owned()).send().await.expect_status(status).await.json().await
}

fn bearer(assertion: &str) -> String {
    format!("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={assertion}")
}

async fn generate(client: &Client, token: &str, status: u16) -> Value {
    let body = json!({"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]});
    let request = client.post(VERTEX, &body).header("authorization", &format!("Bearer {token}"));
    request.send().await.expect_status(status).await.json().await
}

#[tokio::test]
async fn an_assertion_gets_a_token_that_vertex_takes_until_it_ends() {
    let (simulator, client) = start();
    let body = ask(&client, "/token", &bearer(&assertion(&claims())), 200).await;
    assert_eq!((&body["expires_in"], &body["token_type"]), (&json!(60), &json!("Bearer")));
    let token = body["access_token"].as_str().unwrap();
    generate(&client, token, 200).await;
    simulator.expire_tokens();
    let error = generate(&client, token, 401).await;
    assert_eq!(error["error"]["details"][0]["reason"], "ACCESS_TOKEN_EXPIRED");
    let error = generate(&client, "made-up", 401).await;
    assert_eq!(error["error"]["status"], "UNAUTHENTICATED");
    client.post(VERTEX, &json!({})).send().await.expect_status(401).await;
}

#[tokio::test]
async fn other_assertions_are_refused_with_their_reason() {
    let (_simulator, client) = start();
    let with = |name: &str, value: Value| {
        let mut claims = claims();
        claims[name] = value;
        assertion(&claims)
    };
    let good = assertion(&claims());
    let mut forged: Vec<&str> = good.split('.').collect();
    let other = with("sub", json!("x"));
    forged[1] = other.split('.').nth(1).unwrap();
    let now = claims()["iat"].as_u64().unwrap();
    let cases = [
        (forged.join("."), "Invalid JWT Signature."),
        (with("iss", json!("other")), "account not found"),
        (with("aud", json!("https://example.com")), "audience"),
        (with("exp", json!(now + 7200)), "short-lived"),
        (with("exp", json!(now - 1000)), "short-lived"),
        ("nonsense".to_owned(), "no JWT"),
    ];
    for (assertion, reason) in cases {
        let error = ask(&client, "/token", &bearer(&assertion), 400).await;
        assert_eq!(error["error"], "invalid_grant");
        assert!(error["error_description"].as_str().unwrap().contains(reason), "{error} does not say {reason}");
    }
    let error = ask(&client, "/token", &bearer(&with("scope", Value::Null)), 400).await;
    assert_eq!(error["error"], "invalid_scope");
    let error = ask(&client, "/token", "grant_type=password", 400).await;
    assert_eq!(error["error"], "unsupported_grant_type");
}

#[tokio::test]
async fn a_client_shows_its_secret_in_either_place() {
    let (_simulator, client) = start();
    let form = "grant_type=client_credentials&client_id=client&client_secret=a+secret%2B&scope=x";
    let body = ask(&client, "/tenant/oauth2/v2.0/token", form, 200).await;
    generate(&client, body["access_token"].as_str().unwrap(), 200).await;
    let basic = STANDARD.encode("client:a%20secret%2B");
    let request = client.request(Method::POST, "/token").header("authorization", &format!("Basic {basic}"));
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    request.body("grant_type=client_credentials".to_owned()).send().await.expect_status(200).await;
    let form = "grant_type=client_credentials&client_id=client&client_secret=wrong";
    assert_eq!(ask(&client, "/token", form, 401).await["error"], "invalid_client");
}

#[tokio::test]
async fn the_metadata_server_answers_who_means_it() {
    let (_simulator, client) = start();
    let path = "/computeMetadata/v1/instance/service-accounts/default/token";
    client.get(path).send().await.expect_status(403).await;
    let mut response = client.get(path).header("metadata-flavor", "Google").send().await.expect_status(200).await;
    assert_eq!(response.header("metadata-flavor"), Some("Google"));
    let body = response.json().await;
    generate(&client, body["access_token"].as_str().unwrap(), 200).await;
}

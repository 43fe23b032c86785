//! No route without its checks: every path of the surface, the paths beside it, and the tricks with them.

use ditto_llm::dialect::Dialect;
use ditto_policy::surface::{Check, Entry, Pattern, SURFACE, Service};
use ditto_tests::client::{Client, Response};
use ditto_tests::harness::config::{self, TOKEN};
use ditto_tests::harness::{ADMIN_TOKEN, Gateway};
use ditto_tests::simulator::Simulator;
use http::Method;

use ditto_tests::support::{exchange, expect_anthropic_error, expect_error, indifferent, ready, start};

const METHODS: [Method; 7] =
    [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS, Method::HEAD];

/// Paths that an entry stands for.
fn paths(entry: &Entry) -> Vec<String> {
    match entry.pattern {
        Pattern::Exact(path) => vec![path.to_owned(), format!("{path}?limit=1")],
        Pattern::Subtree(root) => ["", "/", "/x", "/x/y?z=1"].map(|rest| format!("{root}{rest}")).to_vec(),
        Pattern::GeminiMethod => vec!["/v1beta/models/m:generateContent".to_owned()],
    }
}

async fn send(client: &Client, method: &Method, path: &str) -> Response {
    client.request(method.clone(), path).send().await
}

/// Asserts an error; a reply to HEAD has no body to look at.
async fn expect(reply: Response, method: &Method, status: u16, code: &str) {
    if *method == Method::HEAD {
        reply.expect_status(status).await;
    } else if code == "unauthorized" || code == "not_found" {
        assert_eq!(reply.expect_status(status).await.json().await["error"]["code"], code);
    } else {
        expect_error(reply, status, code).await;
    }
}

#[tokio::test]
async fn nothing_passes_without_its_checks() {
    let simulator = indifferent();
    let gateway = start(config::single(&simulator), &["--prometheus-metrics"]).await;
    every_path_of_the_surface_passes_its_checks_whatever_the_method(&gateway, &simulator).await;
    with_a_key_every_proxied_path_reaches_the_backend_under_its_full_name(&gateway, &simulator).await;
    path_tricks_reach_neither_a_backend_nor_the_admin_api(&gateway, &simulator).await;
    a_path_outside_the_surface_is_404_without_a_body_even_with_a_key(&gateway, &simulator).await;
    headers_that_name_a_route_or_another_path_change_nothing(&gateway, &simulator).await;
}

async fn every_path_of_the_surface_passes_its_checks_whatever_the_method(gateway: &Gateway, simulator: &Simulator) {
    simulator.forget_requests();
    let nobody = gateway.client();
    for entry in SURFACE {
        for (path, method) in paths(entry).iter().flat_map(|path| METHODS.iter().map(move |method| (path, method))) {
            let reply = send(&nobody, method, path).await;
            match entry.service {
                // Google's form; the control plane's answers too.
                _ if path.starts_with("/v1beta") && *method != Method::HEAD => {
                    let body = reply.expect_status(401).await.json().await;
                    assert_eq!(body["error"]["status"], "UNAUTHENTICATED", "{method} {path}");
                }
                Service::Proxy if path.starts_with("/messages") && *method != Method::HEAD => {
                    expect_anthropic_error(reply, 401, "authentication_error").await;
                }
                Service::Proxy | Service::Unsupported => {
                    assert!(entry.checks.contains(&Check::VirtualKey));
                    expect(reply, method, 401, "invalid_api_key").await;
                    let unknown = nobody.clone().with_header("x-api-key", "sk-unknown");
                    expect(send(&unknown, method, path).await, method, 401, "invalid_api_key").await;
                }
                Service::ControlPlane if entry.checks.contains(&Check::AdminToken) => {
                    expect(reply, method, 401, "unauthorized").await;
                    let keyed = nobody.clone().with_bearer(TOKEN);
                    expect(send(&keyed, method, path).await, method, 401, "unauthorized").await;
                }
                // The control plane's own answer to whoever has no key, whatever the method.
                Service::ControlPlane if entry.checks.contains(&Check::VirtualKey) => {
                    expect(reply, method, 401, "invalid_api_key").await;
                    let unknown = nobody.clone().with_header("x-api-key", "sk-unknown");
                    expect(send(&unknown, method, path).await, method, 401, "invalid_api_key").await;
                }
                Service::ControlPlane => {
                    let readable = [Method::GET, Method::HEAD].contains(method);
                    assert_eq!(reply.status, if readable { 200 } else { 405 }, "{method} {path}");
                }
            }
        }
    }
    assert_eq!(simulator.requests().len(), 0, "{:?}", simulator.requests());
}

async fn with_a_key_every_proxied_path_reaches_the_backend_under_its_full_name(
    gateway: &Gateway,
    simulator: &Simulator,
) {
    simulator.forget_requests();
    let client = gateway.client().with_bearer(TOKEN);
    let proxied = |entry: &&Entry| entry.service != Service::ControlPlane && entry.pattern != Pattern::GeminiMethod;
    for entry in SURFACE.iter().filter(proxied) {
        for (path, method) in paths(entry).iter().flat_map(|path| METHODS.iter().map(move |method| (path, method))) {
            let shadowed = SURFACE.iter().find(|other| other.pattern.matches(path.split('?').next().unwrap()));
            let reply = send(&client, method, path).await;
            if shadowed.unwrap().service == Service::Unsupported {
                expect(reply, method, 501, "unsupported_endpoint").await;
                continue;
            }
            let expected = if entry.alias { format!("/v1{path}") } else { path.clone() };
            // What is translated needs a body.
            if *method == Method::POST && Dialect::of_path(&expected) != Dialect::OpenAi {
                expect_anthropic_error(reply, 400, "invalid_request_error").await;
                continue;
            }
            assert_eq!(reply.status, 200, "{method} {path}");
            let seen = simulator.last_request();
            assert_eq!((seen.method.as_str(), seen.target.as_str()), (method.as_str(), expected.as_str()));
        }
    }
}

#[tokio::test]
async fn without_an_admin_token_there_is_no_admin_api() {
    let simulator = Simulator::start();
    let gateway = Gateway::builder(config::single(&simulator)).without_admin_token().start().await;
    let gateway = ready(gateway).await;
    for client in [gateway.client(), gateway.control_client()] {
        for path in ["/admin", "/admin/", "/admin/keys", "/admin/keys/x", "/admin/config/status"] {
            for method in &METHODS {
                let with_token = client.request(method.clone(), path).bearer(ADMIN_TOKEN);
                for request in [client.request(method.clone(), path), with_token] {
                    let mut reply = request.send().await.expect_status(404).await;
                    assert_eq!(reply.text().await, "", "{method} {path}");
                }
            }
        }
    }
}

/// Paths that some server or other takes for one of ours.
const TRICKS: [&str; 40] = [
    "/nobody",
    "/v1x/models",
    "/V1/models",
    "/v2/models",
    "/v1%2fmodels",
    "/%76%31/models",
    "/v1;x/models",
    "//v1/models",
    "///v1/models",
    "/./v1/models",
    "/x/../v1/models",
    "/health/../v1/models",
    "/health/%2e%2e/v1/models",
    "/health/..;/v1/models",
    "/v1/../v1/models",
    "/v1/%2e%2e/v1/models",
    "/v1/./models",
    "/v1//models",
    "/v1/models/",
    "/v1/models/..",
    "/\\v1\\models",
    "/v1\\models",
    "/chat/completions/",
    "//chat/completions",
    "/CHAT/completions",
    "/admin/",
    "/admin/keys/",
    "//admin/keys",
    "/admin//keys",
    "/Admin/keys",
    "/%61dmin/keys",
    "/admin%2fkeys",
    "/admin;/keys",
    "/v1/../admin/keys",
    "/v1/%2e%2e/admin/keys",
    "/v1/..%2fadmin/keys",
    "/health/../admin/keys",
    "/admin/./keys",
    "/health;/../admin/keys",
    "/health?/../admin/keys",
];

async fn path_tricks_reach_neither_a_backend_nor_the_admin_api(gateway: &Gateway, simulator: &Simulator) {
    simulator.forget_requests();
    let host = gateway.address();
    let absolute = ["/v1/models", "/admin/keys", "/v1/../admin/keys"].map(|path| format!("http://{host}{path}"));
    let tricks = TRICKS.iter().map(|&path| path.to_owned()).chain(absolute).chain(["*".to_owned()]);
    for path in tricks {
        for method in ["GET", "POST", "DELETE", "OPTIONS"] {
            for extra in
                ["", "x-ditto-route: control-plane\r\n", "x-original-url: /health\r\nx-rewrite-url: /health\r\n"]
            {
                let head =
                    format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: 0\r\nconnection: close\r\n");
                let (status, reply) = exchange(gateway, &format!("{head}{extra}\r\n")).await;
                let served = path.starts_with("/health?") && method == "GET" && status == 200;
                assert!(served || [400, 401, 404, 405].contains(&status), "{method} {path}: {reply}");
                assert!(!reply.contains("\"harness\""), "{method} {path} lists keys: {reply}");
            }
        }
    }
    assert_eq!(simulator.requests().len(), 0, "{:?}", simulator.requests());
}

async fn a_path_outside_the_surface_is_404_without_a_body_even_with_a_key(gateway: &Gateway, simulator: &Simulator) {
    simulator.forget_requests();
    for client in [gateway.client(), gateway.client().with_bearer(TOKEN), gateway.admin()] {
        for path in
            ["/nobody", "/v1x", "/v2/models", "/metrics", "/mcp", "/key/generate", "/healthz", "/chat/completions/x"]
        {
            for method in &METHODS {
                let mut reply = send(&client, method, path).await.expect_status(404).await;
                assert_eq!(reply.text().await, "", "{method} {path}");
            }
        }
    }
    assert_eq!(simulator.requests().len(), 0);
}

async fn headers_that_name_a_route_or_another_path_change_nothing(gateway: &Gateway, simulator: &Simulator) {
    simulator.forget_requests();
    let dump = gateway.envoy_admin("/config_dump").await;
    let dump: serde_json::Value = serde_json::from_str(&dump).unwrap();
    let text = dump.to_string();
    // The names of the routes stand in the filter's configuration, which is JSON in a string.
    let at = text.find(r#"\"routes\":[{\"name\":\""#).expect("the filter's configuration is in the dump");
    let route = &text[at + r#"\"routes\":[{\"name\":\""#.len()..][..12];
    for name in ["x-ditto-route", "X-Ditto-Route"] {
        for value in [route, "control-plane"] {
            let nobody = gateway.client().with_header(name, value);
            expect_error(nobody.get("/v1/files").send().await, 401, "invalid_api_key").await;
            nobody.get("/nowhere").send().await.expect_status(404).await;
            nobody.get("/admin/keys").send().await.expect_status(401).await;
            // With a key the request goes where the rules say, whatever the header says.
            let reply = nobody.get("/v1/files").bearer(TOKEN).send().await.expect_status(200).await;
            assert_eq!(reply.header("x-ditto-backend"), Some("simulator"));
        }
    }
    assert_eq!(simulator.requests().len(), 4);
}

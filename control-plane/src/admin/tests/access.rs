use super::*;

const ROUTES: [(Method, &str); 15] = [
    (Method::GET, "/admin/keys"),
    (Method::POST, "/admin/keys"),
    (Method::PUT, "/admin/keys/a"),
    (Method::DELETE, "/admin/keys/from-file"),
    (Method::GET, "/admin/config/status"),
    (Method::GET, "/admin/budgets"),
    (Method::GET, "/admin/budgets/tenants"),
    (Method::GET, "/admin/budgets/projects"),
    (Method::GET, "/admin/budgets/users"),
    (Method::GET, "/admin/costs"),
    (Method::GET, "/admin/costs/tenants"),
    (Method::GET, "/admin/costs/projects"),
    (Method::GET, "/admin/costs/users"),
    (Method::GET, "/admin/ledger"),
    (Method::POST, "/admin/reservations/reap"),
];

fn request(method: &Method, path: &str, headers: &[(&str, &[u8])]) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = if path.starts_with("/admin/keys") { r#"{"id":"a"}"# } else { "" };
    request.body(Body::from(body)).unwrap()
}

#[tokio::test]
async fn every_route_needs_the_token() {
    let api = Api::new().await;
    let wrong: [&[(&str, &[u8])]; 9] = [
        &[],
        &[("authorization", b"Bearer wrong")],
        &[("authorization", b"Bearer ")],
        &[("authorization", b"Bearer")],
        &[("authorization", TOKEN.as_bytes())],
        &[("authorization", b"Basic YTpi")],
        &[("authorization", b"Bearer \xff\xfe")],
        &[("x-admin-token", b"")],
        &[("x-admin-token", b"wrong"), ("x-ditto-virtual-key", TOKEN.as_bytes())],
    ];
    for (method, path) in &ROUTES {
        for headers in wrong {
            let answer = api.send(request(method, path, headers)).await;
            assert_eq!((answer.status, answer.code().as_str()), (401, "unauthorized"), "{method} {path} {headers:?}");
            assert_eq!(answer.headers["www-authenticate"], "Bearer");
        }
    }
    assert!(api.directory.get("from-file").is_some());
    assert_eq!(api.directory.len(), 1);
}

#[tokio::test]
async fn either_header_opens_every_route() {
    let bearer = format!("bearer  {TOKEN} ");
    let own: &[(&str, &[u8])] = &[("x-admin-token", TOKEN.as_bytes()), ("authorization", b"Bearer vk-local")];
    let headers: [&[(&str, &[u8])]; 2] = [&[("authorization", bearer.as_bytes())], own];
    for headers in headers {
        let api = Api::new().await;
        for (method, path) in &ROUTES {
            let answer = api.send(request(method, path, headers)).await;
            assert!((200..300).contains(&answer.status), "{method} {path}: {answer:?}");
            assert_eq!(answer.headers["cache-control"], "no-store");
        }
    }
}

#[tokio::test]
async fn without_a_token_there_is_no_admin_api() {
    let api = Api::over(Arc::new(MemoryStore::default()), |state| state.token = None).await;
    let others = [(Method::GET, "/admin"), (Method::GET, "/admin/"), (Method::PATCH, "/admin/keys")];
    for (method, path) in ROUTES.iter().chain(&others) {
        let answer = api.call(method.clone(), path, "").await;
        assert_eq!((answer.status, answer.text.as_str()), (404, ""), "{method} {path}");
    }
}

#[tokio::test]
async fn what_does_not_exist_is_told_to_the_operator_only() {
    let api = Api::new().await;
    for path in ["/admin", "/admin/", "/admin/nothing", "/admin/keys/a/b", "/admin/config"] {
        let answer = api.send(request(&Method::GET, path, &[])).await;
        assert_eq!(answer.status, 401, "{path}");
        let answer = api.get(path).await;
        assert_eq!((answer.status, answer.code().as_str()), (404, "not_found"), "{path}");
    }
    for path in ["/nothing", "/v1/models", "/administrator"] {
        let answer = api.get(path).await;
        assert_eq!((answer.status, answer.text.as_str()), (404, ""), "{path}");
    }
}

#[tokio::test]
async fn a_wrong_method_is_named_with_the_right_ones() {
    let api = Api::new().await;
    for (method, path, allowed) in [
        (Method::PATCH, "/admin/keys", "GET,HEAD,POST"),
        (Method::GET, "/admin/keys/a", "PUT,DELETE"),
        (Method::POST, "/admin/config/status", "GET,HEAD"),
        (Method::POST, "/health", "GET,HEAD"),
    ] {
        let answer = api.call(method, path, "").await;
        assert_eq!((answer.status, answer.code().as_str()), (405, "method_not_allowed"), "{path}");
        assert_eq!(answer.headers["allow"], allowed);
    }
    assert_eq!(api.send(request(&Method::PATCH, "/admin/keys", &[])).await.status, 401);
}

#[tokio::test]
async fn the_configurations_status_is_passed_on() {
    assert_eq!(Api::new().await.get("/admin/config/status").await.json(), json!({"revision": 7}));
}

#[test]
fn the_token_is_not_in_the_debug_form() {
    assert!(!format!("{:?}", AdminToken::new(&Secret::new(TOKEN))).contains(TOKEN));
}

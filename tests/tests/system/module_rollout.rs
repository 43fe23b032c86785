//! Another filter module, on one of three Envoys first, under load.

use std::fs;

use ditto_tests::eventually::eventually;
use ditto_tests::harness::Gateway;
use ditto_tests::harness::config::TOKEN;
use ditto_tests::harness::envoy::Envoy;
use ditto_tests::harness::locate::Part;
use ditto_tests::simulator::Simulator;
use http::Method;
use serde_json::{Value, json};

use super::config_rollout::{NODES, admin, post, three_with, until_all};
use super::rig::{backend, config_status, document};
use super::rollout::Load;
use ditto_tests::support::SOON;

/// With a route whose attempts the backend stage prepares, and one that needs no such stage.
fn two_backends(one: &Simulator, two: &Simulator) -> Value {
    let credential = "${TEST_TOKEN}";
    let mut other = backend("two", &two.base_url(), credential);
    other["model_map"] = json!({"m-b": "m-other"});
    let mut document = document(&[backend("one", &one.base_url(), credential), other], &["one"]);
    document["virtual_keys"][0]["token"] = json!(credential);
    let both = json!([{"backend": "one", "weight": 1.0}, {"backend": "two", "weight": 1.0}]);
    document["router"]["rules"] = json!([{"model_prefix": "m-b", "backends": both}]);
    document
}

/// A module's section of a kind. Lengths are written with five bytes, which any length fits.
fn section(kind: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let digits = (0..5).map(|at| (length >> (7 * at) & 0x7f) as u8 | if at < 4 { 0x80 } else { 0 });
    [kind].into_iter().chain(digits).chain(content.iter().copied()).collect()
}

fn named(name: &str, rest: &[u8]) -> Vec<u8> {
    [&[u8::try_from(name.len()).unwrap()], name.as_bytes(), rest].concat()
}

/// The filter, with a section that tells it from others.
fn marked(mark: &str) -> Vec<u8> {
    let mut module = fs::read(Part::Filter.expect()).unwrap();
    module.extend(section(0, &named("mark", mark.as_bytes())));
    module
}

/// What looks like a filter and does not start: it imports what no host has.
fn broken() -> Vec<u8> {
    let filter = fs::read(Part::Filter.expect()).unwrap();
    let name = b"\x14ditto.filter_config";
    let at = filter.windows(name.len()).position(|window| window[1..] == name[1..]).unwrap() + name.len();
    let import = [&[1_u8][..], &named("env", &named("no_such_thing", &[0, 0]))].concat();
    let export = [&[1_u8][..], &named("proxy_abi_version_0_2_1", &[0, 0])].concat();
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    module.extend(section(1, &[1, 0x60, 0, 0]));
    module.extend(section(2, &import));
    module.extend(section(7, &export));
    module.extend(section(0, &named("ditto.filter_config", &filter[at..at + 4])));
    module
}

async fn upload(gateway: &Gateway, module: Vec<u8>, status: u16) -> Value {
    let request = admin(gateway).request(Method::PUT, "/admin/filter").header("content-type", "application/wasm");
    request.body(module).send().await.expect_status(status).await.json().await
}

/// Waits until each Envoy decides by the module of this SHA-256; none: by the one that the gateway came with.
async fn have(envoys: &[Envoy; 3], expected: [Option<&str>; 3]) {
    for (envoy, expected) in envoys.iter().zip(expected) {
        eventually(SOON, &format!("it has {expected:?}"), async || {
            let dump: Value = serde_json::from_str(&envoy.admin("/config_dump?resource=ecds_filters").await).unwrap();
            let dump = dump.to_string();
            expected.map_or(!dump.contains("sha256"), |sha256| dump.contains(sha256))
        })
        .await;
    }
}

async fn stage(gateway: &Gateway, sha256: &str, status: u16) -> Value {
    let path = format!("/admin/filter/rollout?sha256={sha256}&labels=canary=true&comment=another");
    post(gateway, &path, &Value::Null, status).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_filter_module_goes_to_one_envoy_first_and_no_request_notices() {
    let (one, two) = (Simulator::named("one"), Simulator::named("two"));
    let (gateway, envoys) = three_with(two_backends(&one, &two)).await;
    let first = config_status(&gateway).await["document"]["version"].as_str().unwrap().to_owned();
    let load = Load::start(&gateway.client().with_bearer(TOKEN));

    let refused = upload(&gateway, b"\0asm\x01\0\0\0".to_vec(), 400).await.to_string();
    assert!(refused.contains("proxy_abi_version_0_2_1"), "{refused}");
    stage(&gateway, &"0".repeat(64), 400).await;
    let other = upload(&gateway, marked("other"), 200).await["sha256"].as_str().unwrap().to_owned();
    let staged = stage(&gateway, &other, 200).await["rollout"].clone();
    assert_eq!(staged["module"], json!(other));
    let version = staged["version"].as_str().unwrap().to_owned();
    until_all(&gateway, "the canary is ahead", |id, at| at == if id == NODES[0] { &version } else { &first }).await;
    have(&envoys, [Some(&other), None, None]).await;
    load.assert_unharmed();

    let promoted = post(&gateway, "/admin/config/rollout/promote", &Value::Null, 200).await;
    assert_eq!((&promoted["module"], &promoted["comment"]), (&json!(other), &json!("another")));
    until_all(&gateway, "all have followed", |_, at| at == version).await;
    have(&envoys, [Some(&other); 3]).await;
    load.assert_unharmed();

    let broken = upload(&gateway, broken(), 200).await["sha256"].as_str().unwrap().to_owned();
    stage(&gateway, &broken, 200).await;
    let mut status = Value::Null;
    eventually(SOON, "it is taken back", async || {
        status = admin(&gateway).get("/admin/config/rollout").send().await.json().await;
        status["staged"] == false
    })
    .await;
    assert_eq!(
        (&status["refused"]["kind"], &status["refused"]["node"]),
        (&json!("nack"), &json!(NODES[0])),
        "{status}"
    );
    until_all(&gateway, "all have the former module", |_, at| at == version).await;
    have(&envoys, [Some(&other); 3]).await;
    load.assert_unharmed();

    let modules = admin(&gateway).get("/admin/filter").send().await.expect_status(200).await.json().await;
    assert_eq!((&modules["in_force"], modules["modules"].as_array().unwrap().len()), (&json!(other), 2));
    let counts = load.finish().await;
    assert!(counts.iter().all(|&count| count > 10), "{counts:?}");
    assert!(!two.requests().is_empty(), "the route with a backend stage was taken");
}

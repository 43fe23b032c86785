//! The documentation's configurations, as they are printed there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ditto_tests::eventually::eventually;
use ditto_tests::harness::Gateway;
use ditto_tests::harness::locate::Part;
use ditto_tests::simulator::{Fault, Simulator};
use serde_json::{Value, json};

use ditto_tests::support::{SOON, chat, expect_error, ready};

/// The variables of recipe 1, and the values of this test.
const VARIABLES: [(&str, &str); 4] = [
    ("OPENAI_API_KEY", "sk-openai-of-the-recipe"),
    ("DITTO_ADMIN_TOKEN", "admin-token-of-the-recipe-0123456789"),
    ("DITTO_VK_BOOTSTRAP", "vk-bootstrap-of-the-recipe"),
    ("REDIS_URL", "redis://127.0.0.1:6379"),
];
/// Variables of the other documents.
const OTHERS: [&str; 3] = ["LITELLM_MASTER_KEY", "VK_PAID", "DITTO_VK_DEV"];

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/documents").join(name).with_extension("json")
}

fn document(name: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(path(name)).unwrap()).unwrap()
}

fn check(path: &Path) -> Output {
    let mut command = Command::new(Part::Gateway.expect());
    command.arg("check").arg(path).envs(VARIABLES).envs(OTHERS.map(|name| (name, name)));
    command.output().unwrap()
}

/// A dotenv file with the variables of the recipe, each changed by `change` or left out.
fn dotenv(directory: &Path, change: impl Fn(&str, &str) -> Option<String>) -> String {
    let lines = VARIABLES.iter().filter_map(|(name, value)| Some(format!("{name}={}\n", change(name, value)?)));
    let path = directory.join(".env");
    fs::write(&path, lines.collect::<String>()).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn every_document_of_the_documentation_loads() {
    for name in ["recipe-1", "recipe-2", "recipe-4", "mode-a", "mode-b", "in-front-of-litellm"] {
        let output = check(&path(name));
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn every_fragment_of_a_backend_loads_as_part_of_a_document() {
    let directory = tempfile::tempdir().unwrap();
    let whole = json!({"name": "primary", "base_url": "https://api.openai.com/v1"});
    let fragments = [
        json!({"name": "primary", "base_url": "https://api.openai.com/v1", "max_in_flight": 64}),
        json!({"timeout_seconds": 60}),
        json!({"model_map": {"*": "glm-4.7"}}),
    ];
    for fragment in fragments {
        let mut backend = whole.clone();
        backend.as_object_mut().unwrap().extend(fragment.as_object().unwrap().clone());
        let path = directory.path().join("gateway.json");
        fs::write(&path, json!({"backends": [backend]}).to_string()).unwrap();
        let output = check(&path);
        assert!(output.status.success(), "{fragment}: {}", String::from_utf8_lossy(&output.stdout));
    }
}

#[tokio::test]
async fn the_first_recipe_runs_as_written() {
    let simulator = Simulator::start();
    let directory = tempfile::tempdir().unwrap();
    let [(_, openai), (_, admin), (_, key), _] = VARIABLES;
    let mut recipe = document("recipe-1");
    recipe["backends"][0]["base_url"] = json!(simulator.base_url());
    let gateway = Gateway::builder(recipe)
        .args(&["--dotenv", &dotenv(directory.path(), |_, value| Some(value.to_owned()))])
        .args(&["--admin-token-env", "DITTO_ADMIN_TOKEN"])
        .start()
        .await;
    let gateway = ready(gateway).await;
    let client = gateway.client();
    assert_eq!(client.get("/health").send().await.json().await, json!({"status": "ok"}));
    let models = client.get("/v1/models").bearer(key).send().await.expect_status(200).await.json().await;
    assert_eq!(models["object"], "list");
    assert_eq!(simulator.last_request().header("authorization"), Some(format!("Bearer {openai}").as_str()));
    let keys = client.get("/admin/keys").bearer(admin).send().await.expect_status(200).await.json().await;
    assert_eq!((keys[0]["id"].as_str(), keys[0]["token"].as_str()), (Some("vk-bootstrap"), Some("redacted")));
    expect_error(client.get("/v1/models").send().await, 401, "invalid_api_key").await;
}

#[tokio::test]
async fn the_first_recipe_does_not_start_with_a_variable_unset_or_blank_and_names_it() {
    for (missing, _) in &VARIABLES[..3] {
        for blank in [None, Some(String::new()), Some("  ".to_owned())] {
            let directory = tempfile::tempdir().unwrap();
            let keep = |name: &str, value: &str| if name == *missing { blank.clone() } else { Some(value.to_owned()) };
            let builder = Gateway::builder(document("recipe-1"))
                .args(&["--dotenv", &dotenv(directory.path(), keep)])
                .args(&["--admin-token-env", "DITTO_ADMIN_TOKEN"]);
            let builder = VARIABLES.iter().fold(builder, |builder, (name, _)| builder.without_env(name));
            let failure = builder.try_start().await.expect_err(missing);
            assert!(failure.status.is_some_and(|status| !status.success()), "{failure}");
            assert!(failure.log.contains(missing), "{missing} as {blank:?}: {failure}");
            for (present, value) in VARIABLES.iter().filter(|(name, _)| name != missing) {
                assert!(!failure.log.contains(present) && !failure.log.contains(value), "{failure}");
            }
        }
    }
}

/// The flags of recipe 5, as printed.
const RESILIENT: &str = "--proxy-retry --proxy-retry-max-attempts 2 \
    --proxy-circuit-breaker --proxy-cb-failure-threshold 3 --proxy-cb-cooldown-secs 30 \
    --proxy-health-checks --proxy-health-check-path /v1/models --proxy-health-check-interval-secs 10";

#[tokio::test]
async fn the_recipes_of_weights_retries_breaker_and_health_checks_run_as_written() {
    let [primary, backup] = ["primary", "backup"].map(Simulator::named);
    let mut recipe = document("recipe-2");
    recipe["backends"][0]["base_url"] = json!(primary.base_url());
    recipe["backends"][1]["base_url"] = json!(backup.base_url());
    let flags: Vec<_> = RESILIENT.split_whitespace().collect();
    let builder = Gateway::builder(recipe).args(&flags).env("LITELLM_MASTER_KEY", "sk-of-the-backup");
    let gateway = ready(builder.env("OPENAI_API_KEY", "sk-of-the-primary").start().await).await;
    let client = gateway.client();
    let served = async |id: String| {
        let asked = client.post("/v1/chat/completions", &chat()).header("x-request-id", &id).send().await;
        asked.expect_status(200).await.header("x-ditto-backend").unwrap_or_default().to_owned()
    };
    // The recipe knows no keys: it leaves that to others.
    let mut by_backup = 0;
    for number in 0..200 {
        by_backup += usize::from(served(format!("request-{number}")).await == "backup");
    }
    assert!((10..=30).contains(&by_backup), "{by_backup} of 200, of which a tenth was meant for the backup");

    primary.fault_always(Fault::status(503));
    for number in 0..20 {
        assert_eq!(served(format!("request-{number}")).await, "backup");
    }
    let row = async |field: &str| {
        let rows = gateway.admin().get("/admin/backends").send().await.expect_status(200).await.json().await;
        let is_primary = |row: &&Value| row["backend"] == "primary";
        rows.as_array().and_then(|rows| rows.iter().find(is_primary)).map(|row| row[field].clone()).unwrap_or_default()
    };
    eventually(SOON, "the breaker shows", async || row("health").await == "ejected").await;
    eventually(SOON, "the health check shows", async || row("health_check_healthy").await == false).await;
}

#[tokio::test]
async fn a_flag_of_a_later_version_is_refused_by_name_and_not_ignored() {
    let gateway = Gateway::builder(document("mode-a")).env("OPENAI_API_KEY", "x").env("PG_URL", "postgres://127.0.0.1");
    let failure = gateway.args(&["--pg-env", "PG_URL", "--proxy-cache"]).try_start().await;
    let failure = failure.expect_err("the store is not there yet");
    assert!(failure.status.is_some_and(|status| !status.success()), "{failure}");
    assert!(failure.log.contains("--pg-env") && failure.log.contains("--proxy-cache"), "{failure}");
}

use serde_json::json;

use super::*;
use crate::config::versions as config_versions;
use crate::keys::store::MemoryStore;
use crate::keys::testing::hash;

mod module;
mod rollout;
mod versions;

const PRICES: &str = r#"{"m": {"input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6}}"#;

/// A configuration in force, over files that can be changed.
struct Running {
    place: tempfile::TempDir,
    manager: Arc<ConfigManager>,
    parts: Parts,
}

fn document(token: &str) -> String {
    let backend = json!({"name": "one", "base_url": "http://127.0.0.1:1/v1"});
    json!({"backends": [backend], "virtual_keys": [{"id": "a", "token": token}]}).to_string()
}

impl Running {
    async fn new() -> Self {
        Self::over(Arc::new(config_versions::MemoryVersions::default()), &document("vk-a")).await
    }

    /// With these versions, and this document in the file.
    async fn over(store: Arc<dyn config_versions::VersionStore>, file: &str) -> Self {
        let place = tempfile::tempdir().unwrap();
        let path = |name: &str| place.path().join(name);
        std::fs::write(path("gateway.json"), file).unwrap();
        std::fs::write(path("prices.json"), PRICES).unwrap();
        let source =
            Source { path: path("gateway.json"), pricing_litellm: Some(path("prices.json")), ..Source::default() };
        let versions = Versions::new(store);
        let mut beginning = Beginning::read(&source, &versions).await.unwrap();
        beginning.keep(&versions).await.unwrap();
        let configured = &beginning.configured;
        let settings = Settings {
            listen: ([127, 0, 0, 1], 1).into(),
            listen_tls: None,
            filter_path: "filter.wasm".into(),
            ca_certificates: None,
            max_body_bytes: 1 << 20,
            metering: Metering::default(),
            resilience: Default::default(),
            patience: Default::default(),
            json_logs: false,
            module: beginning.module.clone(),
        };
        let hub = Hub::new().unwrap();
        let keys = configured.loaded.document.virtual_keys.clone();
        let store = Arc::new(MemoryStore::default());
        let directory = KeyDirectory::load(store, keys, false, hub.clone()).await.unwrap();
        let compiled = compile_for(configured, &settings, directory.access()).unwrap();
        let snapshot = resources::snapshot(&compiled, &settings, &Default::default()).unwrap();
        let cache = Arc::new(SnapshotCache::new(snapshot, Arc::new(crate::resources::table::JoinTables)));
        let backends = BackendNames::new(backend_names(&compiled));
        let http = crate::http_client::HttpClient::new(None).unwrap();
        let models = Models::new(Arc::clone(&directory), http.clone());
        let tokens = Tokens::new(http.clone());
        let health = crate::health::Health::new(None, http);
        let providers = ProviderBook::new(Arc::default() as Arc<crate::providers::store::MemoryProviders>, None);
        let parts =
            Parts { directory, hub, cache, backends, models, health, tokens, providers, retire_grace: Duration::ZERO };
        let manager = ConfigManager::new(source, settings, parts.clone(), versions, &beginning, &compiled);
        Self { place, manager, parts }
    }

    async fn change(&self, name: &str, content: &str) -> Value {
        std::fs::write(self.place.path().join(name), content).unwrap();
        self.manager.reload().await;
        self.manager.shown_status()
    }
}

#[tokio::test]
async fn a_changed_price_is_put_in_force_with_the_same_document() {
    let in_force = Running::new().await;
    let before = in_force.parts.cache.current().version().to_owned();
    let status = in_force.change("prices.json", PRICES).await;
    assert_eq!(status["document"]["version"], json!(before));
    let status = in_force.change("prices.json", &PRICES.replace("2e-6", "7e-6")).await;
    assert_ne!(status["document"]["version"], json!(before));
    assert_eq!(
        (&status["prices"], &status["document"]["refused"]),
        (&json!({"models": 1, "skipped": 0}), &Value::Null)
    );
}

#[tokio::test]
async fn a_bad_price_file_refuses_the_document_that_came_with_it() {
    let in_force = Running::new().await;
    let before = in_force.parts.cache.current().version().to_owned();
    std::fs::write(in_force.place.path().join("prices.json"), "{").unwrap();
    let status = in_force.change("gateway.json", &document("vk-b")).await;
    assert_eq!(status["document"]["version"], json!(before));
    assert_eq!(status["prices"], json!({"models": 1, "skipped": 0}), "those that are in force");
    assert!(status["document"]["refused"]["problems"][0].as_str().unwrap().contains("prices.json"), "{status}");
    let directory = &in_force.parts.directory;
    assert!(directory.find_by_token(&hash("vk-a")).is_some() && directory.find_by_token(&hash("vk-b")).is_none());

    let status = in_force.change("prices.json", PRICES).await;
    assert_eq!(status["document"]["refused"], Value::Null);
    assert!(directory.find_by_token(&hash("vk-b")).is_some());
}

#[tokio::test]
async fn a_document_is_compared_with_the_one_in_force_and_changes_nothing() {
    let in_force = Running::new().await;
    let before = in_force.manager.shown_status();
    let mut changed: Value = serde_json::from_str(&document("vk-other")).unwrap();
    changed["backends"][0]["base_url"] = json!("http://127.0.0.1:2/v1");
    let verdict = |text: &str| serde_json::to_value(in_force.manager.validate(text, None)).unwrap();
    let told = verdict(&changed.to_string());
    let expected = json!([
        {"path": "backends[\"one\"].base_url", "change": "changed",
         "from": "http://127.0.0.1:1/v1", "to": "http://127.0.0.1:2/v1"},
        {"path": "virtual_keys[\"a\"].token", "change": "changed", "from": "redacted", "to": "redacted"},
    ]);
    assert_eq!(told["differences"]["fields"], expected);
    assert_eq!((&told["valid"], &told["installable"]), (&json!(true), &json!(false)), "its token is a literal");
    assert_eq!(told["effects"]["clusters"]["changed"], json!(["one"]));
    assert_eq!(told["effects"]["keys"]["changed"], json!(["a"]));
    let yaml = "backends: [{name: one, base_url: 'http://127.0.0.1:1/v1', timeout: 5}]\nvirtual_keys: 7";
    let told = verdict(yaml);
    assert_eq!((&told["valid"], &told["effects"]), (&json!(false), &Value::Null));
    assert_eq!(told["problems"].as_array().unwrap().len(), 2, "{told}");
    assert_eq!(in_force.manager.shown_status(), before);
}

#[tokio::test]
async fn a_command_of_a_document_is_not_run_to_judge_it() {
    let in_force = Running::new().await;
    let witness = in_force.place.path().join("was-run");
    let auth = json!({"type": "command", "command": ["touch", witness]});
    let backend = json!({"name": "one", "provider": "openai", "base_url": "http://127.0.0.1:1/v1",
                         "provider_config": {"auth": auth}});
    let text = json!({"backends": [backend]}).to_string();
    let told = serde_json::to_value(in_force.manager.validate(&text, None)).unwrap();
    assert_eq!((&told["valid"], &told["installable"]), (&json!(true), &json!(false)), "{told}");
    assert!(told["not_installable"][0].as_str().unwrap().contains("provider_config.auth.command: a command"), "{told}");
    assert!(!witness.exists());
}

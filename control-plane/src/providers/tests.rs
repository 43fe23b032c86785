use ditto_policy::document::Balance;
use ditto_policy::secret::Secret;

use super::*;
use crate::providers::store::MemoryProviders;

fn sealer(byte: &str) -> Sealer {
    Sealer::parse(&Secret::new(byte.repeat(32))).unwrap()
}

fn provider(api_type: &str, base_url: &str, keys: &[&str]) -> Provider {
    let key = |key: &&str| ProviderKey { key: Secret::new(*key), description: None, created_at_ms: 1 };
    Provider {
        name: "mine".into(),
        api_type: api_type.into(),
        base_url: base_url.into(),
        enabled: true,
        models_endpoint: None,
        balance: Balance::RoundRobin,
        keys: keys.iter().map(key).collect(),
    }
}

fn one(provider: Provider) -> Providers {
    [(provider.name.clone(), provider)].into()
}

#[tokio::test]
async fn what_one_keeps_another_opens_with_the_same_key_only() {
    let store = Arc::new(MemoryProviders::default());
    let book = |sealer| ProviderBook::new(Arc::clone(&store) as Arc<dyn ProviderStore>, sealer);
    let (first, second) = (book(Some(sealer("11"))), book(Some(sealer("11"))));
    assert!(!first.look().await.unwrap());
    let providers = one(provider("openai", "https://h/v1", &["sk-secret-of-mine"]));
    first.replace(providers.clone()).await.unwrap();
    let (_, text) = store.read_after(0).unwrap().unwrap();
    assert!(text.contains("mine") && !text.contains("sk-secret"), "{text}");
    assert!(matches!(second.replace(Providers::new()).await, Err(StoreError::Moved)));
    assert!(second.look().await.unwrap() && !second.look().await.unwrap());
    assert_eq!(*second.all(), providers);
    for other in [Some(sealer("22")), None] {
        let error = book(other).look().await.unwrap_err().to_string();
        assert!(error.contains("--secrets-key-env") && !error.contains("sk-secret"), "{error}");
    }
    let none = book(None);
    assert!(matches!(none.check(&providers), Err(Refusal::NotSealed)));
    assert!(none.check(&one(provider("openai", "https://h/v1", &[]))).is_ok());
}

#[test]
fn a_provider_is_a_backend_with_its_keys() {
    let backend = provider("openai", "https://h.example/v1", &["a", "b"]).backend().unwrap();
    let keys = backend.api_keys.unwrap();
    assert_eq!((keys.keys.len(), keys.balance, keys.header.as_str()), (2, Balance::RoundRobin, "authorization"));
    let claude = provider("anthropic", "https://api.anthropic.com", &["a"]).backend().unwrap();
    assert_eq!(claude.api_keys.unwrap().header, "x-api-key");
    let problems = |api_type, base_url| {
        let problems = provider(api_type, base_url, &[]).backend().unwrap_err();
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    };
    assert!(problems("nobody", "https://h").contains("unknown provider `nobody`"));
    assert!(problems("openai", "nowhere").contains("base_url: not a base URL"));
    assert!(problems("openai", "https://${HOME}/v1").contains("references are replaced in the configuration"));
}

#[test]
fn a_key_is_shown_by_its_ends() {
    let shown = |key: &str| masked(&Secret::new(key));
    assert_eq!(shown("sk-proj-0123456789"), "sk-p****6789");
    assert_eq!((shown("12345678"), shown("")), ("****".into(), "****".into()));
    assert_eq!(shown("123456789"), "1234****6789");
}

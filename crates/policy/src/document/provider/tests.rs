use crate::document::testing::{Fixed, problems, warnings};
use crate::document::{Backend, Format, load};
use crate::filter_config::{Capability, Speaks};

fn environment() -> Fixed {
    let aws =
        [("AWS_REGION", "eu-central-1"), ("AWS_ACCESS_KEY_ID", "AKIA-1"), ("AWS_SECRET_ACCESS_KEY", "aws-secret")];
    Fixed::new(&[&[("KEY", "sk-secret")], &aws[..]].concat())
}

fn backend(fields: &str) -> Backend {
    let text = format!(r#"{{"backends": [{{"name": "a", {fields}}}]}}"#);
    let loaded = load(&text, Some(Format::Json), &environment());
    loaded.unwrap_or_else(|problems| panic!("{problems:?}")).document.backends.remove(0)
}

fn problems_of(fields: &str) -> Vec<String> {
    let lines = problems(&format!(r#"{{"backends": [{{"name": "a", {fields}}}]}}"#));
    lines.into_iter().map(|line| line.replace("backends[0].", "")).collect()
}

fn dialect_and_place(fields: &str) -> (Speaks, String) {
    let backend = backend(fields);
    (backend.provider.unwrap().speaks, backend.base_url)
}

#[test]
fn every_name_has_a_dialect_and_an_address() {
    let given = r#", "base_url": "https://h/v1""#;
    let azure_root = Speaks::Azure { deployments: true };
    for (name, more, speaks, base_url) in [
        ("openai", "", Speaks::OpenAi, "https://api.openai.com/v1"),
        ("openai-compatible", given, Speaks::Chat, "https://h/v1"),
        ("openai_compatible", given, Speaks::Chat, "https://h/v1"),
        ("litellm", given, Speaks::Chat, "https://h/v1"),
        ("deepseek", "", Speaks::Chat, "https://api.deepseek.com/v1"),
        ("deepseek", given, Speaks::Chat, "https://h/v1"),
        ("together_ai", "", Speaks::Chat, "https://api.together.xyz/v1"),
        ("ollama", "", Speaks::Chat, "http://localhost:11434/v1"),
        ("azure", r#", "base_url": "https://r.openai.azure.com/openai/""#, azure_root, "https://r.openai.azure.com"),
        (
            "azure-openai",
            r#", "base_url": "https://r.openai.azure.com/openai/v1""#,
            Speaks::Azure { deployments: false },
            "https://r.openai.azure.com/openai/v1",
        ),
        ("anthropic", "", Speaks::Anthropic, "https://api.anthropic.com"),
        ("anthropic", r#", "base_url": "https://h/x/v1/""#, Speaks::Anthropic, "https://h/x"),
        ("anthropic", r#", "base_url": "https://v1""#, Speaks::Anthropic, "https://v1"),
        ("google", "", Speaks::Gemini, "https://generativelanguage.googleapis.com"),
        ("gemini", r#", "base_url": "https://h/v1beta""#, Speaks::Gemini, "https://h"),
        ("bedrock", "", Speaks::Bedrock, "https://bedrock-runtime.eu-central-1.amazonaws.com"),
        ("cohere", r#", "base_url": "https://h/v2""#, Speaks::Cohere, "https://h"),
        ("zhipu", "", Speaks::Zhipu, "https://open.bigmodel.cn/api/paas/v4"),
        ("zai", "", Speaks::Zhipu, "https://api.z.ai/api/paas/v4"),
    ] {
        let found = dialect_and_place(&format!(r#""provider": "{name}"{more}"#));
        assert_eq!(found, (speaks, base_url.to_owned()), "{name}{more}");
    }
}

#[test]
fn vertex_and_bedrock_are_where_their_place_says() {
    let vertex = r#""provider": "vertex", "provider_config": {"auth": {"type": "metadata"}, "project": "p-1""#;
    let global = backend(&format!("{vertex}}}"));
    assert_eq!(global.base_url, "https://aiplatform.googleapis.com");
    let config = global.provider.unwrap();
    assert_eq!((config.project.as_str(), config.location.as_str(), config.region.as_str()), ("p-1", "global", ""));
    let local = backend(&format!(r#"{vertex}, "location": "europe-west1"}}"#));
    assert_eq!(local.base_url, "https://europe-west1-aiplatform.googleapis.com");
    let bedrock = backend(r#""provider": "bedrock", "provider_config": {"region": "us-west-2"}"#);
    assert_eq!(bedrock.base_url, "https://bedrock-runtime.us-west-2.amazonaws.com");
    let config = bedrock.provider.unwrap();
    assert!(config.signs && config.region == "us-west-2");
    assert_eq!(
        problems_of(r#""provider": "vertex", "provider_config": {"location": "A/b", "auth": {"type": "metadata"}}"#),
        [
            "provider_config.project: required field `project` is missing: name the Google Cloud project here or in \
             GOOGLE_CLOUD_PROJECT",
            "provider_config.location: expected lower-case letters, digits and hyphens",
        ]
    );
    let odd = r#""provider": "bedrock", "provider_config": {"auth": {"type": "none"}, "region": "a..b"}"#;
    for location in ["us:east5", ":", "a:1"] {
        let odd = format!(
            r#""provider": "vertex", "provider_config": {{"auth": {{"type": "none"}}, "project": "p", "location": "{location}"}}"#
        );
        assert!(!problems_of(&odd).is_empty(), "{location}");
    }
    assert!(problems_of(odd)[0].contains("the address https://bedrock-runtime.a..b.amazonaws.com is none"));
    assert_eq!(
        problems_of(r#""provider": "bedrock", "provider_config": {"auth": {"type": "none"}}"#),
        ["provider_config.region: required field `region` is missing: name the AWS region (such as us-east-1) here \
             or in AWS_REGION or AWS_DEFAULT_REGION"]
    );
}

#[test]
fn servers_that_are_strict_are_known_or_said_to_be() {
    let is_strict = |more: &str| backend(more).provider.unwrap().strict;
    assert!(is_strict(r#""provider": "groq""#) && is_strict(r#""provider": "mistral""#));
    assert!(!is_strict(r#""provider": "groq", "provider_config": {"strict_fields": false}"#));
    assert!(!is_strict(r#""provider": "openrouter""#));
    let own =
        r#""provider": "openai-compatible", "base_url": "https://h/v1", "provider_config": {"strict_fields": true}"#;
    assert!(is_strict(own));
}

#[test]
fn settings_are_read_and_secrets_stay_secret() {
    let backend = backend(
        r#""provider": "openai", "headers": {"x-own": "1"}, "provider_config": {"base_url": "https://h/v1/",
        "default_model": "m", "model_whitelist": ["m", "n"], "http_headers": {"X-More": "${KEY}"},
        "http_query_params": {"k": "${KEY}"}, "capabilities": ["chat", "count_tokens"], "upstream_api": "responses",
        "lossy": true, "anthropic_version": "v"}"#,
    );
    assert_eq!((backend.base_url.as_str(), backend.headers["x-more"].expose()), ("https://h/v1", "sk-secret"));
    assert_eq!((backend.headers.len(), backend.query_params["k"].expose()), (2, "sk-secret"));
    let config = backend.provider.as_ref().unwrap();
    assert_eq!((config.speaks, config.lossy, config.models.len()), (Speaks::Responses, true, 2));
    assert_eq!((config.default_model.as_deref(), config.anthropic_version.as_deref()), (Some("m"), Some("v")));
    assert_eq!(config.capabilities, Some(vec![Capability::Chat, Capability::CountTokens]));
    assert!(!format!("{backend:?}").contains("sk-secret"));
}

#[test]
fn where_no_credential_can_hardly_be_meant_it_is_said() {
    let text =
        r#"{"backends": [{"name": "a", "provider": "cohere"}, {"name": "b", "provider": "ollama"}], "router": {}}"#;
    let lines = warnings(text);
    assert_eq!(
        lines[0],
        "backends[0].provider_config.auth: no credential is sent: set COHERE_API_KEY or CO_API_KEY, or give `auth` \
         (with the type `none` if that is meant)"
    );
    assert!(lines[1].starts_with("router: "), "{lines:?}");
    let lines = problems_of(r#""provider": "bedrock", "provider_config": {"region": "us-east-1"}"#);
    assert!(
        lines[0].starts_with("provider_config.auth: there is nothing to sign requests with: set AWS_ACC"),
        "{lines:?}"
    );
    let lines = problems_of(r#""provider": "vertex", "provider_config": {"project": "p"}"#);
    assert!(lines[0].starts_with("provider_config.auth: there is no credential: name a service account"), "{lines:?}");
}

#[test]
fn azure_has_a_version_only_where_the_model_stands_in_the_path() {
    let version = |fields: &str| {
        let backend = backend(&format!(r#""provider": "azure", {fields}"#));
        backend.query_params.get("api-version").map(|version| version.expose().to_owned())
    };
    let old = r#""base_url": "https://r.openai.azure.com""#;
    assert_eq!(version(old).as_deref(), Some("2024-10-21"));
    assert_eq!(version(&format!(r#"{old}, "query_params": {{"api-version": "x"}}"#)).as_deref(), Some("x"));
    assert_eq!(version(r#""base_url": "https://r.openai.azure.com/openai/v1""#), None);
}

#[test]
fn mistakes_name_their_field_and_what_was_meant() {
    assert_eq!(
        problems_of(r#""provider": "antropic""#),
        ["provider: unknown provider `antropic`; did you mean `anthropic`?"]
    );
    assert_eq!(
        problems_of(r#""provider": "openai-compatible""#),
        ["base_url: required field `base_url` is missing: `openai-compatible` has no address of its own"]
    );
    assert_eq!(
        problems_of(
            r#""provider": "openai", "base_url": "https://h", "headers": {"x": "1"}, "provider_config":
            {"base_url": "https://h", "http_headers": {"X": "2"}, "defalt_model": 1, "lossy": 1,
             "capabilities": ["chatt"], "upstream_api": "x", "model_whitelist": [""]}"#
        ),
        [
            "provider_config.defalt_model: unknown field `defalt_model`; did you mean `default_model`?",
            "provider_config.base_url: the backend has a base_url itself: remove one of them",
            "provider_config.upstream_api: `x` is no API: use chat_completions or responses",
            "provider_config.lossy: expected true or false, found a number",
            "provider_config.model_whitelist[0]: is blank: write something, or leave the field out",
            "provider_config.capabilities[0]: unknown capability `chatt`; did you mean `chat`?",
            "provider_config.http_headers.x: the backend says this itself: remove one of them",
        ]
    );
    assert_eq!(
        problems_of(
            r#""provider": "openai", "provider_config": {"default_model": "m", "model_whitelist": ["n"],
            "capabilities": [], "enabled_capabilities": []}"#
        ),
        [
            "provider_config.enabled_capabilities: is another name of `capabilities`: remove one",
            "provider_config.default_model: `m` is not in model_whitelist: add it, or name another one",
        ]
    );
}

#[test]
fn what_has_no_effect_is_said() {
    let text = r#"{"backends": [{"name": "a", "base_url": "http://h", "provider_config": {}},
        {"name": "b", "provider": "cohere", "provider_config": {"auth": {"type": "none"}, "region": "x", "upstream_api": "responses",
         "capabilities": {"tools": true}, "normalize_to": "chat"}}],
        "router": {"default_backend": "a"}}"#;
    assert_eq!(
        warnings(text),
        [
            "backends[0].provider_config: has no effect without a provider",
            "backends[1].provider_config.region: has no effect with the provider `cohere`",
            "backends[1].provider_config.upstream_api: has no effect with the provider `cohere`",
            "backends[1].provider_config.capabilities: accepted, not enforced in this version",
            "backends[1].provider_config.normalize_to: accepted, not enforced in this version",
        ]
    );
}

use super::*;
use crate::document::testing::Fixed;
use crate::document::{Document, Format, load};
use crate::filter_config::Speaks;

/// In the shape that LiteLLM's own documentation shows.
const PROXY_CONFIG: &str = r#"
model_list:
  - model_name: gpt-4o
    litellm_params:
      model: azure/my-deployment
      api_base: os.environ/AZURE_BASE
      api_key: os.environ/AZURE_KEY
      api_version: "2024-02-01"
      rpm: 6
      timeout: 30.2
    model_info:
      mode: chat
  - model_name: gpt-4o
    litellm_params:
      model: openai/gpt-4o
      api_key: 'os.environ["OPENAI_API_KEY"]'
      stream_timeout: 10
  - model_name: anthropic/*
    litellm_params: {model: anthropic/*, api_key: sk-ant}
  - model_name: anthropic/claude-*
    litellm_params: {model: openai/claude, api_base: "http://claude:8000/v1", api_key: ""}
  - model_name: Plain Name!
    litellm_params: {model: gpt-4o-mini}
litellm_settings:
  drop_params: true
general_settings:
  master_key: os.environ/MASTER
  database_url: postgres://x
mcp_servers:
  docs: {url: "https://mcp.test/mcp", transport: http}
  local: {command: npx}
"#;

fn environment() -> Fixed {
    Fixed::new(&[
        ("AZURE_BASE", "https://azure.test/openai/v1"),
        ("AZURE_KEY", "azure-secret"),
        ("OPENAI_API_KEY", "openai-secret"),
        ("MASTER", "sk-master"),
    ])
}

fn loaded(text: &str) -> Loaded {
    load(text, Some(Format::Yaml), &environment()).unwrap()
}

fn problems(text: &str) -> Vec<String> {
    load(text, None, &Fixed::default()).unwrap_err().iter().map(Problem::to_string).collect()
}

fn candidates(document: &Document, rule: usize) -> Vec<&str> {
    document.router.rules[rule].backends.iter().map(|candidate| candidate.backend.as_str()).collect()
}

#[test]
fn each_model_becomes_a_backend() {
    let document = loaded(PROXY_CONFIG).document;
    let names: Vec<_> = document.backends.iter().map(|backend| backend.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "litellm_0_gpt_4o",
            "litellm_1_gpt_4o",
            "litellm_2_anthropic",
            "litellm_3_anthropic_claude",
            "litellm_4_plain_name"
        ]
    );
    let azure = &document.backends[0];
    assert_eq!(azure.base_url, "https://azure.test/openai/v1");
    assert_eq!(azure.headers["api-key"].expose(), "azure-secret");
    assert_eq!(azure.provider.as_ref().unwrap().speaks, Speaks::Azure { deployments: false });
    assert_eq!(azure.query_params["api-version"].expose(), "2024-02-01");
    assert_eq!(azure.timeout_seconds, 31);
    assert_eq!(azure.model_map["gpt-4o"], "my-deployment");
    let openai = &document.backends[1];
    assert_eq!(openai.base_url, "https://api.openai.com/v1");
    assert_eq!(openai.headers["authorization"].expose(), "Bearer openai-secret");
    assert_eq!(openai.timeout_seconds, 10);
    assert!(openai.model_map.is_empty() && document.backends[2].model_map.is_empty());
    assert_eq!(document.backends[3].headers["authorization"].expose(), "Bearer openai-secret");
    assert_eq!(document.backends[4].model_map["Plain Name!"], "gpt-4o-mini");
}

#[test]
fn providers_become_those_that_speak_their_dialect() {
    let text = r#"
model_list:
  - {model_name: c, litellm_params: {model: anthropic/claude-x, api_key: sk-ant}}
  - {model_name: g, litellm_params: {model: gemini/gemini-x, api_key: os.environ/OPENAI_API_KEY}}
  - {model_name: v, litellm_params: {model: vertex_ai/gemini-x, vertex_project: p-1, vertex_location: us-east5,
      vertex_credentials: /key.json}}
  - {model_name: b, litellm_params: {model: bedrock/anthropic.claude-x, aws_region_name: us-west-2,
      aws_access_key_id: os.environ/AZURE_KEY, aws_secret_access_key: os.environ/AZURE_KEY}}
  - {model_name: q, litellm_params: {model: groq/llama-x, api_key: sk-groq}}
  - {model_name: o, litellm_params: {model: ollama/llama-x, api_base: "http://ollama:11434"}}
  - {model_name: u, litellm_params: {model: unheard/of, api_key: k}}
"#;
    let account = r#"{"client_email": "e", "private_key": "-----BEGIN x"}"#;
    let environment = environment().with_file("/key.json", account);
    let loaded = load(text, Some(Format::Yaml), &environment).unwrap();
    let backends = &loaded.document.backends;
    let speaks = |at: usize| backends[at].provider.as_ref().map(|provider| provider.speaks);
    let expected = [Speaks::Anthropic, Speaks::Gemini, Speaks::Vertex, Speaks::Bedrock, Speaks::Chat];
    assert_eq!([0, 1, 2, 3, 4].map(|at| speaks(at).unwrap()), expected);
    assert_eq!((speaks(5), backends[5].base_url.as_str()), (None, "http://ollama:11434"));
    assert_eq!(backends[0].headers["x-api-key"].expose(), "sk-ant");
    assert_eq!(backends[1].headers["x-goog-api-key"].expose(), "openai-secret");
    assert_eq!(backends[2].base_url, "https://us-east5-aiplatform.googleapis.com");
    assert!(backends[2].refreshed.is_some());
    assert_eq!(backends[3].sigv4.as_ref().unwrap().secret_access_key.expose(), "azure-secret");
    assert_eq!(
        (backends[4].base_url.as_str(), backends[4].model_map["q"].as_str()),
        ("https://api.groq.com/openai/v1", "llama-x")
    );
    let warnings: Vec<_> = loaded.warnings.iter().map(Problem::to_string).collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].starts_with("model_list[6].litellm_params: requests and the api_key go to"), "{warnings:?}");
    let text = "model_list: [{model_name: b, litellm_params: {model: bedrock/x, aws_region_name: 'U S'}}]";
    let lines = problems(text);
    assert!(lines[0].starts_with("model_list[0].litellm_params: "), "{lines:?}");
    assert!(lines[1].starts_with("model_list[0].litellm_params.aws_region_name: "), "{lines:?}");
}

#[test]
fn names_become_rules_exact_ones_first() {
    let document = loaded(PROXY_CONFIG).document;
    let rules: Vec<_> = document.router.rules.iter().map(|rule| (rule.model_prefix.as_str(), rule.exact)).collect();
    assert_eq!(rules, [("Plain Name!", true), ("gpt-4o", true), ("anthropic/claude-", false), ("anthropic/", false)]);
    assert_eq!(candidates(&document, 1), ["litellm_0_gpt_4o", "litellm_1_gpt_4o"]);
    // Nothing is called `*`: the first by name takes the rest.
    let default: Vec<_> = document.router.default_backends.iter().map(|b| b.backend.as_str()).collect();
    assert_eq!(default, ["litellm_4_plain_name"]);

    let any = r#"{"model_list": [{"model_name": "a", "litellm_params": {"model": "a"}},
                                 {"model_name": "*", "litellm_params": {"model": "*"}}]}"#;
    let document = load(any, Some(Format::Json), &environment()).unwrap().document;
    assert_eq!(document.router.default_backends[0].backend, "litellm_1_any");
    assert_eq!(document.router.rules.len(), 1);
}

#[test]
fn the_master_key_becomes_a_virtual_key() {
    let document = loaded(PROXY_CONFIG).document;
    let [key] = document.virtual_keys.as_slice() else { panic!("{document:?}") };
    assert_eq!((key.id.as_str(), key.token.expose()), ("litellm_master_key", "sk-master"));
    for settings in ["", "general_settings:", "general_settings: {master_key: ''}"] {
        let text = format!("model_list: [{{model_name: a, litellm_params: {{model: a}}}}]\n{settings}");
        assert!(loaded(&text).document.virtual_keys.is_empty(), "{settings}");
    }
}

#[test]
fn what_is_left_behind_is_said() {
    let loaded = loaded(PROXY_CONFIG);
    assert_eq!(loaded.document.mcp_servers, [json!({"server_id": "docs", "url": "https://mcp.test/mcp"})]);
    let warnings: Vec<_> = loaded.warnings.iter().map(Problem::to_string).collect();
    assert_eq!(
        warnings,
        [
            "litellm_settings: not imported",
            "model_list[0].litellm_params: not imported: rpm",
            "general_settings.database_url: not imported",
            "mcp_servers.local: not imported: it has no url",
            "mcp_servers: accepted, not enforced in this version",
        ]
    );
}

#[test]
fn problems_stand_where_the_file_has_them() {
    let native = "model_list: as a Ditto document: unknown field `model_list`; the fields known here are backends, \
                  virtual_keys, router, redirects, mcp_servers, a2a_agents, observability";
    let litellm = |lines: &[&str]| {
        let mut lines: Vec<String> = lines
            .iter()
            .map(|line| line.split_once(": ").map(|(p, m)| format!("{p}: as a LiteLLM configuration: {m}")).unwrap())
            .collect();
        lines.push(native.to_owned());
        lines
    };
    let unset =
        |name| format!("environment variable {name} is not set: set it, or put it in the file given with --dotenv");
    assert_eq!(
        problems(PROXY_CONFIG),
        litellm(&[
            &format!("model_list[0].litellm_params.api_base: {}", unset("AZURE_BASE")),
            &format!("model_list[0].litellm_params.api_key: {}", unset("AZURE_KEY")),
            &format!("model_list[1].litellm_params.api_key: {}", unset("OPENAI_API_KEY")),
            &format!("model_list[3].litellm_params.api_key: {}", unset("OPENAI_API_KEY")),
            &format!("model_list[4].litellm_params.api_key: {}", unset("OPENAI_API_KEY")),
            &format!("general_settings.master_key: {}", unset("MASTER")),
        ])
    );
    assert_eq!(problems(r#"{"model_list": []}"#), litellm(&["model_list: is empty: at least one model is needed"]));
    assert_eq!(
        problems(
            r#"{"model_list": [{"model_name": " ", "litellm_params": {"model": "a"}}, {"litellm_params": {}}, 1,
                {"model_name": "a*b", "litellm_params": {"model": 1, "timeout": "x"}}, {"model_name": "a"}],
                "general_settings": {"master_key": 1}, "mcp_servers": []}"#
        ),
        litellm(&[
            "model_list[0].model_name: is blank: write something, or leave the field out",
            "model_list[1].model_name: required field `model_name` is missing",
            "model_list[1].litellm_params.model: required field `model` is missing",
            "model_list[2]: expected an object, found a number",
            "model_list[3].model_name: only a single `*` at the end is supported",
            "model_list[3].litellm_params.model: expected a string, found a number: put it in quotes",
            "model_list[3].litellm_params.timeout: expected a number, found a string",
            "model_list[4].litellm_params: required field `litellm_params` is missing",
            "general_settings.master_key: expected a string, found a number: put it in quotes",
            "mcp_servers: expected an object, found a list",
        ])
    );
}

#[test]
fn a_mixture_of_both_forms_is_not_imported() {
    assert_eq!(
        problems(r#"{"model_list": [], "backends": []}"#),
        ["model_list: unknown field `model_list`; the fields known here are backends, virtual_keys, router, \
          redirects, mcp_servers, a2a_agents, observability"]
    );
}

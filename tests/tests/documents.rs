//! What the documents say of files, flags, constants and configurations is so.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use ditto_policy::document::{Environment, Format, load};
use ditto_tests::harness::locate::{Part, repository};

fn read(name: &str) -> String {
    fs::read_to_string(repository().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// What stands between backticks, outside of fenced blocks.
fn code_spans(text: &str) -> Vec<&str> {
    let prose = text.split("\n```").step_by(2);
    prose.flat_map(|part| part.lines()).flat_map(|line| line.split('`').skip(1).step_by(2)).collect()
}

/// A path of the repository: a name with folders, or of a file that can only be ours.
fn looks_like_a_path(span: &str) -> bool {
    let plain = span.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-./".contains(&byte));
    let ours = [".rs", ".md", ".toml", ".proto", ".sh", ".py"].iter().any(|ending| span.ends_with(ending));
    plain && !span.starts_with(['/', '.']) && (ours || span.contains('/'))
}

#[test]
fn every_path_in_the_architecture_exists() {
    let text = read("ARCHITECTURE.md");
    let paths: BTreeSet<_> = code_spans(&text).into_iter().filter(|span| looks_like_a_path(span)).collect();
    assert!(paths.len() > 30, "{paths:?}");
    let missing: Vec<_> = paths.iter().filter(|path| !repository().join(path).exists()).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_bound_in_the_architecture_is_where_it_is_said_to_be() {
    let text = read("ARCHITECTURE.md");
    let (_, bounds) = text.split_once("\n## Bounds\n").expect("there is a chapter of bounds");
    let mut rows = 0;
    for row in bounds.lines().filter(|line| line.starts_with("| ") && line.contains(".rs")) {
        let spans = code_spans(row);
        let [.., constant, file] = spans.as_slice() else { panic!("{row}") };
        assert!(read(file).contains(constant), "{constant} is not in {file}");
        rows += 1;
    }
    assert!(rows > 20, "{rows}");
}

/// Every variable is set, and every file has something in it.
struct Everything;

impl Environment for Everything {
    fn var(&self, name: &str) -> Option<String> {
        Some(format!("value-of-{name}"))
    }

    fn read_file(&self, path: &str) -> Result<String, String> {
        Ok(format!("content-of-{path}"))
    }
}

#[test]
fn every_configuration_in_the_readme_loads_without_a_warning() {
    let text = read("README.md");
    let blocks: Vec<_> = text.split("\n```json gateway\n").skip(1).collect();
    assert!(!blocks.is_empty());
    for block in blocks {
        let (json, _) = block.split_once("\n```").expect("the block ends");
        let loaded = load(json, Some(Format::Json), &Everything).unwrap_or_else(|problems| panic!("{problems:?}"));
        assert_eq!(loaded.warnings, []);
    }
}

/// The flags that a text names: `--` and what follows of letters, digits and hyphens.
fn flags(text: &str) -> BTreeSet<String> {
    let ends = |c: char| !(c.is_ascii_alphanumeric() || c == '-');
    let words = text.split(|c: char| c.is_whitespace() || "`[(,=".contains(c));
    let flags = words.filter_map(|word| word.strip_prefix("--")).map(|word| word.split(ends).next().unwrap_or(word));
    flags.filter(|flag| flag.starts_with(|c: char| c.is_ascii_lowercase())).map(|flag| format!("--{flag}")).collect()
}

fn help(command: &[&str]) -> BTreeSet<String> {
    let output = Command::new(Part::Gateway.expect()).args(command).arg("--help").output().unwrap();
    // Descriptions may name flags too; those are the first on their line.
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter(|line| line.trim_start().starts_with('-')).flat_map(flags).collect()
}

#[test]
fn the_readme_has_every_flag_and_no_other() {
    let text = read("README.md");
    let (_, table) = text.split_once("<!-- flags:begin -->").expect("the table begins");
    let (table, _) = table.split_once("<!-- flags:end -->").expect("the table ends");
    let listed = table.lines().filter_map(|row| row.strip_prefix("| `")?.split_once(" | "));
    let mut listed: BTreeSet<_> = listed.flat_map(|(flag, _)| flags(&format!("`{flag}"))).collect();
    // An alias, which `--help` does not show.
    assert!(listed.remove("--addr"));
    assert_eq!(listed, help(&[]));

    let known: BTreeSet<_> = [&[][..], &["check"], &["bootstrap"]].into_iter().flat_map(help).collect();
    for line in text.lines().filter(|line| line.contains("ditto-gateway ")) {
        let unknown: Vec<_> = flags(line).difference(&known).cloned().collect();
        assert!(unknown.is_empty(), "{unknown:?} in {line:?}");
    }
}

/// The way of every endpoint to every provider, as the filter decides it.
fn dialect_table() -> String {
    use ditto_translate::plan::{Plan, Provider, plan};

    let vertex = Provider::Vertex { project: "p", location: "l" };
    let providers = [
        ("`base_url`", Provider::Passthrough, "m"),
        ("`openai-compatible`", Provider::Chat, "m"),
        ("`openai`", Provider::OpenAi, "m"),
        ("`azure`", Provider::Azure { deployments: false }, "m"),
        ("`anthropic`", Provider::Anthropic, "m"),
        ("`google`", Provider::Gemini, "m"),
        ("`vertex` Gemini", vertex, "gemini"),
        ("`vertex` Claude", vertex, "claude"),
        ("`bedrock` Claude", Provider::Bedrock, "anthropic.claude"),
        ("`bedrock` others", Provider::Bedrock, "amazon.nova"),
        ("`cohere`", Provider::Cohere, "m"),
        ("`zhipu`", Provider::Zhipu, "m"),
    ];
    let paths = [
        ("Chat completions", "/v1/chat/completions"),
        ("Completions", "/v1/completions"),
        ("Responses", "/v1/responses"),
        ("Anthropic Messages", "/v1/messages"),
        ("Gemini `generateContent`", "/v1beta/models/m:generateContent"),
        ("Gemini CLI `/v1internal`", "/v1internal:generateContent"),
        ("`count_tokens`", "/v1/messages/count_tokens"),
        ("Gemini `countTokens`", "/v1beta/models/m:countTokens"),
        ("Embeddings", "/v1/embeddings"),
        ("Gemini `embedContent`", "/v1beta/models/m:embedContent"),
        ("Rerank", "/v1/rerank"),
        ("Files, images, audio, …", "/v1/files"),
    ];
    let word = |plan| match plan {
        Plan::Pass | Plan::PassUnder | Plan::Scrub | Plan::Rehost | Plan::Unwrap => "=",
        Plan::Generate(..) | Plan::Embed(_) | Plan::Rerank(_) => "✓",
        Plan::Estimate => "~",
        Plan::Unsupported => "–",
        _ => "✓",
    };
    let head: Vec<&str> = providers.iter().map(|(name, ..)| *name).collect();
    let mut table = format!("| Client | {} |\n| --- |{}\n", head.join(" | "), " --- |".repeat(providers.len()));
    for (name, path) in paths {
        let endpoint = ditto_llm::endpoint::Endpoint::of_path(path);
        let cells: Vec<&str> =
            providers.iter().map(|(_, provider, model)| word(plan(endpoint, path, *provider, model))).collect();
        table += &format!("| {name} | {} |\n", cells.join(" | "));
    }
    table
}

#[test]
fn the_readme_says_which_client_reaches_which_backend() {
    let text = read("README.md");
    let (_, rest) = text.split_once("<!-- dialects:begin -->\n").expect("the table begins");
    let (table, _) = rest.split_once("<!-- dialects:end -->").expect("the table ends");
    let expected = dialect_table();
    assert_eq!(table, expected, "put this between the marks:\n{expected}");
}

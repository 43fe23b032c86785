use ditto_policy::compile::{Options, compile};
use ditto_policy::document::{Environment, Format, Loaded, Problem, load};
use ditto_policy::routing::Router;

/// A document is loaded or refused with reasons, never anything else; and what loads compiles for the filter.
pub fn document_load(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let json = read(text, Some(Format::Json));
    let yaml = read(text, Some(Format::Yaml));
    let guessed = read(text, None);
    if json.is_ok() {
        assert_eq!(guessed, json, "a JSON document is one whether its format is told or not");
    } else if yaml.is_ok() {
        // JSON that has problems of content is not read again as YAML.
        assert!(guessed.is_err() || guessed == yaml);
    } else {
        assert!(guessed.is_err());
    }
}

fn read(text: &str, format: Option<Format>) -> Result<Loaded, Vec<Problem>> {
    let result = load(text, format, &Few);
    match &result {
        Ok(loaded) => {
            assert_eq!(load(text, format, &Few).as_ref(), Ok(loaded), "loaded again");
            for open_relay in [false, true] {
                let options =
                    Options { max_body_bytes: 1 << 20, open_relay, metering: Default::default(), module: None };
                let compiled = compile(&loaded.document, options).expect("what loads compiles");
                let written =
                    serde_json::to_string(&compiled.filter).expect("the filter's configuration is plain data");
                let again = serde_json::from_str(&written).expect("the filter's configuration can be read");
                Router::compile(again).expect("the filter takes what was compiled");
            }
        }
        Err(problems) => assert!(!problems.is_empty(), "refused without a reason"),
    }
    result
}

/// A few variables and files.
struct Few;

impl Environment for Few {
    fn var(&self, name: &str) -> Option<String> {
        match name {
            "KEY" => Some("sk-of-the-environment".to_owned()),
            "BLANK" => Some(" ".to_owned()),
            "FILE" => Some("secret://file?path=/run/key".to_owned()),
            _ => None,
        }
    }

    fn read_file(&self, path: &str) -> Result<String, String> {
        if path == "/run/key" { Ok("sk-of-the-file\n".to_owned()) } else { Err("no such file".to_owned()) }
    }
}

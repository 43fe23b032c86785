//! What tests of the document share.

use std::collections::BTreeMap;

use super::{Environment, Format, Loaded, Problem, load};

/// An environment of fixed variables and files.
#[derive(Debug, Default)]
pub(super) struct Fixed {
    variables: BTreeMap<String, String>,
    files: BTreeMap<String, String>,
}

impl Fixed {
    pub(super) fn new(variables: &[(&str, &str)]) -> Self {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { variables, files: BTreeMap::new() }
    }

    pub(super) fn with_file(mut self, path: &str, content: &str) -> Self {
        self.files.insert(path.to_owned(), content.to_owned());
        self
    }
}

impl Environment for Fixed {
    fn var(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }

    fn read_file(&self, path: &str) -> Result<String, String> {
        self.files.get(path).cloned().ok_or_else(|| "no such file".to_owned())
    }
}

/// Loads JSON with a few variables set.
pub(super) fn load_json(text: &str) -> Result<Loaded, Vec<Problem>> {
    load(text, Some(Format::Json), &Fixed::new(&[("KEY", "sk-secret"), ("BLANK", " ")]))
}

/// The problems of a document that must not load, as lines.
pub(super) fn problems(text: &str) -> Vec<String> {
    match load_json(text) {
        Ok(loaded) => panic!("loaded: {:?}", loaded.document),
        Err(problems) => problems.iter().map(Problem::to_string).collect(),
    }
}

/// The warnings of a document that must load, as lines.
pub(super) fn warnings(text: &str) -> Vec<String> {
    match load_json(text) {
        Ok(loaded) => loaded.warnings.iter().map(Problem::to_string).collect(),
        Err(problems) => panic!("{problems:?}"),
    }
}

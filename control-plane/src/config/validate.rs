//! Looking at a document without installing it: what is wrong with it, and what it would change.

use std::sync::Arc;

use ditto_policy::compile::Compiled;
use ditto_policy::document::{Document, Format, Problem};
use serde::Serialize;
use serde_json::Value;

use super::difference::{Differences, differences};
use super::effects::{Effects, Side, effects};
use super::secrecy::not_installable;
use super::{ConfigManager, Configured, compile_for, warnings};
use crate::resources::{self, Marks};

/// A document that is in force.
#[derive(Debug, Clone)]
pub(super) struct InForce {
    /// As it is written. It may hold secrets.
    pub(super) written: Arc<Value>,
    pub(super) document: Arc<Document>,
    pub(super) compiled: Arc<Compiled>,
}

impl InForce {
    pub(super) fn of(configured: &Configured, compiled: &Compiled) -> Self {
        Self {
            written: Arc::new(configured.written.clone()),
            document: Arc::new(configured.loaded.document.clone()),
            compiled: Arc::new(compiled.clone()),
        }
    }

    fn side(&self) -> Side<'_> {
        Side { document: &self.document, compiled: &self.compiled }
    }
}

/// What there is to say of a document. It holds no secret.
#[derive(Debug, Serialize)]
pub struct Verdict {
    /// Whether it can be used as the configuration's file.
    valid: bool,
    /// Whether the API takes it as well: it needs no command, and holds nothing that may be a secret.
    installable: bool,
    /// What is wrong with it.
    problems: Vec<String>,
    /// Why the API would not take it.
    not_installable: Vec<String>,
    /// What its author should know.
    warnings: Vec<String>,
    /// How it differs from the one in force, by field.
    #[serde(skip_serializing_if = "Option::is_none")]
    differences: Option<Differences>,
    /// How it differs from the one in force, by what it would do.
    #[serde(skip_serializing_if = "Option::is_none")]
    effects: Option<Effects>,
}

fn lines(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

impl Verdict {
    fn invalid(problems: &[Problem]) -> Self {
        Self {
            valid: false,
            installable: false,
            problems: lines(problems),
            not_installable: Vec::new(),
            warnings: Vec::new(),
            differences: None,
            effects: None,
        }
    }
}

impl ConfigManager {
    /// Compiles a document and compares it with the one in force. Nothing is changed, nothing is asked of anybody, and
    /// no command of the document is run: credentials that have to be obtained are not looked at. It reads files.
    pub fn validate(&self, text: &str, format: Option<Format>) -> Verdict {
        match self.try_validate(text, format) {
            Ok(verdict) => verdict,
            Err(problems) => Verdict::invalid(&problems),
        }
    }

    fn try_validate(&self, text: &str, format: Option<Format>) -> Result<Verdict, Vec<Problem>> {
        let configured = self.source.load_text(text, format)?;
        let settings = self.settings_in_force();
        let compiled = compile_for(&configured, &settings, self.parts.directory.access())?;
        resources::snapshot(&compiled, &settings, &Marks::default())
            .map_err(|error| vec![Problem::new("", error.to_string())])?;
        let refused = not_installable(&configured.written);
        let in_force = self.status().in_force.clone();
        let to = Side { document: &configured.loaded.document, compiled: &compiled };
        Ok(Verdict {
            valid: true,
            installable: refused.is_empty(),
            problems: Vec::new(),
            not_installable: lines(&refused),
            warnings: warnings(&configured),
            differences: Some(differences(&in_force.written, &configured.written)),
            effects: Some(effects(in_force.side(), to)),
        })
    }
}

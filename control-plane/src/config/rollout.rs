//! A document that some Envoys work by first.
//!
//! A staged document is compiled and sent like any other, but only to the nodes that are chosen. It is no version
//! before it is promoted, and lives in this process alone: when the control plane ends, its Envoys go back to the
//! version in force. Virtual keys, and new values of credentials of clusters that stay the same, come with promotion:
//! both are told to all workers alike.

use std::collections::BTreeMap;
use std::sync::Arc;

use ditto_policy::document::{Format, Problem};
use serde::Serialize;
use serde_json::Value;

use super::secrecy::not_installable;
use super::versions::{Author, Proposal, Version};
use super::{ConfigManager, Failure, compile_for, now_ms};
use crate::keys::hub::Credentials;
use crate::resources;
use crate::xds::{NodeStatus, Selection, StagedRefusal};

/// A document on its way.
#[derive(Debug, Clone)]
pub(super) struct Staging {
    written: Arc<Value>,
    selection: Selection,
    comment: Option<String>,
    at_ms: u64,
    /// Of the snapshot.
    version: String,
    pub(super) credentials: BTreeMap<String, Credentials>,
}

/// How a roll-out is doing. It holds no secret.
#[derive(Debug, Serialize)]
pub struct RolloutStatus {
    /// Whether one is on.
    staged: bool,
    /// What it is, or was.
    #[serde(skip_serializing_if = "Option::is_none")]
    rollout: Option<Rollout>,
    /// Why it was taken back by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<StagedRefusal>,
}

#[derive(Debug, Serialize)]
struct Rollout {
    /// As the status of nodes names it.
    version: String,
    selection: Selection,
    at_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
    /// Those of its nodes that are connected.
    nodes: Vec<NodeStatus>,
}

impl ConfigManager {
    /// Takes the chosen nodes to a document. Everything else goes on with the version in force.
    ///
    /// # Errors
    /// The document is wrong, or another one is staged.
    pub async fn stage(
        self: &Arc<Self>,
        text: String,
        format: Option<Format>,
        selection: Selection,
        comment: Option<String>,
    ) -> Result<RolloutStatus, Failure> {
        let configured = self.read(move |source| source.load_text(&text, format)).await?;
        let refused = not_installable(&configured.written);
        if !refused.is_empty() {
            return Err(Failure::Problems(refused));
        }
        let _one = self.changing.lock().await;
        if self.parts.cache.is_staged() {
            return Err(Failure::Staged);
        }
        let problem = |message: String| Failure::Problems(vec![Problem::new("", message)]);
        let compiled = compile_for(&configured, &self.settings, self.parts.directory.access())?;
        if let Some(plan) = compiled.clusters.iter().find(|plan| plan.refreshed.is_some()) {
            let why = "has a credential that expires, and a document with one cannot be staged: install it at once";
            return Err(problem(format!("backend '{}' {why}", plan.backend)));
        }
        let marks = self.parts.health.marks();
        let snapshot =
            resources::snapshot(&compiled, &self.settings, &marks).map_err(|error| problem(error.to_string()))?;
        if snapshot.version() == self.parts.cache.current().version() {
            return Err(problem("it would change nothing that Envoys are told: install it at once".to_owned()));
        }
        let staging = Staging {
            written: Arc::new(configured.written),
            selection: selection.clone(),
            comment,
            at_ms: now_ms(),
            version: snapshot.version().to_owned(),
            credentials: resources::credentials(&compiled),
        };
        let mut status = self.status();
        status.staging = Some(staging);
        self.publish_credentials(status);
        self.parts.cache.stage(snapshot, selection);
        Ok(self.rollout())
    }

    /// How the latest roll-out is doing.
    pub fn rollout(&self) -> RolloutStatus {
        let staging = self.status().staging.clone();
        let rollout = staging.map(|staging| {
            let Staging { selection, comment, at_ms, version, .. } = staging;
            let nodes = self.parts.cache.status().nodes.into_iter();
            let nodes = nodes.filter(|node| node.connected && selection.has(&node.id)).collect();
            Rollout { version, selection, at_ms, comment, nodes }
        });
        RolloutStatus { staged: self.parts.cache.is_staged(), rollout, refused: self.parts.cache.staged_refusal() }
    }

    /// Makes the staged document a version, in force for all.
    ///
    /// # Errors
    /// None is staged, or it cannot be kept; it stays staged then.
    pub async fn promote(self: &Arc<Self>) -> Result<Version, Failure> {
        let mut standing = self.changing.lock().await;
        let staging = self.status().staging.clone().filter(|_| self.parts.cache.is_staged());
        let staging = staging.ok_or(Failure::NotStaged)?;
        self.look(&mut standing).await?;
        let configured = self.read_text(staging.written.to_string()).await?;
        let proposal = Proposal { author: Author::Admin, comment: staging.comment, rollback_of: None };
        self.propose(&mut standing, configured, proposal).await
    }

    /// Takes the staged document back.
    ///
    /// # Errors
    /// None is staged.
    pub async fn abort(self: &Arc<Self>) -> Result<RolloutStatus, Failure> {
        let _one = self.changing.lock().await;
        if !self.parts.cache.is_staged() {
            return Err(Failure::NotStaged);
        }
        self.parts.cache.unstage();
        let in_force = self.status().credentials.clone();
        self.change_credentials(in_force);
        Ok(self.rollout())
    }
}

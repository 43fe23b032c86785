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
use super::{ConfigManager, Configured, Failure, compile_for, now_ms};
use crate::keys::hub::Credentials;
use crate::resources;
use crate::xds::{Node, NodeStatus, RefusalKind, Selection, StagedRefusal};

/// How many of the requests may fail on nodes that work by what is staged.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ErrorBound {
    /// The share of requests that may end in an error, 0 to 1.
    pub max_error_rate: f64,
    /// Before so many requests the share says nothing.
    pub min_requests: u64,
}

/// What is staged for whom.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The nodes that come first.
    pub selection: Selection,
    /// When it is taken back by itself.
    pub bound: ErrorBound,
    /// What its author says of it.
    pub comment: Option<String>,
}

/// A document on its way.
#[derive(Debug, Clone)]
pub(super) struct Staging {
    written: Arc<Value>,
    plan: Plan,
    at_ms: u64,
    /// The filter module that it is to work with.
    pub(super) module: Option<String>,
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
    /// SHA-256 of its filter module; none for the one that the gateway came with.
    #[serde(skip_serializing_if = "Option::is_none")]
    module: Option<String>,
    selection: Selection,
    #[serde(flatten)]
    bound: ErrorBound,
    at_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
    /// Those of its nodes that are connected.
    nodes: Vec<NodeStatus>,
}

impl Default for ErrorBound {
    fn default() -> Self {
        Self { max_error_rate: 0.05, min_requests: 100 }
    }
}

impl ErrorBound {
    fn is_passed(&self, requests: u64, errors: u64) -> bool {
        requests >= self.min_requests.max(1) && errors as f64 > self.max_error_rate * requests as f64
    }
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
        plan: Plan,
    ) -> Result<RolloutStatus, Failure> {
        let configured = self.read(move |source| source.load_text(&text, format)).await?;
        let refused = not_installable(&configured.written);
        if !refused.is_empty() {
            return Err(Failure::Problems(refused));
        }
        let _one = self.changing.lock().await;
        let module = self.status().module.clone();
        self.stage_with(configured, module, plan)
    }

    /// Takes the chosen nodes to the document in force with another filter module.
    ///
    /// # Errors
    /// There is no such module, or something is staged already.
    pub async fn stage_module(self: &Arc<Self>, sha256: String, plan: Plan) -> Result<RolloutStatus, Failure> {
        let _one = self.changing.lock().await;
        let module = self.usable(Some(sha256)).await?;
        let written = Arc::clone(&self.status().in_force.written);
        let configured = self.read_text(written.to_string()).await?;
        self.stage_with(configured, module, plan)
    }

    fn stage_with(&self, configured: Configured, module: Option<String>, plan: Plan) -> Result<RolloutStatus, Failure> {
        if self.parts.cache.is_staged() {
            return Err(Failure::Staged);
        }
        let settings = self.settings_of(module.clone());
        let problem = |message: String| Failure::Problems(vec![Problem::new("", message)]);
        let compiled = compile_for(&configured, &settings, self.parts.directory.access())?;
        if let Some(plan) = compiled.clusters.iter().find(|plan| plan.refreshed.is_some()) {
            let why = "has a credential that expires, and a document with one cannot be staged: install it at once";
            return Err(problem(format!("backend '{}' {why}", plan.backend)));
        }
        let marks = self.parts.health.marks();
        let snapshot = resources::snapshot(&compiled, &settings, &marks).map_err(|error| problem(error.to_string()))?;
        if snapshot.version() == self.parts.cache.current().version() {
            return Err(problem("it would change nothing that Envoys are told: install it at once".to_owned()));
        }
        let staging = Staging {
            written: Arc::new(configured.written),
            plan: plan.clone(),
            at_ms: now_ms(),
            module,
            version: snapshot.version().to_owned(),
            credentials: resources::credentials(&compiled),
        };
        let mut status = self.status();
        status.staging = Some(staging);
        self.publish_credentials(status);
        self.parts.cache.stage(snapshot, plan.selection);
        Ok(self.rollout())
    }

    /// How the latest roll-out is doing.
    pub fn rollout(&self) -> RolloutStatus {
        let staging = self.status().staging.clone();
        let rollout = staging.map(|staging| {
            let Staging { plan: Plan { selection, bound, comment }, at_ms, version, module, .. } = staging;
            let nodes = self.parts.cache.status().nodes.into_iter();
            let is_first = |status: &NodeStatus| {
                let node = Node { id: status.id.clone(), labels: status.labels.clone() };
                status.connected && selection.has(&node)
            };
            let nodes = nodes.filter(is_first).collect();
            Rollout { version, module, selection, bound, at_ms, comment, nodes }
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
        let proposal = Proposal {
            author: Author::Admin,
            comment: staging.plan.comment,
            rollback_of: None,
            module: staging.module,
        };
        self.propose(&mut standing, configured, proposal).await
    }

    /// The version that nodes work by where one is staged, as [`NodeStatus`] has it, and how many of its requests may
    /// fail.
    pub fn staged(&self) -> Option<(String, ErrorBound)> {
        let staging = self.status().staging.clone().filter(|_| self.parts.cache.is_staged());
        staging.map(|staging| (staging.version, staging.plan.bound))
    }

    /// Takes the staged document back if it is of this version and too many of its requests have failed: `errors` of
    /// `requests`, on all nodes that work by it, since it was staged. Whether it did.
    pub fn judge_staged(&self, version: &str, requests: u64, errors: u64) -> bool {
        let Some((staged, bound)) = self.staged() else { return false };
        if staged != version || !bound.is_passed(requests, errors) {
            return false;
        }
        let bound = bound.max_error_rate;
        let reason = format!("{errors} of {requests} requests failed, more than a share of {bound}");
        self.parts.cache.take_back(version, StagedRefusal { kind: RefusalKind::ErrorRate, node: None, reason })
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

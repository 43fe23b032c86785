//! Filter modules beside the document: which is in force, and others that can be.

use bytes::Bytes;
use ditto_policy::document::Problem;
use serde::Serialize;

use super::versions::{Version, Versions};
use super::{ConfigManager, Failure, now_ms};
use crate::modules::{ModuleInfo, Modules, check};
use crate::resources::Settings;

/// Which filter modules there are.
#[derive(Debug, Serialize)]
pub struct ModulesStatus {
    /// The one in force by its SHA-256; none: the one that the gateway came with.
    in_force: Option<String>,
    /// The one that some nodes come to first.
    staged: Option<String>,
    /// Those that were uploaded and are kept, the oldest first.
    modules: Vec<ModuleInfo>,
}

impl ConfigManager {
    /// The modules, as Envoys fetch them.
    pub fn modules(&self) -> Modules {
        self.modules.clone()
    }

    /// Which filter modules there are.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn modules_status(&self) -> Result<ModulesStatus, Failure> {
        let modules = self.modules.list().await?;
        let (in_force, staged) = self.used_modules();
        Ok(ModulesStatus { in_force, staged, modules })
    }

    /// The module in force, and the staged one.
    fn used_modules(&self) -> (Option<String>, Option<String>) {
        let status = self.status();
        let staging = status.staging.as_ref().filter(|_| self.parts.cache.is_staged());
        (status.module.clone(), staging.and_then(|staging| staging.module.clone()))
    }

    /// Keeps a module, to be rolled out later.
    ///
    /// # Errors
    /// It cannot be a filter of this gateway, or it is not durable.
    pub async fn upload_module(&self, module: Bytes) -> Result<ModuleInfo, Failure> {
        let _one = self.changing.lock().await;
        let judged = module.clone();
        let judge = move || check(&judged).map(|()| ModuleInfo::of(&judged, now_ms()));
        let judged = tokio::task::spawn_blocking(judge).await.unwrap_or_else(|error| Err(error.to_string()));
        let info = judged.map_err(|why| vec![Problem::new("", format!("the module: {why}"))])?;
        let latest = self.versions.list().await?.into_iter().next().and_then(|version| version.module);
        let (in_force, staged) = self.used_modules();
        let in_use: Vec<_> = [in_force, staged, latest].into_iter().flatten().collect();
        self.modules.keep(&info, module, &in_use).await?;
        Ok(info)
    }

    /// The module, if it can be put in force.
    ///
    /// # Errors
    /// It is not kept, or no longer; or it is none for this version of the gateway.
    pub(super) async fn usable(&self, module: Option<String>) -> Result<Option<String>, Failure> {
        let Some(sha256) = module else { return Ok(None) };
        match flaw(&self.modules, &sha256).await? {
            None => Ok(Some(sha256)),
            Some(flaw) => Err(vec![Problem::new("", flaw)].into()),
        }
    }

    /// For a document with this module.
    pub(super) fn settings_of(&self, module: Option<String>) -> Settings {
        Settings { module, ..self.settings.clone() }
    }

    /// For a document with the module in force.
    pub(super) fn settings_in_force(&self) -> Settings {
        self.settings_of(self.status().module.clone())
    }
}

/// The module that a gateway begins with: that of the latest version. Where it cannot be used, the gateway's own does
/// its work: a gateway that did not start could not be given another.
pub(super) async fn first(versions: &Versions, latest: Option<&Version>) -> Result<Option<String>, Failure> {
    let Some(sha256) = latest.and_then(|version| version.module.clone()) else { return Ok(None) };
    let flaw = flaw(&Modules::new(versions.clone()), &sha256).await?;
    if let Some(flaw) = &flaw {
        tracing::error!("{flaw}: the gateway begins with the module that it came with");
    }
    Ok(flaw.is_none().then_some(sha256))
}

/// Why a module cannot be put in force.
async fn flaw(modules: &Modules, sha256: &str) -> Result<Option<String>, Failure> {
    let Some(module) = modules.get(sha256).await? else {
        return Ok(Some(format!("there is no filter module {sha256}, or no longer: upload it with PUT /admin/filter")));
    };
    let judged = tokio::task::spawn_blocking(move || check(&module)).await;
    let judged = judged.unwrap_or_else(|error| Err(error.to_string()));
    Ok(judged.err().map(|why| format!("the filter module {sha256}: {why}")))
}

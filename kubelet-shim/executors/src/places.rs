//! Where the things of executors are on the node.

use std::path::{Path, PathBuf};

use kubernel_mesos_proto::node::TaskVolume;
use kubernel_runtime::process::links;
use kubernel_volumes::persistent;

use crate::Config;
use crate::book::Key;
use crate::identity::file_name;

/// The folders of sandboxes and of persistent volumes.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    /// Below it are all sandboxes.
    pub(crate) sandboxes: PathBuf,
    /// Below it are the sandboxes of this agent.
    pub(crate) agent: PathBuf,
    volumes: PathBuf,
}

impl Places {
    pub(crate) fn new(config: &Config) -> Self {
        let sandboxes = config.data_dir.join("slaves");
        let agent = sandboxes.join(file_name(&config.node_name));
        Self { sandboxes, agent, volumes: config.volumes_dir.clone() }
    }

    /// The sandboxes of an executor, one for each run.
    pub(crate) fn runs(&self, framework: &str, executor: &str) -> PathBuf {
        self.agent
            .join("frameworks")
            .join(file_name(framework))
            .join("executors")
            .join(file_name(executor))
            .join("runs")
    }

    /// The sandbox of an executor's run.
    pub(crate) fn sandbox(&self, (framework, executor): &Key, container: Option<&str>) -> PathBuf {
        self.runs(framework, executor).join(container.unwrap_or_default())
    }

    /// Has a task find a volume in a sandbox.
    ///
    /// # Errors
    /// A text for its status.
    pub(crate) fn mount(&self, volume: &TaskVolume, sandbox: &Path) -> Result<(), String> {
        let dir = persistent::provide(&self.volumes, &volume.uid).map_err(|error| error.to_string())?;
        links::add(&volume.path, &dir, sandbox)
    }

    /// Takes a volume out of a sandbox.
    pub(crate) fn unmount(&self, volume: &TaskVolume, sandbox: &Path) {
        if let Ok(dir) = persistent::folder(&self.volumes, &volume.uid) {
            links::remove(&volume.path, &dir, sandbox);
        }
    }
}

//! A node from start to end: runtime, kubelet API, registration, Pods.

use std::sync::Arc;

use kube::Client;
use kubernel_executors::Executors;
use kubernel_runtime::cgroup::Cgroups;
use kubernel_runtime::containerd::{self, ContainerdConfig};
use kubernel_runtime::{Dispatch, ProcessRuntime, Runtime};
use tokio_util::sync::CancellationToken;

use crate::node::services::Services;
use crate::node::{NodeContext, heartbeat, log_rotation, machine, set};
use crate::recorder::Recorder;
use crate::work::NodeFacts;
use crate::{AgentError, Config, Containerd, Result, api};

/// Runs a node until `shutdown`. Its containers, and our own containerd, keep running after that; the next start on the
/// same `data_dir` takes them over.
///
/// # Errors
/// When containerd cannot be started or reached, when the port is taken or a certificate is no good. Once the node
/// runs, failures are retried.
pub async fn run(config: Config, client: Client, shutdown: CancellationToken) -> Result<()> {
    for dir in [config.data_dir.join("pods"), config.log_dir.clone()] {
        std::fs::create_dir_all(&dir).map_err(|source| AgentError::File { path: dir, source })?;
    }
    let listening = api::listen(&config).await?;
    let containers = containers(&config, &shutdown).await?;
    let executors = Executors::open(kubernel_executors::Config {
        node_name: config.node_name.clone(),
        node_ip: config.node_ip,
        data_dir: config.data_dir.join("mesos"),
        volumes_dir: config.volumes_dir(),
        listen: config.mesos_listen,
    })
    .map_err(|error| AgentError::Executors(error.to_string()))?;
    let processes = ProcessRuntime::open(config.data_dir.join("processes"), Cgroups::system(), executors.outfitter())?;
    let runtime = Arc::new(Dispatch::new(processes.clone(), containers));
    let machine = machine::read(&config.data_dir);
    let facts = NodeFacts {
        ip: config.node_ip,
        cpu_milli: i64::try_from(machine.cpus).unwrap_or(1) * 1000,
        memory_bytes: i64::try_from(machine.memory_bytes).unwrap_or(i64::MAX),
        storage_bytes: i64::try_from(machine.storage_bytes).unwrap_or(i64::MAX),
    };
    let services = Services::follow(client.clone(), shutdown.clone());
    let recorder = Recorder::start(client.clone(), &config.node_name);
    let node = NodeContext::new(config, client, runtime, services, recorder, facts, Cgroups::system(), false);
    let node = Arc::new(node);
    tokio::spawn(api::serve(node.clone(), executors.routes(), listening, shutdown.clone()));
    tokio::spawn(executors.run(processes, node.clone(), shutdown.clone()));
    tokio::spawn(heartbeat::run(node.clone(), machine, shutdown.clone()));
    tokio::spawn(log_rotation::run(node.clone(), shutdown.clone()));
    set::run(node, shutdown).await
}

/// What runs containers, where the node has any.
async fn containers(config: &Config, shutdown: &CancellationToken) -> Result<Option<Arc<dyn Runtime>>> {
    Ok(match &config.containerd {
        Containerd::Absent => None,
        Containerd::Socket(socket) => Some(Arc::new(containerd::reach(socket).await?)),
        Containerd::Own => {
            let mut own = ContainerdConfig::below(config.data_dir.join("containerd"));
            if let Some(dir) = &config.cni_conf_dir {
                own.cni_conf_dir.clone_from(dir);
            }
            let runtime = containerd::ensure(&own).await?;
            tokio::spawn(containerd::keep_alive(own, shutdown.clone()));
            Some(Arc::new(runtime))
        }
    })
}

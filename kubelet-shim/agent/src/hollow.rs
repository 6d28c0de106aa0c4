//! Simulated nodes: real registration, leases and Pod actors over a runtime that runs nothing.
//!
//! All nodes share one watch of Pods, because thousands of watches would measure the watches.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::pin;
use std::sync::Arc;

use futures::StreamExt as _;
use kube::Client;
use kube::runtime::{WatchStreamExt as _, watcher};
use kubernel_runtime::FakeRuntime;
use kubernel_runtime::cgroup::Cgroups;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::node::machine::Machine;
use crate::node::services::Services;
use crate::node::{NodeContext, heartbeat, set};
use crate::objects::{all_pods, tree};
use crate::recorder::Recorder;
use crate::work::NodeFacts;
use crate::{Config, Result};

/// What simulated nodes look like.
#[derive(Clone, Debug)]
pub struct HollowConfig {
    /// How many.
    pub nodes: u32,
    /// Names are this and a number from zero.
    pub name_prefix: String,
    /// CPUs of each.
    pub cpus: u32,
    /// Memory of each.
    pub memory_bytes: u64,
    /// The most Pods on each.
    pub pods_max: u32,
    /// Zones the nodes are spread over, as `topology.kubernetes.io/zone`; zero for none.
    pub zones: u32,
}

impl Default for HollowConfig {
    fn default() -> Self {
        Self { nodes: 1, name_prefix: "hollow-".into(), cpus: 32, memory_bytes: 256 << 30, pods_max: 110, zones: 0 }
    }
}

/// Runs simulated nodes until `shutdown`.
///
/// # Errors
/// None once they run; failures are retried.
pub async fn run(config: HollowConfig, client: Client, shutdown: CancellationToken) -> Result<()> {
    let mut nodes: HashMap<String, Arc<NodeContext>> = HashMap::new();
    for number in 0..config.nodes {
        let (node, machine) = make(&config, number, &client);
        tokio::spawn(heartbeat::run(node.clone(), machine, shutdown.clone()));
        tokio::spawn(set::dispatch(node.clone(), shutdown.clone()));
        nodes.insert(node.config.node_name.clone(), node);
    }
    // Pods that no node has are of no interest; a field selector keeps them away.
    let bound = watcher::Config::default().fields("spec.nodeName!=");
    let events = watcher(all_pods(&client), bound).default_backoff();
    let mut events = pin!(events.take_until(shutdown.cancelled()));
    let mut listed: HashMap<String, Vec<Arc<Value>>> = HashMap::new();
    while let Some(event) = events.next().await {
        match event {
            Ok(watcher::Event::Init) => listed.clear(),
            Ok(watcher::Event::InitApply(object)) => {
                let object = Arc::new(tree(object));
                listed.entry(node_name(&object)).or_default().push(object);
            }
            Ok(watcher::Event::InitDone) => {
                for (name, node) in &nodes {
                    set::relist(node, listed.remove(name).unwrap_or_default(), &mut HashMap::new()).await;
                }
                listed.clear();
            }
            Ok(watcher::Event::Apply(object)) => {
                let object = Arc::new(tree(object));
                if let Some(node) = nodes.get(&node_name(&object)) {
                    set::apply(node, object, None).await;
                }
            }
            Ok(watcher::Event::Delete(object)) => {
                let object = tree(object);
                if let Some(node) = nodes.get(&node_name(&object)) {
                    set::gone(node, &set::uid(&object)).await;
                }
            }
            Err(error) => tracing::debug!(%error, "watching pods"),
        }
    }
    Ok(())
}

fn node_name(object: &Value) -> String {
    object["spec"]["nodeName"].as_str().unwrap_or_default().to_owned()
}

fn make(config: &HollowConfig, number: u32, client: &Client) -> (Arc<NodeContext>, Machine) {
    let name = format!("{}{number}", config.name_prefix);
    let ip = Ipv4Addr::from(u32::from(Ipv4Addr::new(172, 16, 0, 1)).wrapping_add(number));
    let mut own = Config::new(name.clone(), IpAddr::V4(ip), "/nonexistent");
    own.pods_max = config.pods_max;
    own.labels.insert("kubernel.io/hollow".into(), "true".into());
    if config.zones > 0 {
        own.labels.insert("topology.kubernetes.io/zone".into(), format!("zone-{}", number % config.zones));
    }
    let machine = Machine {
        cpus: u64::from(config.cpus),
        memory_bytes: config.memory_bytes,
        storage_bytes: 1 << 40,
        machine_id: format!("{number:032x}"),
        kernel: "0.0.0-hollow".into(),
        os_image: "hollow".into(),
        ..Machine::default()
    };
    let facts = NodeFacts {
        ip: own.node_ip,
        cpu_milli: i64::from(config.cpus) * 1000,
        memory_bytes: i64::try_from(config.memory_bytes).unwrap_or(i64::MAX),
        storage_bytes: 1 << 40,
    };
    let runtime = Arc::new(FakeRuntime::new(number));
    let recorder = Recorder::none();
    let cgroups = Cgroups::at("/nonexistent");
    let node = NodeContext::new(own, client.clone(), runtime, Services::default(), recorder, facts, cgroups, true);
    (Arc::new(node), machine)
}

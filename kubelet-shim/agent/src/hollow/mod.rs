//! Simulated nodes: real registration, leases and Pod actors over a runtime that runs nothing.
//!
//! All nodes share one watch of Pods, because thousands of watches would measure the watches. Those that a script lets fail
//! (`failures`) reach the API through a gate of their own (`gate`).

mod failures;
mod gate;

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::pin;
use std::sync::Arc;

use futures::StreamExt as _;
use kube::Client;
use kube::api::ListParams;
use kube::runtime::{WatchStreamExt as _, watcher};
use kubernel_runtime::FakeRuntime;
use kubernel_runtime::cgroup::Cgroups;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::node::machine::Machine;
use crate::node::services::Services;
use crate::node::{NodeContext, heartbeat, set};
use crate::objects::{all_pods, tree};
use crate::recorder::Recorder;
use crate::work::NodeFacts;
use crate::{Config, Result};

use failures::Aftermath;
pub use failures::{Failure, FailureKind};
use gate::Gate;

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
    /// What goes wrong with them.
    pub failures: Vec<Failure>,
}

impl Default for HollowConfig {
    fn default() -> Self {
        Self {
            nodes: 1,
            name_prefix: "hollow-".into(),
            cpus: 32,
            memory_bytes: 256 << 30,
            pods_max: 110,
            zones: 0,
            failures: Vec::new(),
        }
    }
}

/// How many nodes wait to be seen to after a failure.
const AFTERMATHS_MAX: usize = 1024;

/// A node, and what ends it.
struct Hollow {
    node: Arc<NodeContext>,
    gate: Option<Arc<Gate>>,
    /// How often it has crashed.
    crashes: u32,
    stop: CancellationToken,
}

impl Hollow {
    /// Starts the node of this number, which has crashed so often. One that may fail has a gate.
    fn start(
        config: &HollowConfig,
        number: u32,
        crashes: u32,
        client: &Client,
        gate: Option<Arc<Gate>>,
        shutdown: &CancellationToken,
    ) -> Self {
        let own = gate.as_ref().map_or_else(|| client.clone(), |gate| gate.client(client));
        let (mut node, machine) = make(config, number, crashes, &own);
        if let Some(gate) = &gate {
            node.disk_full = gate.disk_full();
        }
        let (node, stop) = (Arc::new(node), shutdown.child_token());
        tokio::spawn(heartbeat::run(node.clone(), machine, stop.clone()));
        tokio::spawn(set::dispatch(node.clone(), stop.clone()));
        Self { node, gate, crashes, stop }
    }

    /// Whether it hears nothing.
    fn is_cut_off(&self) -> bool {
        self.gate.as_ref().is_some_and(|gate| gate.is_shut())
    }
}

/// Runs simulated nodes until `shutdown`.
///
/// # Errors
/// None once they run; failures are retried.
pub async fn run(config: HollowConfig, client: Client, shutdown: CancellationToken) -> Result<()> {
    let mut nodes: HashMap<String, Hollow> = HashMap::new();
    let failing = config.failures.iter().map(|failure| failure.nodes).max().unwrap_or(0);
    let mut gates: Vec<(u32, Arc<Gate>)> = Vec::new();
    for number in 0..config.nodes {
        let gate = (number < failing).then(Arc::<Gate>::default);
        gates.extend(gate.clone().map(|gate| (number, gate)));
        let hollow = Hollow::start(&config, number, 0, &client, gate, &shutdown);
        nodes.insert(hollow.node.config.node_name.clone(), hollow);
    }
    let (tell, mut aftermaths) = mpsc::channel(AFTERMATHS_MAX);
    for failure in &config.failures {
        let concerned = gates.iter().filter(|(number, _)| *number < failure.nodes).cloned().collect();
        tokio::spawn(failures::play(*failure, concerned, tell.clone(), shutdown.clone()));
    }
    // Pods that no node has are of no interest; a field selector keeps them away.
    let bound = watcher::Config::default().fields("spec.nodeName!=");
    let events = watcher(all_pods(&client), bound).default_backoff();
    let mut events = pin!(events.take_until(shutdown.cancelled()));
    let mut listed: HashMap<String, Vec<Arc<Value>>> = HashMap::new();
    loop {
        let event = tokio::select! {
            event = events.next() => match event {
                Some(event) => event,
                None => return Ok(()),
            },
            Some(aftermath) = aftermaths.recv() => {
                see_to(aftermath, &config, &client, &mut nodes, &shutdown).await;
                continue;
            }
        };
        match event {
            Ok(watcher::Event::Init) => listed.clear(),
            Ok(watcher::Event::InitApply(object)) => {
                let object = Arc::new(tree(object));
                listed.entry(node_name(&object)).or_default().push(object);
            }
            Ok(watcher::Event::InitDone) => {
                for (name, hollow) in nodes.iter().filter(|(_, hollow)| !hollow.is_cut_off()) {
                    set::relist(&hollow.node, listed.remove(name).unwrap_or_default(), &mut HashMap::new()).await;
                }
                listed.clear();
            }
            Ok(watcher::Event::Apply(object)) => {
                let object = Arc::new(tree(object));
                if let Some(hollow) = nodes.get(&node_name(&object)).filter(|hollow| !hollow.is_cut_off()) {
                    set::apply(&hollow.node, object, None).await;
                }
            }
            Ok(watcher::Event::Delete(object)) => {
                let object = tree(object);
                if let Some(hollow) = nodes.get(&node_name(&object)).filter(|hollow| !hollow.is_cut_off()) {
                    set::gone(&hollow.node, &set::uid(&object)).await;
                }
            }
            Err(error) => tracing::debug!(%error, "watching pods"),
        }
    }
}

/// A node comes back: it asks what its Pods are, and where it crashed it begins with none.
async fn see_to(
    aftermath: Aftermath,
    config: &HollowConfig,
    client: &Client,
    nodes: &mut HashMap<String, Hollow>,
    shutdown: &CancellationToken,
) {
    let (Aftermath::Missed(number) | Aftermath::Lost(number)) = aftermath;
    let name = format!("{}{number}", config.name_prefix);
    if let Aftermath::Lost(_) = aftermath
        && let Some(before) = nodes.remove(&name)
    {
        before.stop.cancel();
        before.node.abandon();
        let again = Hollow::start(config, number, before.crashes + 1, client, before.gate, shutdown);
        nodes.insert(name.clone(), again);
    }
    let Some(hollow) = nodes.get(&name) else { return };
    let mine = ListParams::default().fields(&format!("spec.nodeName={name}"));
    match all_pods(client).list(&mine).await {
        Ok(list) => {
            let objects = list.items.into_iter().map(|object| Arc::new(tree(object))).collect();
            set::relist(&hollow.node, objects, &mut HashMap::new()).await;
        }
        Err(error) => tracing::warn!(%error, name, "a node that came back does not learn what its Pods are"),
    }
}

fn node_name(object: &Value) -> String {
    object["spec"]["nodeName"].as_str().unwrap_or_default().to_owned()
}

fn make(config: &HollowConfig, number: u32, crashes: u32, client: &Client) -> (NodeContext, Machine) {
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
    let runtime = Arc::new(FakeRuntime::new(number).after_crashes(crashes));
    let recorder = Recorder::none();
    let cgroups = Cgroups::at("/nonexistent");
    let node = NodeContext::new(own, client.clone(), runtime, Services::default(), recorder, facts, cgroups, true);
    (node, machine)
}

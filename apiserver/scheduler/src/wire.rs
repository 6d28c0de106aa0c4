//! The parts of API objects that the scheduler reads, as they come over the wire. Everything else is skipped while
//! parsing, so that 100,000 Pods cost little.

use std::collections::BTreeMap;

use serde::Deserialize;

/// `ObjectMeta`, as far as it matters here.
#[expect(missing_docs, reason = "the fields are those of the API")]
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Meta {
    pub name: String,
    pub namespace: String,
    pub uid: String,
    pub resource_version: String,
    pub generation: i64,
    pub creation_timestamp: Option<String>,
    pub deletion_timestamp: Option<String>,
    pub labels: BTreeMap<String, String>,
    pub annotations: Annotations,
}

/// The annotations that mean something here.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Annotations {
    /// When a node will not be there (`unavailability.rs`).
    #[serde(rename = "kernel.kubernel.io/unavailability")]
    pub unavailability: Option<String>,
}

/// A Pod.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Pod {
    pub(crate) metadata: Meta,
    pub(crate) spec: PodSpec,
    pub(crate) status: PodStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct PodSpec {
    pub(crate) node_name: String,
    pub(crate) scheduler_name: String,
    pub(crate) scheduling_gates: Vec<Gate>,
    pub(crate) priority: i32,
    pub(crate) preemption_policy: String,
    pub(crate) node_selector: BTreeMap<String, String>,
    pub(crate) affinity: Option<Affinity>,
    pub(crate) tolerations: Vec<Toleration>,
    pub(crate) containers: Vec<Container>,
    pub(crate) init_containers: Vec<Container>,
    pub(crate) overhead: BTreeMap<String, String>,
    pub(crate) resources: Option<Resources>,
    pub(crate) host_network: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PodStatus {
    pub(crate) phase: String,
    pub(crate) conditions: Vec<Condition>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Gate {
    pub(crate) name: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Condition {
    #[serde(rename = "type")]
    pub(crate) type_: String,
    pub(crate) status: String,
    pub(crate) reason: String,
    pub(crate) message: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Container {
    pub(crate) restart_policy: String,
    pub(crate) resources: Resources,
    pub(crate) ports: Vec<Port>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Resources {
    pub(crate) requests: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Port {
    pub(crate) host_port: u16,
    #[serde(rename = "hostIP")]
    pub(crate) host_ip: String,
    pub(crate) protocol: String,
    pub(crate) container_port: u16,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Affinity {
    pub(crate) node_affinity: Option<NodeAffinity>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct NodeAffinity {
    #[serde(rename = "requiredDuringSchedulingIgnoredDuringExecution")]
    pub(crate) required: Option<NodeSelector>,
    #[serde(rename = "preferredDuringSchedulingIgnoredDuringExecution")]
    pub(crate) preferred: Vec<Preferred>,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Hash)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct NodeSelector {
    pub(crate) node_selector_terms: Vec<Term>,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Hash)]
#[serde(default)]
pub(crate) struct Preferred {
    pub(crate) weight: i32,
    pub(crate) preference: Term,
}

/// A term of a node selector: all requirements must hold; none at all matches nothing.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Hash)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Term {
    pub(crate) match_expressions: Vec<Requirement>,
    pub(crate) match_fields: Vec<Requirement>,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Hash)]
#[serde(default)]
pub(crate) struct Requirement {
    pub(crate) key: String,
    pub(crate) operator: String,
    pub(crate) values: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Hash)]
#[serde(default)]
pub(crate) struct Toleration {
    pub(crate) key: String,
    pub(crate) operator: String,
    pub(crate) value: String,
    pub(crate) effect: String,
}

/// A Node.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Node {
    pub(crate) metadata: Meta,
    pub(crate) spec: NodeSpec,
    pub(crate) status: NodeStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct NodeSpec {
    pub(crate) unschedulable: bool,
    pub(crate) taints: Vec<Taint>,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub(crate) struct Taint {
    pub(crate) key: String,
    pub(crate) value: String,
    pub(crate) effect: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct NodeStatus {
    pub(crate) allocatable: BTreeMap<String, String>,
    pub(crate) conditions: Vec<Condition>,
    pub(crate) addresses: Vec<Address>,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub(crate) struct Address {
    #[serde(rename = "type")]
    pub(crate) type_: String,
    pub(crate) address: String,
}

/// A Namespace, a Framework: only what it is called and how it is labelled.
#[expect(missing_docs, reason = "the fields are those of the API")]
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Named {
    pub metadata: Meta,
}

/// A ResourceRole.
#[expect(missing_docs, reason = "the fields are those of the API")]
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ResourceRole {
    pub metadata: Meta,
    pub spec: ResourceRoleSpec,
}

/// What a ResourceRole says.
#[expect(missing_docs, reason = "the fields are those of the API")]
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ResourceRoleSpec {
    pub weight: Option<f64>,
    pub parent: String,
    pub guarantee: BTreeMap<String, String>,
    pub limit: BTreeMap<String, String>,
}

/// A Reservation.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Reservation {
    pub(crate) metadata: Meta,
    pub(crate) spec: ReservationSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ReservationSpec {
    pub(crate) role: String,
    pub(crate) agent: String,
    pub(crate) resources: BTreeMap<String, String>,
    pub(crate) principal: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) volumes: Vec<ReservedVolume>,
    pub(crate) refines: Vec<RefinedReservation>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RefinedReservation {
    pub(crate) role: String,
    pub(crate) principal: String,
    pub(crate) labels: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ReservedVolume {
    pub(crate) id: String,
    pub(crate) container_path: String,
    pub(crate) size: String,
    pub(crate) principal: String,
    pub(crate) read_only: bool,
    pub(crate) shared: bool,
}

/// What every watched object has.
pub trait Watched: Clone + serde::de::DeserializeOwned + Send + 'static {
    /// Its resourceVersion.
    fn version(&self) -> &str;
}

macro_rules! watched {
    ($($type:ty),*) => {$(
        impl Watched for $type {
            fn version(&self) -> &str {
                &self.metadata.resource_version
            }
        }
    )*};
}

watched!(Pod, Node, Named, ResourceRole, Reservation);

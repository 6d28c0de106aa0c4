//! What controllers see of Pods and Nodes: only the fields they look at, because these objects are many.
//!
//! A view is read from the same JSON as the whole object; what it does not name is not kept. Views are never written
//! back.

use std::borrow::Cow;
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use kube::Resource;
use serde::Deserialize;

use crate::cache::{Cached, owner_uids};

/// The annotation by which users say which Pods of a ReplicaSet go first.
pub const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";

/// A Pod, as far as controllers look.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Pod {
    /// The metadata, without managedFields and most annotations.
    pub metadata: ObjectMeta,
    /// Of the spec.
    #[serde(default)]
    pub spec: PodSpec,
    /// Of the status.
    #[serde(default)]
    pub status: PodStatus,
}

/// Of `Pod.spec`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "the API's own fields")]
pub struct PodSpec {
    pub node_name: String,
    pub hostname: String,
    pub subdomain: String,
    pub tolerations: Vec<k8s_openapi::api::core::v1::Toleration>,
    pub containers: Vec<Container>,
    pub init_containers: Vec<Container>,
}

/// Of a container.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "the API's own fields")]
pub struct Container {
    pub restart_policy: String,
    pub ports: Vec<ContainerPort>,
}

/// Of a container's port.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "the API's own fields")]
pub struct ContainerPort {
    pub name: String,
    pub protocol: String,
    pub container_port: i32,
}

/// Of `Pod.status`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "the API's own fields")]
pub struct PodStatus {
    pub phase: String,
    pub conditions: Vec<Condition>,
    #[serde(rename = "podIP")]
    pub pod_ip: String,
    #[serde(rename = "podIPs")]
    pub pod_ips: Vec<PodIp>,
    pub container_statuses: Vec<ContainerStatus>,
}

/// Of a condition.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the API's own fields")]
pub struct Condition {
    #[serde(rename = "type")]
    pub type_: String,
    pub status: String,
    pub last_transition_time: Option<Time>,
}

/// One of `Pod.status.podIPs`.
#[derive(Clone, Debug, Deserialize)]
pub struct PodIp {
    /// The address.
    pub ip: String,
}

/// Of a container's status.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "the API's own fields")]
pub struct ContainerStatus {
    pub restart_count: i32,
}

/// A Node, as far as controllers look.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Node {
    /// The metadata, without managedFields.
    pub metadata: ObjectMeta,
    /// Of the spec.
    #[serde(default)]
    pub spec: NodeSpec,
    /// Of the status.
    #[serde(default)]
    pub status: NodeStatus,
}

/// Of `Node.spec`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "the API's own fields")]
pub struct NodeSpec {
    pub unschedulable: bool,
    pub taints: Vec<k8s_openapi::api::core::v1::Taint>,
}

/// Of `Node.status`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeStatus {
    /// The whole conditions, because they are written back one by one.
    pub conditions: Vec<k8s_openapi::api::core::v1::NodeCondition>,
}

impl Pod {
    /// Whether it is on its way out.
    pub fn is_terminating(&self) -> bool {
        self.metadata.deletion_timestamp.is_some()
    }

    /// Whether all containers have ended for good.
    pub fn is_terminal(&self) -> bool {
        matches!(self.status.phase.as_str(), "Succeeded" | "Failed")
    }

    /// Neither ended nor on its way out: what a ReplicaSet counts.
    pub fn is_active(&self) -> bool {
        !self.is_terminal() && !self.is_terminating()
    }

    /// The condition of this type.
    pub fn condition(&self, type_: &str) -> Option<&Condition> {
        self.status.conditions.iter().find(|condition| condition.type_ == type_)
    }

    /// Whether the condition Ready is true.
    pub fn is_ready(&self) -> bool {
        self.condition("Ready").is_some_and(|condition| condition.status == "True")
    }

    /// Since when the condition Ready is true.
    pub fn ready_since(&self) -> Option<jiff::Timestamp> {
        let ready = self.condition("Ready").filter(|condition| condition.status == "True")?;
        ready.last_transition_time.as_ref().map(|time| time.0)
    }

    /// Ready for at least so many seconds (podutil.IsPodAvailable).
    pub fn is_available(&self, min_ready_secs: i32, now: jiff::Timestamp) -> bool {
        match self.ready_since() {
            _ if min_ready_secs == 0 => self.is_ready(),
            Some(since) => (now - since).total(jiff::Unit::Second).is_ok_and(|secs| secs >= f64::from(min_ready_secs)),
            None => false,
        }
    }
}

impl Resource for Pod {
    type DynamicType = ();
    type Scope = k8s_openapi::NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        "Pod".into()
    }
    fn group((): &()) -> Cow<'_, str> {
        "".into()
    }
    fn version((): &()) -> Cow<'_, str> {
        "v1".into()
    }
    fn plural((): &()) -> Cow<'_, str> {
        "pods".into()
    }
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

impl Cached for Pod {
    fn shrink(&mut self) {
        self.metadata.managed_fields = None;
        if let Some(annotations) = &mut self.metadata.annotations {
            annotations.retain(|key, _| key == DELETION_COST);
        }
    }

    fn index(&self) -> Vec<Arc<str>> {
        let mut values = owner_uids(&self.metadata);
        if !self.spec.node_name.is_empty() {
            values.push(on_node(&self.spec.node_name));
        }
        values
    }
}

/// The index value by which the Pods of a node are found.
pub fn on_node(name: &str) -> Arc<str> {
    format!("node:{name}").into()
}

impl Resource for Node {
    type DynamicType = ();
    type Scope = k8s_openapi::ClusterResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        "Node".into()
    }
    fn group((): &()) -> Cow<'_, str> {
        "".into()
    }
    fn version((): &()) -> Cow<'_, str> {
        "v1".into()
    }
    fn plural((): &()) -> Cow<'_, str> {
        "nodes".into()
    }
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

impl Cached for Node {}
impl Cached for k8s_openapi::api::core::v1::Namespace {}
impl Cached for k8s_openapi::api::core::v1::ServiceAccount {}
impl Cached for k8s_openapi::api::core::v1::ConfigMap {}
impl Cached for k8s_openapi::api::core::v1::Service {}
impl Cached for k8s_openapi::api::core::v1::Endpoints {}
impl Cached for k8s_openapi::api::core::v1::ResourceQuota {}
impl Cached for k8s_openapi::api::core::v1::PersistentVolumeClaim {}
impl Cached for k8s_openapi::api::core::v1::PersistentVolume {}
impl Cached for k8s_openapi::api::storage::v1::VolumeAttributesClass {}
impl Cached for k8s_openapi::api::networking::v1::ServiceCIDR {}
impl Cached for k8s_openapi::api::coordination::v1::Lease {}
impl Cached for k8s_openapi::api::admissionregistration::v1::ValidatingAdmissionPolicy {}
impl Cached for k8s_openapi::api::apps::v1::Deployment {}
impl Cached for k8s_openapi::api::policy::v1::PodDisruptionBudget {}

impl Cached for k8s_openapi::api::apps::v1::ReplicaSet {
    fn index(&self) -> Vec<Arc<str>> {
        owner_uids(&self.metadata)
    }
}

impl Cached for k8s_openapi::api::discovery::v1::EndpointSlice {
    fn index(&self) -> Vec<Arc<str>> {
        owner_uids(&self.metadata)
    }
}

//! `v1` Pod, and the pod spec that workloads' templates share with it.
//!
//! [`spec_defaults`] and [`validation`] are called for templates too; everything else is about Pods.

pub mod amounts;
mod binding;
mod cells;
mod defaults;
pub(crate) mod disabled;
mod image;
mod pod_level;
mod prepare;
pub mod qos;
pub mod spec_defaults;
pub mod validation;
pub mod warnings;

use jiff::Timestamp;
use kubernel_meta::{Object, field};
use serde_json::Value;

pub use binding::{Binding, assign};

use crate::descriptor::kind;
use crate::{Kind, Strategy, strategy};

kind! {
    /// The descriptor of Pod.
    pub static KIND = "", "v1", "Pod";
    names: "pods", "pod", short ["po"], categories ["all"];
    definition: "io.k8s.api.core.v1.Pod";
    namespaced: true, source: Store, hash: "xPOwRZ+Yhw8=";
    verbs: ALL;
    subresources: [
        "attach" as ("", "v1", "PodAttachOptions"): ["create", "get"],
        "binding" as ("", "v1", "Binding"): ["create"],
        "ephemeralcontainers": STATUS,
        "eviction" as ("policy", "v1", "Eviction"): ["create"],
        "exec" as ("", "v1", "PodExecOptions"): ["create", "get"],
        "log": ["get"],
        "portforward" as ("", "v1", "PodPortForwardOptions"): ["create", "get"],
        "proxy" as ("", "v1", "PodProxyOptions"): ["create", "delete", "get", "patch", "update"],
        "resize": STATUS,
        "status": STATUS,
    ];
    columns: [
        "Name" name, "Ready" string, "Status" string, "Restarts" string, "Age" string, "IP" string wide,
        "Node" string wide, "Nominated Node" string wide, "Readiness Gates" string wide,
    ];
    strategy: PodStrategy;
}

/// What only Pods know.
#[derive(Debug)]
pub struct PodStrategy;

impl Strategy for PodStrategy {
    fn default(&self, _kind: &Kind, object: &mut Object) {
        defaults::pod(object);
    }

    fn counts_generation(&self) -> bool {
        true
    }

    fn prepare_create(&self, kind: &Kind, object: &mut Object) {
        prepare::create(kind, object);
    }

    fn prepare_update(&self, kind: &Kind, new: &mut Object, old: &Object) {
        prepare::update(kind, new, old);
    }

    fn prepare_subresource_update(&self, _kind: &Kind, subresource: &str, new: &mut Object, old: &Object) {
        prepare::subresource_update(subresource, new, old);
    }

    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        validation::create(object)
    }

    fn validate_update(&self, _kind: &Kind, new: &Object, old: &Object) -> Vec<field::Error> {
        validation::update(new, old)
    }

    fn validate_subresource_update(
        &self,
        _kind: &Kind,
        subresource: &str,
        new: &Object,
        old: &Object,
    ) -> Vec<field::Error> {
        validation::subresource_update(subresource, new, old)
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        cells::cells(object, now)
    }

    fn row_conditions(&self, object: &Object) -> Vec<Value> {
        cells::row_conditions(object)
    }

    fn selectable_fields(&self) -> Vec<&str> {
        vec![
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.podIPs",
            "status.nominatedNodeName",
        ]
    }

    fn field_values(&self, object: &Object) -> Vec<String> {
        let spec = |key: &str| object.str_at(&["spec", key]).to_owned();
        let status = |key: &str| object.str_at(&["status", key]).to_owned();
        let ips: Vec<&str> =
            object.list_at(&["status", "podIPs"]).iter().map(|ip| crate::tree::text(ip, "ip")).collect();
        let host_network = object.at(&["spec", "hostNetwork"]).and_then(Value::as_bool).unwrap_or_default();
        vec![
            spec("nodeName"),
            spec("restartPolicy"),
            spec("schedulerName"),
            spec("serviceAccountName"),
            host_network.to_string(),
            status("phase"),
            ips.first().copied().unwrap_or_default().to_owned(),
            ips.join(","),
            status("nominatedNodeName"),
        ]
    }

    /// Unscheduled and finished Pods go at once; negative periods mean one second.
    fn grace_secs(&self, object: &Object, requested: Option<i64>) -> Option<i64> {
        let finished = matches!(object.str_at(&["status", "phase"]), "Failed" | "Succeeded");
        if finished || object.str_at(&["spec", "nodeName"]).is_empty() {
            return Some(0);
        }
        let own = || object.int_at(&["spec", "terminationGracePeriodSeconds"]).unwrap_or_default();
        let period = requested.unwrap_or_else(own);
        Some(if period < 0 { 1 } else { period })
    }

    fn reset_fields(&self, kind: &Kind, subresource: &str) -> Vec<Vec<&'static str>> {
        match subresource {
            "status" => {
                vec![vec!["spec"], vec!["metadata", "deletionTimestamp"], vec!["metadata", "ownerReferences"]]
            }
            _ => strategy::reset_fields(kind, subresource),
        }
    }

    fn warnings(&self, _kind: &Kind, object: &Object, old: Option<&Object>) -> Vec<String> {
        warnings::of_pod(object, old)
    }
}

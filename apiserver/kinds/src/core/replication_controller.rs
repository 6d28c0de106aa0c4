//! `v1` ReplicationController.

use jiff::Timestamp;
use kubernel_meta::{Object, field};
use serde_json::Value;

use crate::apps::workload;
use crate::core::pod::{spec_defaults, warnings as pod_warnings};
use crate::descriptor::kind;
use crate::tree::default_to;
use crate::{Kind, Strategy, print};

kind! {
    /// The descriptor of ReplicationController.
    pub static KIND = "", "v1", "ReplicationController";
    names: "replicationcontrollers", "replicationcontroller", short ["rc"], categories ["all"];
    definition: "io.k8s.api.core.v1.ReplicationController";
    namespaced: true, source: Store, hash: "Jond2If31h0=";
    verbs: ALL;
    subresources: [
        "scale" as ("autoscaling", "v1", "Scale"): STATUS,
        "status": STATUS,
    ];
    columns: [
        "Name" name, "Desired" integer, "Current" integer, "Ready" integer, "Age" string, "Containers" string wide,
        "Images" string wide, "Selector" string wide,
    ];
    strategy: ReplicationControllerStrategy;
}

/// What only ReplicationControllers know.
#[derive(Debug)]
pub struct ReplicationControllerStrategy;

impl Strategy for ReplicationControllerStrategy {
    fn default(&self, _kind: &Kind, object: &mut Object) {
        let labels = object.at(&["spec", "template", "metadata", "labels"]).and_then(Value::as_object).cloned();
        if let Some(labels) = labels.filter(|labels| !labels.is_empty()) {
            for path in [["spec", "selector"], ["metadata", "labels"]] {
                if object.map_at(&path).is_none_or(|map| map.is_empty()) {
                    object.set(&path, labels.clone());
                }
            }
        }
        let spec = object.map_at_mut(&["spec"]);
        default_to(spec, "replicas", 1);
        if let Some(template) = spec.get_mut("template") {
            spec_defaults::pod_template(template);
        }
    }

    fn counts_generation(&self) -> bool {
        true
    }

    fn prepare_create(&self, kind: &Kind, object: &mut Object) {
        workload::prepare_create(kind, object, &workload::TEMPLATE);
    }

    fn prepare_update(&self, kind: &Kind, new: &mut Object, old: &Object) {
        workload::prepare_update(kind, new, old, &workload::TEMPLATE);
    }

    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        workload::replication_controller(object)
    }

    fn validate_subresource_update(
        &self,
        _: &Kind,
        subresource: &str,
        new: &Object,
        _old: &Object,
    ) -> Vec<field::Error> {
        if subresource == "status" { workload::replica_status(new) } else { Vec::new() }
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        workload::replica_cells(object, now, print::labels(object.at(&["spec", "selector"])))
    }

    fn selectable_fields(&self) -> Vec<&str> {
        vec!["status.replicas"]
    }

    fn field_values(&self, object: &Object) -> Vec<String> {
        vec![object.int_at(&["status", "replicas"]).unwrap_or_default().to_string()]
    }

    fn warnings(&self, _kind: &Kind, object: &Object, old: Option<&Object>) -> Vec<String> {
        pod_warnings::of_template(&["spec", "template"], object, old)
    }
}

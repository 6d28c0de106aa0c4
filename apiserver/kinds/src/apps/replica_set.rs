//! `apps/v1` ReplicaSet.

use super::workload;
use jiff::Timestamp;
use kubernel_meta::{Object, field};
use serde_json::{Value, json};

use crate::core::pod::spec_defaults;
use crate::descriptor::kind;
use crate::tree::default_to;
use crate::{Kind, Strategy, print};

kind! {
    /// The descriptor of ReplicaSet.
    pub static KIND = "apps", "v1", "ReplicaSet";
    names: "replicasets", "replicaset", short ["rs"], categories ["all"];
    definition: "io.k8s.api.apps.v1.ReplicaSet";
    namespaced: true, source: Store, hash: "P1RzHs8/mWQ=";
    verbs: ALL;
    subresources: [
        "scale" as ("autoscaling", "v1", "Scale"): STATUS,
        "status": STATUS,
    ];
    columns: [
        "Name" name, "Desired" integer, "Current" integer, "Ready" integer, "Age" string, "Containers" string wide,
        "Images" string wide, "Selector" string wide,
    ];
    strategy: ReplicaSetStrategy;
}

/// What only ReplicaSets know.
#[derive(Debug)]
pub struct ReplicaSetStrategy;

impl Strategy for ReplicaSetStrategy {
    fn default(&self, _kind: &Kind, object: &mut Object) {
        let spec = object.map_at_mut(&["spec"]);
        default_to(spec, "replicas", 1);
        spec_defaults::pod_template(spec.entry("template").or_insert_with(|| json!({})));
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
        let (path, spec) = (field::Path::root("spec"), object.at(&["spec"]).unwrap_or(&Value::Null));
        workload::replicas_selector_template(&path, spec, "deployment", workload::Owner::ReplicaSet)
    }

    fn validate_update(&self, kind: &Kind, new: &Object, old: &Object) -> Vec<field::Error> {
        let mut errors = self.validate(kind, new);
        errors.extend(workload::immutable_selector(new, old));
        errors
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
        workload::replica_cells(object, now, print::selector(object.at(&["spec", "selector"])))
    }

    fn warnings(&self, _kind: &Kind, object: &Object, old: Option<&Object>) -> Vec<String> {
        workload::warnings(object, old, &workload::TEMPLATE)
    }
}

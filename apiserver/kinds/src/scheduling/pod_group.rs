//! `scheduling.k8s.io/v1alpha2` PodGroup: Pods that are scheduled together.

use kubernel_meta::{Object, field};
use serde_json::Value;

use super::gang_rules;
use crate::descriptor::kind;
use crate::{Kind, Strategy, strategy, validate};

kind! {
    /// The descriptor of PodGroup.
    pub static KIND = "scheduling.k8s.io", "v1alpha2", "PodGroup";
    names: "podgroups", "podgroup", short [], categories [];
    definition: "io.k8s.api.scheduling.v1alpha2.PodGroup";
    namespaced: true, source: Store, hash: "YYgX3v5V204=";
    verbs: ALL;
    subresources: ["status": STATUS];
    columns: [
        "Name" name, "Created At" date,
    ];
    strategy: PodGroupStrategy;
}

/// What only PodGroups know.
#[derive(Debug)]
pub struct PodGroupStrategy;

impl Strategy for PodGroupStrategy {
    fn prepare_create(&self, kind: &Kind, object: &mut Object) {
        strategy::prepare_create(kind, object);
        gang_rules::drop_disabled(object.map_at_mut(&["spec"]), None);
    }

    fn prepare_update(&self, kind: &Kind, new: &mut Object, old: &Object) {
        strategy::prepare_update(kind, new, old);
        gang_rules::drop_disabled(new.map_at_mut(&["spec"]), old.map_at(&["spec"]));
    }

    fn status_keeps_metadata(&self) -> bool {
        true
    }

    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        let path = field::Path::root("spec");
        let mut errors = Vec::new();
        if let Some(reference) = object.at(&["spec", "podGroupTemplateRef"]).filter(|reference| !reference.is_null()) {
            errors.extend(template_reference(&path.child("podGroupTemplateRef"), reference));
        }
        errors.extend(gang_rules::policy(&path.child("schedulingPolicy"), object.at(&["spec", "schedulingPolicy"])));
        errors
    }

    fn validate_update(&self, _kind: &Kind, new: &Object, old: &Object) -> Vec<field::Error> {
        let check = |field: &str| {
            let path = field::Path::root("spec").child(field);
            validate::immutable(&path, new.at(&["spec", field]), old.at(&["spec", field]))
        };
        ["podGroupTemplateRef", "schedulingPolicy", "schedulingConstraints"].into_iter().filter_map(check).collect()
    }
}

fn template_reference(path: &field::Path, reference: &Value) -> Vec<field::Error> {
    let Some(workload) = reference.get("workload").filter(|workload| !workload.is_null()) else {
        return vec![path.invalid("", "must specify one of: `workload`")];
    };
    let path = path.child("workload");
    let check = |field: &str| gang_rules::label(&path.child(field), workload[field].as_str().unwrap_or_default());
    ["workloadName", "podGroupTemplateName"].into_iter().flat_map(check).collect()
}

//! `scheduling.k8s.io/v1alpha2` Workload: the templates of an application's PodGroups.

use kubernel_meta::{Object, field, validation};
use serde_json::Value;

use super::gang_rules;
use crate::descriptor::kind;
use crate::{Kind, Strategy, strategy, validate};

/// How many templates a Workload may have.
const TEMPLATES_MAX: usize = 8;

kind! {
    /// The descriptor of Workload.
    pub static KIND = "scheduling.k8s.io", "v1alpha2", "Workload";
    names: "workloads", "workload", short [], categories [];
    definition: "io.k8s.api.scheduling.v1alpha2.Workload";
    namespaced: true, source: Store, hash: "vSX7gJe5Mx8=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Name" name, "Created At" date,
    ];
    strategy: WorkloadStrategy;
}

/// What only Workloads know.
#[derive(Debug)]
pub struct WorkloadStrategy;

impl Strategy for WorkloadStrategy {
    fn prepare_create(&self, kind: &Kind, object: &mut Object) {
        strategy::prepare_create(kind, object);
        drop_disabled(object, None);
    }

    fn prepare_update(&self, kind: &Kind, new: &mut Object, old: &Object) {
        strategy::prepare_update(kind, new, old);
        drop_disabled(new, Some(old));
    }

    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        let spec = field::Path::root("spec");
        let mut errors: Vec<field::Error> = controller(&spec, object).collect();
        let (path, templates) = (spec.child("podGroupTemplates"), object.list_at(&["spec", "podGroupTemplates"]));
        match templates.len() {
            0 => errors.push(path.required("must have at least one item")),
            count if count > TEMPLATES_MAX => errors.push(path.too_many(count, TEMPLATES_MAX)),
            _ => {}
        }
        for (at, template) in templates.iter().enumerate().take(TEMPLATES_MAX) {
            let (path, name) = (path.index(at), template["name"].as_str().unwrap_or_default());
            errors.extend(gang_rules::label(&path.child("name"), name));
            if templates[..at].iter().any(|other| other["name"] == template["name"]) {
                errors.push(path.duplicate(template.clone()));
            }
            errors.extend(gang_rules::policy(&path.child("schedulingPolicy"), template.get("schedulingPolicy")));
        }
        errors
    }

    fn validate_update(&self, _kind: &Kind, new: &Object, old: &Object) -> Vec<field::Error> {
        let spec = field::Path::root("spec");
        let same =
            |field: &str| validate::immutable(&spec.child(field), new.at(&["spec", field]), old.at(&["spec", field]));
        // A controller may be named later, once.
        let named = old.at(&["spec", "controllerRef"]).is_some_and(|controller| !controller.is_null());
        let controller: Vec<field::Error> =
            if named { same("controllerRef").into_iter().collect() } else { controller(&spec, new).collect() };
        controller.into_iter().chain(same("podGroupTemplates")).collect()
    }
}

fn drop_disabled(object: &mut Object, old: Option<&Object>) {
    let old = old.map(|old| old.list_at(&["spec", "podGroupTemplates"])).unwrap_or_default();
    let templates = object.map_at_mut(&["spec"]).get_mut("podGroupTemplates").and_then(Value::as_array_mut);
    for template in templates.into_iter().flatten().filter_map(Value::as_object_mut) {
        let before = old.iter().find(|old| Some(&old["name"]) == template.get("name")).and_then(Value::as_object);
        gang_rules::drop_disabled(template, before);
    }
}

fn controller(spec: &field::Path, object: &Object) -> impl Iterator<Item = field::Error> + use<> {
    let mut errors = Vec::new();
    if let Some(controller) = object.at(&["spec", "controllerRef"]).filter(|controller| !controller.is_null()) {
        let path = spec.child("controllerRef");
        let text = |field: &str| controller[field].as_str().unwrap_or_default();
        if !text("apiGroup").is_empty() {
            let wrong = validation::dns1123_subdomain(text("apiGroup"));
            errors.extend(validate::texts(&path.child("apiGroup"), text("apiGroup"), wrong));
        }
        for field in ["kind", "name"] {
            match text(field) {
                "" => errors.push(path.child(field).required("")),
                value => {
                    errors.extend(validate::texts(&path.child(field), value, validation::path_segment_name(value)));
                }
            }
        }
    }
    errors.into_iter()
}

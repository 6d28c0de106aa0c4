//! `apps/v1` DaemonSet.

use super::{rollout, workload};
use jiff::Timestamp;
use kubernel_meta::{Object, field};
use serde_json::{Value, json};

use crate::core::pod::{spec_defaults, warnings as pod_warnings};
use crate::descriptor::kind;
use crate::tree::{default_text, default_to, map_in};
use crate::{Kind, Strategy, print, strategy};

kind! {
    /// The descriptor of DaemonSet.
    pub static KIND = "apps", "v1", "DaemonSet";
    names: "daemonsets", "daemonset", short ["ds"], categories ["all"];
    definition: "io.k8s.api.apps.v1.DaemonSet";
    namespaced: true, source: Store, hash: "dd7pWHUlMKQ=";
    verbs: ALL;
    subresources: [
        "status": STATUS,
    ];
    columns: [
        "Name" name, "Desired" integer, "Current" integer, "Ready" integer, "Up-to-date" integer,
        "Available" integer, "Node Selector" string, "Age" string, "Containers" string wide, "Images" string wide,
        "Selector" string wide,
    ];
    strategy: DaemonSetStrategy;
}

/// What only DaemonSets know.
#[derive(Debug)]
pub struct DaemonSetStrategy;

impl Strategy for DaemonSetStrategy {
    fn default(&self, _kind: &Kind, object: &mut Object) {
        let spec = object.map_at_mut(&["spec"]);
        default_to(spec, "revisionHistoryLimit", 10);
        default_to(spec, "updateStrategy", json!({}));
        if let Some(strategy) = map_in(spec, "updateStrategy") {
            default_text(strategy, "type", "RollingUpdate");
            if strategy.get("type").and_then(Value::as_str) == Some("RollingUpdate") {
                default_to(strategy, "rollingUpdate", json!({}));
                if let Some(rolling) = map_in(strategy, "rollingUpdate") {
                    default_to(rolling, "maxUnavailable", 1);
                    default_to(rolling, "maxSurge", 0);
                }
            }
        }
        spec_defaults::pod_template(spec.entry("template").or_insert_with(|| json!({})));
        if object.at(&["metadata", "annotations", TEMPLATE_GENERATION]).is_none() {
            object.set(&["metadata", "annotations", TEMPLATE_GENERATION], "0");
        }
    }

    fn counts_generation(&self) -> bool {
        true
    }

    fn prepare_create(&self, kind: &Kind, object: &mut Object) {
        workload::prepare_create(kind, object, &workload::TEMPLATE);
        let given = template_generation(object);
        object.set(&["metadata", "annotations", TEMPLATE_GENERATION], given.max(1).to_string());
    }

    fn prepare_update(&self, kind: &Kind, new: &mut Object, old: &Object) {
        workload::prepare_update(kind, new, old, &workload::TEMPLATE);
        let changed = new.at(&["spec", "template"]) != old.at(&["spec", "template"]);
        let generation = template_generation(old) + i64::from(changed);
        new.set(&["metadata", "annotations", TEMPLATE_GENERATION], generation.to_string());
    }

    fn prepare_subresource_update(&self, _kind: &Kind, subresource: &str, new: &mut Object, old: &Object) {
        if subresource == "status" {
            strategy::keep_all_but_status(new, old);
            new.set(&["metadata", "annotations", TEMPLATE_GENERATION], template_generation(old).to_string());
        }
    }

    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        let (path, spec) = (field::Path::root("spec"), object.at(&["spec"]).unwrap_or(&Value::Null));
        let mut errors = workload::selector_template(&path, spec, "daemonset", workload::Owner::DaemonSet);
        errors.extend(workload::seconds(&path, spec));
        errors.extend(rollout::daemon_set_strategy(&path.child("updateStrategy"), &spec["updateStrategy"]));
        errors
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
        if subresource == "status" { workload::daemon_set_status(new) } else { Vec::new() }
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        let status = |key: &str| json!(object.int_at(&["status", key]).unwrap_or_default());
        let (names, images) = print::containers_and_images(object.at(&["spec", "template", "spec"]));
        vec![
            json!(object.name()),
            status("desiredNumberScheduled"),
            status("currentNumberScheduled"),
            status("numberReady"),
            status("updatedNumberScheduled"),
            status("numberAvailable"),
            json!(print::labels(object.at(&["spec", "template", "spec", "nodeSelector"]))),
            json!(print::age(object, now)),
            json!(names),
            json!(images),
            json!(print::selector(object.at(&["spec", "selector"]))),
        ]
    }

    fn annotations_of_versions(&self) -> &'static [&'static str] {
        &[TEMPLATE_GENERATION]
    }

    fn warnings(&self, _kind: &Kind, object: &Object, old: Option<&Object>) -> Vec<String> {
        pod_warnings::of_template(&["spec", "template"], object, old)
    }
}

/// Counts the template's changes; v1 shows it as this annotation only.
const TEMPLATE_GENERATION: &str = "deprecated.daemonset.template.generation";

fn template_generation(object: &Object) -> i64 {
    object.str_at(&["metadata", "annotations", TEMPLATE_GENERATION]).parse().unwrap_or_default()
}

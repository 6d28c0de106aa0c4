//! `apps/v1` Deployment.

use super::{rollout, workload};
use jiff::Timestamp;
use kubernel_meta::{Object, field};
use serde_json::{Value, json};

use crate::core::pod::spec_defaults;
use crate::descriptor::kind;
use crate::tree::{default_text, default_to, map_in};
use crate::{Kind, Strategy, print, strategy};

kind! {
    /// The descriptor of Deployment.
    pub static KIND = "apps", "v1", "Deployment";
    names: "deployments", "deployment", short ["deploy"], categories ["all"];
    definition: "io.k8s.api.apps.v1.Deployment";
    namespaced: true, source: Store, hash: "8aSe+NMegvE=";
    verbs: ALL;
    subresources: [
        "scale" as ("autoscaling", "v1", "Scale"): STATUS,
        "status": STATUS,
    ];
    columns: [
        "Name" name, "Ready" string, "Up-to-date" string, "Available" string, "Age" string,
        "Containers" string wide, "Images" string wide, "Selector" string wide,
    ];
    strategy: DeploymentStrategy;
}

/// What only Deployments know.
#[derive(Debug)]
pub struct DeploymentStrategy;

impl Strategy for DeploymentStrategy {
    fn default(&self, _kind: &Kind, object: &mut Object) {
        let spec = object.map_at_mut(&["spec"]);
        default_to(spec, "replicas", 1);
        default_to(spec, "revisionHistoryLimit", 10);
        default_to(spec, "progressDeadlineSeconds", 600);
        default_to(spec, "strategy", json!({}));
        if let Some(strategy) = map_in(spec, "strategy") {
            default_text(strategy, "type", "RollingUpdate");
            if strategy.get("type").and_then(Value::as_str) == Some("RollingUpdate") {
                default_to(strategy, "rollingUpdate", json!({}));
                if let Some(rolling) = map_in(strategy, "rollingUpdate") {
                    default_to(rolling, "maxUnavailable", "25%");
                    default_to(rolling, "maxSurge", "25%");
                }
            }
        }
        spec_defaults::pod_template(spec.entry("template").or_insert_with(|| json!({})));
    }

    fn counts_generation(&self) -> bool {
        true
    }

    fn prepare_create(&self, kind: &Kind, object: &mut Object) {
        workload::prepare_create(kind, object, &workload::TEMPLATE);
    }

    /// Annotations count as well: they carry what `kubectl rollout` needs to see observed.
    fn prepare_update(&self, kind: &Kind, new: &mut Object, old: &Object) {
        workload::prepare_update(kind, new, old, &workload::TEMPLATE);
        if new.generation() == old.generation() && !new.annotations().eq(old.annotations()) {
            new.set(&["metadata", "generation"], old.generation() + 1);
        }
    }

    fn prepare_subresource_update(&self, _kind: &Kind, subresource: &str, new: &mut Object, old: &Object) {
        if subresource == "status" {
            strategy::keep_all_but_status(new, old);
            strategy::copy_metadata(new, old, "labels");
        }
    }

    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        let (path, spec) = (field::Path::root("spec"), object.at(&["spec"]).unwrap_or(&Value::Null));
        let mut errors = workload::replicas_selector_template(&path, spec, "deployment", workload::Owner::Deployment);
        errors.extend(rollout::deployment_strategy(&path.child("strategy"), &spec["strategy"]));
        errors.extend(workload::seconds(&path, spec));
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
        old: &Object,
    ) -> Vec<field::Error> {
        if subresource == "status" { workload::deployment_status(new, old) } else { Vec::new() }
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        let status = |key: &str| object.int_at(&["status", key]).unwrap_or_default();
        let desired = object.int_at(&["spec", "replicas"]).unwrap_or_default();
        let (names, images) = print::containers_and_images(object.at(&["spec", "template", "spec"]));
        vec![
            json!(object.name()),
            json!(format!("{}/{desired}", status("readyReplicas"))),
            json!(status("updatedReplicas")),
            json!(status("availableReplicas")),
            json!(print::age(object, now)),
            json!(names),
            json!(images),
            json!(print::selector(object.at(&["spec", "selector"]))),
        ]
    }

    fn reset_fields(&self, kind: &Kind, subresource: &str) -> Vec<Vec<&'static str>> {
        match subresource {
            "status" => vec![vec!["spec"], vec!["metadata", "labels"]],
            _ => strategy::reset_fields(kind, subresource),
        }
    }

    fn warnings(&self, _kind: &Kind, object: &Object, old: Option<&Object>) -> Vec<String> {
        workload::warnings(object, old, &workload::TEMPLATE)
    }
}

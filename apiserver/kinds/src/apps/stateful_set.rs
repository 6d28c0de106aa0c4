//! `apps/v1` StatefulSet.

use super::{stateful_set_rules, workload};
use jiff::Timestamp;
use kubernel_meta::field::Path;
use kubernel_meta::{Object, field};
use serde_json::{Value, json};

use crate::core::pod::{spec_defaults, warnings as pod_warnings};
use crate::core::{persistent_volume_claim, persistent_volume_warnings};
use crate::descriptor::kind;
use crate::tree::{default_text, default_to, map_in, maps_in};
use crate::{Kind, Strategy, print, strategy};

kind! {
    /// The descriptor of StatefulSet.
    pub static KIND = "apps", "v1", "StatefulSet";
    names: "statefulsets", "statefulset", short ["sts"], categories ["all"];
    definition: "io.k8s.api.apps.v1.StatefulSet";
    namespaced: true, source: Store, hash: "H+vl74LkKdo=";
    verbs: ALL;
    subresources: [
        "scale" as ("autoscaling", "v1", "Scale"): STATUS,
        "status": STATUS,
    ];
    columns: [
        "Name" name, "Ready" string, "Age" string, "Containers" string wide, "Images" string wide,
    ];
    strategy: StatefulSetStrategy;
}

/// What only StatefulSets know.
#[derive(Debug)]
pub struct StatefulSetStrategy;

impl Strategy for StatefulSetStrategy {
    fn default(&self, _kind: &Kind, object: &mut Object) {
        let spec = object.map_at_mut(&["spec"]);
        default_text(spec, "podManagementPolicy", "OrderedReady");
        default_to(spec, "updateStrategy", json!({}));
        if let Some(strategy) = map_in(spec, "updateStrategy") {
            default_text(strategy, "type", "RollingUpdate");
            if strategy.get("type").and_then(Value::as_str) == Some("RollingUpdate") {
                default_to(strategy, "rollingUpdate", json!({}));
                if let Some(rolling) = map_in(strategy, "rollingUpdate") {
                    default_to(rolling, "partition", 0);
                }
            }
        }
        default_to(spec, "persistentVolumeClaimRetentionPolicy", json!({}));
        if let Some(policy) = map_in(spec, "persistentVolumeClaimRetentionPolicy") {
            default_text(policy, "whenDeleted", "Retain");
            default_text(policy, "whenScaled", "Retain");
        }
        default_to(spec, "replicas", 1);
        default_to(spec, "revisionHistoryLimit", 10);
        for claim in maps_in(spec, "volumeClaimTemplates") {
            default_text(claim, "apiVersion", "v1");
            default_text(claim, "kind", "PersistentVolumeClaim");
            persistent_volume_claim::claim_defaults(claim);
        }
        spec_defaults::pod_template(spec.entry("template").or_insert_with(|| json!({})));
    }

    fn counts_generation(&self) -> bool {
        true
    }

    fn prepare_create(&self, kind: &Kind, object: &mut Object) {
        drop_max_unavailable(object);
        workload::prepare_create(kind, object, &workload::TEMPLATE);
    }

    fn prepare_update(&self, kind: &Kind, new: &mut Object, old: &Object) {
        if old.at(&MAX_UNAVAILABLE).is_none() {
            drop_max_unavailable(new);
        }
        workload::prepare_update(kind, new, old, &workload::TEMPLATE);
    }

    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        stateful_set_rules::create(object)
    }

    fn validate_update(&self, _kind: &Kind, new: &Object, old: &Object) -> Vec<field::Error> {
        stateful_set_rules::update(new, old)
    }

    fn validate_subresource_update(
        &self,
        _: &Kind,
        subresource: &str,
        new: &Object,
        old: &Object,
    ) -> Vec<field::Error> {
        if subresource == "status" { stateful_set_rules::status(new, old) } else { Vec::new() }
    }

    fn validate_name(&self, name: &str, prefix: bool) -> Vec<String> {
        strategy::dns_label(name, prefix)
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        let ready = object.int_at(&["status", "readyReplicas"]).unwrap_or_default();
        let desired = object.int_at(&["spec", "replicas"]).unwrap_or_default();
        let (names, images) = print::containers_and_images(object.at(&["spec", "template", "spec"]));
        vec![
            json!(object.name()),
            json!(format!("{ready}/{desired}")),
            json!(print::age(object, now)),
            json!(names),
            json!(images),
        ]
    }

    fn warnings(&self, _kind: &Kind, object: &Object, old: Option<&Object>) -> Vec<String> {
        let mut warnings = pod_warnings::of_template(&["spec", "template"], object, old);
        for (at, claim) in object.list_at(&["spec", "volumeClaimTemplates"]).iter().enumerate() {
            let path = Path::root("spec").child("volumeClaimTemplates").index(at);
            // Upstream's path is another one for updates, and misspelt.
            let path = if old.is_some() { path.child("Spec") } else { path };
            let spec = claim.get("spec").unwrap_or(&Value::Null);
            warnings.extend(persistent_volume_warnings::of_claim_spec(&path, spec));
        }
        if object.int_at(&["spec", "revisionHistoryLimit"]).is_some_and(|limit| limit < 0) {
            warnings.push(
                "spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is \
                 recommended"
                    .to_owned(),
            );
        }
        warnings
    }
}

/// A field of a feature that is off in v1.36 by default.
const MAX_UNAVAILABLE: [&str; 4] = ["spec", "updateStrategy", "rollingUpdate", "maxUnavailable"];

fn drop_max_unavailable(object: &mut Object) {
    object.remove(&MAX_UNAVAILABLE);
}

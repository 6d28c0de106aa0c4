//! Rules of StatefulSets: their spec, what of it may change, and their status.

use kubernel_meta::field::{Error, Path};
use kubernel_meta::{Object, validation};
use serde_json::{Value, json};

use super::workload;
use crate::go_form;
use crate::tree::{items, set, text};
use crate::{core::persistent_volume_claim, validate};

/// The fields of the spec that may change.
const MUTABLE: [&str; 7] = [
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
];

/// What is wrong with a new StatefulSet.
pub(super) fn create(object: &Object) -> Vec<Error> {
    let (path, spec) = (Path::root("spec"), object.at(&["spec"]).unwrap_or(&Value::Null));
    let mut errors = Vec::new();
    match text(spec, "podManagementPolicy") {
        "" => errors.push(path.child("podManagementPolicy").required("")),
        "OrderedReady" | "Parallel" => {}
        other => errors.push(path.child("podManagementPolicy").invalid(other, "must be 'OrderedReady' or 'Parallel'")),
    }
    errors.extend(update_strategy(&path.child("updateStrategy"), spec.get("updateStrategy").unwrap_or(&Value::Null)));
    errors.extend(retention(&path.child("persistentVolumeClaimRetentionPolicy"), spec));
    errors.extend(validate::non_negative(&path.child("replicas"), spec.get("replicas")));
    errors.extend(validate::non_negative(&path.child("minReadySeconds"), spec.get("minReadySeconds")));
    let start = spec.pointer("/ordinals/start");
    errors.extend(validate::non_negative(&path.child("ordinals").child("start"), start));
    let service = text(spec, "serviceName");
    if !service.is_empty() {
        errors.extend(validate::texts(&path.child("serviceName"), service, validation::dns1123_label(service)));
    }
    for (at, claim) in items(spec, "volumeClaimTemplates").iter().enumerate() {
        let at = path.child("volumeClaimTemplates").index(at).child("spec");
        errors.extend(persistent_volume_claim::validate_spec(&at, claim.get("spec").unwrap_or(&Value::Null)));
    }
    if set(spec, "selector").is_none() {
        errors.push(path.child("selector").required(""));
    }
    let spec = with_claims_as_volumes(spec);
    errors.extend(workload::selector_template(&path, &spec, "statefulset", workload::Owner::StatefulSet));
    errors
}

/// The Pods get a volume for each claim, by its name.
fn with_claims_as_volumes(spec: &Value) -> Value {
    let mut spec = spec.clone();
    let claims = items(&spec, "volumeClaimTemplates").iter().map(|claim| {
        let name = claim.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
        json!({"name": name, "persistentVolumeClaim": {"claimName": "claim"}})
    });
    let claims: Vec<Value> = claims.collect();
    let Some(pod) = spec.pointer_mut("/template/spec").and_then(Value::as_object_mut) else { return spec };
    let named = |volume: &Value| claims.iter().any(|claim| text(claim, "name") == text(volume, "name"));
    let own = pod.get("volumes").and_then(Value::as_array).cloned().unwrap_or_default();
    let volumes: Vec<Value> = own.into_iter().filter(|volume| !named(volume)).chain(claims.iter().cloned()).collect();
    if !volumes.is_empty() {
        pod.insert("volumes".to_owned(), Value::Array(volumes));
    }
    spec
}

fn update_strategy(path: &Path, strategy: &Value) -> Vec<Error> {
    let rolling = set(strategy, "rollingUpdate");
    match text(strategy, "type") {
        "" => vec![path.required("")],
        "OnDelete" => rolling
            .map(|rolling| {
                let shown = go_form::compact("io.k8s.api.apps.v1.RollingUpdateStatefulSetStrategy", rolling);
                let at = path.child("rollingUpdate");
                at.invalid(rolling.clone(), "only allowed for updateStrategy 'RollingUpdate'").shown_as(shown)
            })
            .into_iter()
            .collect(),
        "RollingUpdate" => {
            let at = path.child("rollingUpdate").child("partition");
            validate::non_negative(&at, rolling.and_then(|rolling| rolling.get("partition"))).into_iter().collect()
        }
        _ => {
            let shown = go_form::compact("io.k8s.api.apps.v1.StatefulSetUpdateStrategy", strategy);
            vec![path.invalid(strategy.clone(), "must be 'RollingUpdate' or 'OnDelete'").shown_as(shown)]
        }
    }
}

fn retention(path: &Path, spec: &Value) -> Vec<Error> {
    let Some(policy) = set(spec, "persistentVolumeClaimRetentionPolicy") else { return Vec::new() };
    let wrong =
        ["whenDeleted", "whenScaled"].into_iter().filter(|key| !matches!(text(policy, key), "Retain" | "Delete"));
    wrong.map(|key| path.child(key).not_supported(text(policy, key), &["Delete", "Retain"])).collect()
}

/// What is wrong with a change of a StatefulSet.
pub(super) fn update(new: &Object, old: &Object) -> Vec<Error> {
    let mut errors = create(new);
    let fixed = |object: &Object| {
        let mut spec = object.map_at(&["spec"]).cloned().unwrap_or_default();
        spec.retain(|key, _| !MUTABLE.contains(&key.as_str()));
        spec
    };
    if fixed(new) != fixed(old) {
        errors.push(Path::root("spec").forbidden(
            "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', \
             'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
        ));
    }
    errors
}

/// What is wrong with a change of the status.
pub(super) fn status(new: &Object, old: &Object) -> Vec<Error> {
    let (path, status) = (Path::root("status"), new.at(&["status"]).unwrap_or(&Value::Null));
    let counts = ["readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas"];
    let mut errors = workload::non_negatives(&path, status, &["replicas"]);
    errors.extend(workload::non_negatives(&path, status, &counts));
    errors.extend(workload::non_negatives(&path, status, &["observedGeneration", "collisionCount"]));
    let too_many = "cannot be greater than status.replicas";
    errors.extend(workload::at_most(&path, status, &counts, "replicas", too_many));
    let not_ready = "cannot be greater than status.readyReplicas";
    errors.extend(workload::at_most(&path, status, &["availableReplicas"], "readyReplicas", not_ready));
    let collisions = |object: &Object| object.int_at(&["status", "collisionCount"]);
    if let (Some(before), now) = (collisions(old), collisions(new).unwrap_or_default())
        && now < before
    {
        errors.push(path.child("collisionCount").invalid(now, "cannot be decremented"));
    }
    errors
}

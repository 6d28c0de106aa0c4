//! What a kind's strategy takes from a client and what it does not: the lists are upstream's, by kind.

#![allow(clippy::unwrap_used, reason = "a test")]

use kubernel_kinds::{Kind, previews, registry};
use kubernel_meta::Object;
use serde_json::{Value, json};

/// Our own kinds are nobody else's to know.
const OWN_GROUP: &str = "kernel.kubernel.io";

/// A write to `status` changes no labels, annotations, finalizers and owners of these.
const STATUS_KEEPS_METADATA: [&str; 13] = [
    "APIService",
    "DeviceTaintRule",
    "FlowSchema",
    "PodCertificateRequest",
    "PodGroup",
    "PriorityLevelConfiguration",
    "ResourceClaim",
    "ResourcePoolStatusRequest",
    "ServiceCIDR",
    "StorageVersion",
    "StorageVersionMigration",
    "ValidatingAdmissionPolicy",
    "VolumeAttachment",
];

/// A PUT of these must say which version it replaces.
const NO_UNCONDITIONAL_UPDATE: [&str; 22] = [
    "APIService",
    "CSIDriver",
    "CSINode",
    "CSIStorageCapacity",
    "ClusterTrustBundle",
    "CustomResourceDefinition",
    "Lease",
    "LeaseCandidate",
    "MutatingAdmissionPolicy",
    "MutatingAdmissionPolicyBinding",
    "MutatingWebhookConfiguration",
    "PodCertificateRequest",
    "PodDisruptionBudget",
    "ResourcePoolStatusRequest",
    "RuntimeClass",
    "StorageVersion",
    "StorageVersionMigration",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration",
    "VolumeAttachment",
    "VolumeAttributesClass",
];

/// A PUT of these makes what is not there.
const CREATED_ON_UPDATE: [&str; 6] = ["Endpoints", "Event", "Lease", "LeaseCandidate", "LimitRange", "Service"];

/// A new object of these may say its status.
const STATUS_ON_CREATE: [&str; 1] = ["Node"];

/// The kinds of which this is true, each once.
fn those(is: impl Fn(&Kind) -> bool) -> Vec<String> {
    let all = registry::all().iter().copied().chain(previews::all().iter().map(|preview| preview.kind));
    let found = all.filter(|kind| kind.group != OWN_GROUP && is(kind)).map(|kind| kind.kind.to_string());
    let mut found: Vec<String> = found.collect();
    found.sort();
    found.dedup();
    found
}

fn object(kind: &Kind, more: Value) -> Object {
    let mut value = json!({ "apiVersion": kind.api_version(), "kind": kind.kind, "metadata": { "name": "a" } });
    for (field, part) in more.as_object().unwrap() {
        value[field] = part.clone();
    }
    Object::from_value(value).unwrap()
}

#[test]
fn what_a_write_to_status_keeps() {
    let keeps = |kind: &Kind| {
        let mut new = object(kind, json!({ "metadata": { "name": "a", "annotations": { "l": "new" } } }));
        let old = object(kind, json!({ "metadata": { "name": "a", "annotations": { "l": "old" } } }));
        kind.strategy.prepare_subresource_update(kind, "status", &mut new, &old);
        new.annotations().any(|annotation| annotation == ("l", "old"))
    };
    assert_eq!(those(|kind| kind.subresource("status").is_some() && keeps(kind)), STATUS_KEEPS_METADATA);
}

#[test]
fn what_a_put_need_not_say() {
    assert_eq!(those(|kind| !kind.strategy.allow_unconditional_update()), NO_UNCONDITIONAL_UPDATE);
    assert_eq!(those(|kind| kind.strategy.allow_create_on_update()), CREATED_ON_UPDATE);
}

#[test]
fn what_a_new_object_does_not_say() {
    let takes = |kind: &Kind| {
        let mut object = object(kind, json!({ "status": { "made": "up" } }));
        kind.strategy.prepare_create(kind, &mut object);
        object.str_at(&["status", "made"]) == "up"
    };
    assert_eq!(those(|kind| kind.subresource("status").is_some() && takes(kind)), STATUS_ON_CREATE);
}

#[test]
fn accounts_name_secrets() {
    let kind = registry::find("", "v1", "serviceaccounts").unwrap();
    let said = json!({ "secrets": [{ "kind": "Secret", "namespace": "n", "name": "a", "uid": "u" }, { "uid": "u" }] });
    let (mut new, mut changed) = (object(kind, said.clone()), object(kind, said));
    kind.strategy.prepare_create(kind, &mut new);
    kind.strategy.prepare_update(kind, &mut changed, &new);
    for object in [new, changed] {
        assert_eq!(object.at(&["secrets"]), Some(&json!([{ "name": "a" }, {}])));
    }
}

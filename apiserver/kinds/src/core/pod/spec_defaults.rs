//! Defaults of a pod spec wherever one appears, in Pods and in the templates of workloads. Those of Pods alone are in
//! [`super::defaults`].

use serde_json::{Map, Value, json};

use super::{amounts, image};
use crate::tree::{default_text, default_to, map_in, maps_in};

type Tree = Map<String, Value>;

/// The container lists of a pod spec.
pub const CONTAINER_LISTS: [&str; 3] = ["initContainers", "containers", "ephemeralContainers"];

const FILE_MODE: i32 = 0o644;
const TOKEN_EXPIRATION_SECS: i64 = 3600;

/// Fills in the defaults of the pod spec in a template (`metadata`, `spec`).
pub fn pod_template(template: &mut Value) {
    let Some(template) = template.as_object_mut() else { return };
    template.entry("spec").or_insert_with(|| json!({}));
    if let Some(spec) = map_in(template, "spec") {
        pod_spec(spec);
    }
}

/// Fills in the defaults of a pod spec.
pub fn pod_spec(spec: &mut Tree) {
    default_text(spec, "dnsPolicy", "ClusterFirst");
    default_text(spec, "restartPolicy", "Always");
    default_to(spec, "securityContext", json!({}));
    default_to(spec, "terminationGracePeriodSeconds", 30);
    default_text(spec, "schedulerName", "default-scheduler");
    service_account_alias(spec);
    for volume in maps_in(spec, "volumes") {
        volume_defaults(volume);
    }
    for list in CONTAINER_LISTS {
        for container in maps_in(spec, list) {
            container_defaults(container);
        }
    }
    if let Some(resources) = map_in(spec, "resources") {
        resource_lists(resources);
    }
    if let Some(overhead) = map_in(spec, "overhead") {
        round_up(overhead);
    }
}

/// `serviceAccount` is the old name of `serviceAccountName`; both are always written, with the new name's value where
/// both are given.
fn service_account_alias(spec: &mut Tree) {
    let text = |key: &str| spec.get(key).and_then(Value::as_str).unwrap_or_default();
    let name = if text("serviceAccountName").is_empty() { text("serviceAccount") } else { text("serviceAccountName") };
    if !name.is_empty() {
        let name = name.to_owned();
        spec.insert("serviceAccount".to_owned(), json!(name));
        spec.insert("serviceAccountName".to_owned(), json!(name));
    }
}

fn container_defaults(container: &mut Tree) {
    if container.get("imagePullPolicy").and_then(Value::as_str).unwrap_or_default().is_empty() {
        let image = container.get("image").and_then(Value::as_str).unwrap_or_default();
        container.insert("imagePullPolicy".to_owned(), json!(image::default_pull_policy(image)));
    }
    default_text(container, "terminationMessagePath", "/dev/termination-log");
    default_text(container, "terminationMessagePolicy", "File");
    for port in maps_in(container, "ports") {
        default_text(port, "protocol", "TCP");
    }
    for variable in maps_in(container, "env") {
        let Some(source) = map_in(variable, "valueFrom") else { continue };
        if let Some(field) = map_in(source, "fieldRef") {
            default_text(field, "apiVersion", "v1");
        }
        if let Some(key) = map_in(source, "fileKeyRef") {
            default_to(key, "optional", false);
        }
    }
    if let Some(resources) = map_in(container, "resources") {
        resource_lists(resources);
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(probe) = map_in(container, probe) {
            probe_defaults(probe);
        }
    }
    if let Some(lifecycle) = map_in(container, "lifecycle") {
        for hook in ["postStart", "preStop"] {
            if let Some(http) = map_in(lifecycle, hook).and_then(|hook| map_in(hook, "httpGet")) {
                http_get(http);
            }
        }
    }
}

fn probe_defaults(probe: &mut Tree) {
    for (key, value) in [("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3)]
    {
        if probe.get(key).and_then(Value::as_i64).unwrap_or_default() == 0 {
            probe.insert(key.to_owned(), json!(value));
        }
    }
    if let Some(http) = map_in(probe, "httpGet") {
        http_get(http);
    }
    if let Some(grpc) = map_in(probe, "grpc") {
        default_to(grpc, "service", "");
    }
}

fn http_get(http: &mut Tree) {
    default_text(http, "path", "/");
    default_text(http, "scheme", "HTTP");
}

/// Defaults of one entry of `spec.volumes`.
fn volume_defaults(volume: &mut Tree) {
    if volume.iter().all(|(key, value)| key == "name" || value.is_null()) {
        volume.insert("emptyDir".to_owned(), json!({}));
    }
    for source in ["secret", "configMap", "downwardAPI", "projected"] {
        if let Some(source) = map_in(volume, source) {
            default_to(source, "defaultMode", FILE_MODE);
            for item in maps_in(source, "items") {
                field_ref(item);
            }
        }
    }
    if let Some(projected) = map_in(volume, "projected") {
        for source in maps_in(projected, "sources") {
            if let Some(token) = map_in(source, "serviceAccountToken") {
                default_to(token, "expirationSeconds", TOKEN_EXPIRATION_SECS);
            }
            if let Some(downward) = map_in(source, "downwardAPI") {
                maps_in(downward, "items").for_each(field_ref);
            }
        }
    }
    if let Some(image) = map_in(volume, "image")
        && image.get("pullPolicy").and_then(Value::as_str).unwrap_or_default().is_empty()
    {
        let reference = image.get("reference").and_then(Value::as_str).unwrap_or_default();
        image.insert("pullPolicy".to_owned(), json!(image::default_pull_policy(reference)));
    }
    if let Some(host_path) = map_in(volume, "hostPath") {
        default_to(host_path, "type", "");
    }
    if let Some(claim) = map_in(volume, "ephemeral").and_then(|source| map_in(source, "volumeClaimTemplate"))
        && let Some(spec) = map_in(claim, "spec")
    {
        claim_spec(spec);
    }
    for (source, defaults) in NETWORK_VOLUMES {
        if let Some(source) = map_in(volume, source) {
            for (key, value) in *defaults {
                default_text(source, key, value);
            }
        }
    }
    if let Some(disk) = map_in(volume, "azureDisk") {
        default_to(disk, "readOnly", false);
    }
}

/// The textual defaults of the in-tree network volumes.
pub const NETWORK_VOLUMES: &[(&str, &[(&str, &str)])] = &[
    ("iscsi", &[("iscsiInterface", "default")]),
    ("rbd", &[("pool", "rbd"), ("user", "admin"), ("keyring", "/etc/ceph/keyring")]),
    ("azureDisk", &[("cachingMode", "ReadWrite"), ("fsType", "ext4"), ("kind", "Shared")]),
    ("scaleIO", &[("fsType", "xfs"), ("storageMode", "ThinProvisioned")]),
];

fn field_ref(item: &mut Tree) {
    if let Some(field) = map_in(item, "fieldRef") {
        default_text(field, "apiVersion", "v1");
    }
    if let Some(resource) = map_in(item, "resourceFieldRef") {
        default_to(resource, "divisor", "0");
    }
}

/// Fills in the defaults of a claim's spec.
pub fn claim_spec(spec: &mut Tree) {
    default_to(spec, "volumeMode", "Filesystem");
    if let Some(resources) = map_in(spec, "resources") {
        resource_lists(resources);
    }
}

fn resource_lists(resources: &mut Tree) {
    for list in ["limits", "requests"] {
        if let Some(list) = map_in(resources, list) {
            round_up(list);
        }
    }
}

/// Rounds the quantities of a resource list up to thousandths, as upstream keeps them.
pub fn round_up(list: &mut Tree) {
    for quantity in list.values_mut() {
        let fine = quantity.as_str().is_some_and(|text| text.contains(['n', 'u', 'e', '.']));
        if let Some(amount) = fine.then(|| amounts::quantity(quantity)).flatten() {
            *quantity = json!(amount.rounded_up_to_milli().to_string());
        }
    }
}

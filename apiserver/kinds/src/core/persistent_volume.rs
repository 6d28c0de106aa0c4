//! `v1` PersistentVolume.

use super::persistent_volume_claim::{access_modes, class};
use super::{persistent_volume_rules, persistent_volume_warnings};
use jiff::Timestamp;
use kubernel_meta::{Object, field};
use serde_json::{Value, json};

use crate::core::pod::spec_defaults::{NETWORK_VOLUMES, round_up};
use crate::descriptor::kind;
use crate::strategy;
use crate::tree::{default_text, default_to, map_in};
use crate::{Kind, Strategy, print};

kind! {
    /// The descriptor of PersistentVolume.
    pub static KIND = "", "v1", "PersistentVolume";
    names: "persistentvolumes", "persistentvolume", short ["pv"], categories [];
    definition: "io.k8s.api.core.v1.PersistentVolume";
    namespaced: false, source: Store, hash: "HN/zwEC+JgM=";
    verbs: ALL;
    subresources: [
        "status": STATUS,
    ];
    columns: [
        "Name" name, "Capacity" string, "Access Modes" string, "Reclaim Policy" string, "Status" string,
        "Claim" string, "StorageClass" string, "VolumeAttributesClass" string, "Reason" string, "Age" string,
        "VolumeMode" string wide,
    ];
    strategy: PersistentVolumeStrategy;
}

/// What only PersistentVolumes know.
#[derive(Debug)]
pub struct PersistentVolumeStrategy;

impl Strategy for PersistentVolumeStrategy {
    fn default(&self, _kind: &Kind, object: &mut Object) {
        let spec = object.map_at_mut(&["spec"]);
        default_text(spec, "persistentVolumeReclaimPolicy", "Retain");
        default_to(spec, "volumeMode", "Filesystem");
        if let Some(host_path) = map_in(spec, "hostPath") {
            default_to(host_path, "type", "");
        }
        if let Some(capacity) = map_in(spec, "capacity") {
            round_up(capacity);
        }
        for (source, defaults) in NETWORK_VOLUMES {
            if let Some(source) = map_in(spec, source) {
                for (key, value) in *defaults {
                    default_text(source, key, value);
                }
            }
        }
        if let Some(disk) = map_in(spec, "azureDisk") {
            default_to(disk, "readOnly", false);
        }
        default_text(object.map_at_mut(&["status"]), "phase", "Pending");
    }

    fn prepare_create(&self, kind: &Kind, object: &mut Object) {
        strategy::prepare_create(kind, object);
        let created = object.at(&["metadata", "creationTimestamp"]).cloned().unwrap_or_default();
        object.set(&["status"], json!({"phase": "Pending", "lastPhaseTransitionTime": created}));
    }

    /// When the phase changed, unless its author says so.
    fn stamp(&self, subresource: &str, new: &mut Object, old: &Object, now: Timestamp) {
        const SINCE: [&str; 2] = ["status", "lastPhaseTransitionTime"];
        if subresource != "status" {
            return;
        }
        let (said, before) = (new.str_at(&SINCE), old.str_at(&SINCE));
        if new.str_at(&["status", "phase"]) != old.str_at(&["status", "phase"]) {
            if said.is_empty() || said == before {
                new.set(&SINCE, kubernel_meta::time::format(now));
            }
        } else if said.is_empty() && !before.is_empty() {
            new.set(&SINCE, before);
        }
    }

    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        persistent_volume_rules::create(object)
    }

    fn validate_update(&self, _kind: &Kind, new: &Object, old: &Object) -> Vec<field::Error> {
        persistent_volume_rules::update(new, old)
    }

    fn warnings(&self, _kind: &Kind, object: &Object, _old: Option<&Object>) -> Vec<String> {
        persistent_volume_warnings::of(object)
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        let spec = |field: &str| object.str_at(&["spec", field]);
        let claim = object.map_at(&["spec", "claimRef"]).map_or(String::new(), |_| {
            let part = |field: &str| object.str_at(&["spec", "claimRef", field]);
            format!("{}/{}", part("namespace"), part("name"))
        });
        let terminating = object.deletion_timestamp().is_some();
        let phase = if terminating { "Terminating" } else { object.str_at(&["status", "phase"]) };
        let capacity = object.str_at(&["spec", "capacity", "storage"]);
        vec![
            json!(object.name()),
            json!(if capacity.is_empty() { "0" } else { capacity }),
            json!(access_modes(object.list_at(&["spec", "accessModes"]))),
            json!(spec("persistentVolumeReclaimPolicy")),
            json!(phase),
            json!(claim),
            json!(class(object)),
            json!(unset(spec("volumeAttributesClassName"))),
            json!(object.str_at(&["status", "reason"])),
            json!(print::age(object, now)),
            json!(unset(spec("volumeMode"))),
        ]
    }
}

fn unset(text: &str) -> &str {
    if text.is_empty() { "<unset>" } else { text }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]

    use super::*;

    #[test]
    fn times_of_phases() {
        let volume = |phase: &str, since: Option<&str>| {
            let status = json!({"phase": phase, "lastPhaseTransitionTime": since});
            Object::from_value(json!({"apiVersion": "v1", "kind": "PersistentVolume", "status": status})).unwrap()
        };
        let (before, own, now) = ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z");
        for (phase, said, wanted) in [
            ("Available", None, before),
            ("Available", Some(own), own),
            ("Bound", None, now),
            ("Bound", Some(before), now),
            ("Bound", Some(own), own),
        ] {
            let mut new = volume(phase, said);
            PersistentVolumeStrategy.stamp(
                "status",
                &mut new,
                &volume("Available", Some(before)),
                now.parse().unwrap(),
            );
            assert_eq!(new.str_at(&["status", "lastPhaseTransitionTime"]), wanted, "{phase} {said:?}");
        }
    }
}

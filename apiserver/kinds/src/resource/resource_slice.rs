//! `resource.k8s.io/v1` ResourceSlice.

use jiff::Timestamp;
use kubernel_meta::{Object, field, time};
use serde_json::{Value, json};

use super::{disabled, rules, slice_rules};
use crate::descriptor::kind;
use crate::tree::maps_in;
use crate::{Kind, Strategy, print, strategy};

kind! {
    /// The descriptor of ResourceSlice.
    pub static KIND = "resource.k8s.io", "v1", "ResourceSlice";
    names: "resourceslices", "resourceslice", short [], categories [];
    definition: "io.k8s.api.resource.v1.ResourceSlice";
    namespaced: false, source: Store, hash: "KsC072WgaEY=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Name" name, "Node" string, "Driver" string, "Pool" string, "Age" string,
    ];
    strategy: ResourceSliceStrategy;
}

/// What only ResourceSlices know.
#[derive(Debug)]
pub struct ResourceSliceStrategy;

impl Strategy for ResourceSliceStrategy {
    fn prepare_create(&self, kind: &Kind, object: &mut Object) {
        strategy::prepare_create(kind, object);
        disabled::drop(object, None);
        let created = object.str_at(&["metadata", "creationTimestamp"]).to_owned();
        stamp_taints(object, &created);
    }

    /// The generation counts what was asked for, whether or not it is dropped.
    fn prepare_update(&self, kind: &Kind, new: &mut Object, old: &Object) {
        strategy::prepare_update(kind, new, old);
        disabled::drop(new, Some(old));
    }

    fn stamp(&self, _subresource: &str, new: &mut Object, _old: &Object, now: Timestamp) {
        stamp_taints(new, &time::format(now));
    }

    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        slice_rules::slice(object, None)
    }

    fn validate_update(&self, _kind: &Kind, new: &Object, old: &Object) -> Vec<field::Error> {
        slice_rules::slice(new, Some(old))
    }

    fn warnings(&self, _kind: &Kind, object: &Object, _old: Option<&Object>) -> Vec<String> {
        let driver = object.str_at(&["spec", "driver"]);
        let text =
            || format!("spec.driver: driver names should be lowercase; {driver:?} contains uppercase characters");
        (driver.to_lowercase() != driver).then(text).into_iter().collect()
    }

    fn counts_generation(&self) -> bool {
        true
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        let spec = |path: &[&str]| json!(object.str_at(path));
        let node = object.str_at(&["spec", "nodeName"]);
        vec![
            json!(object.name()),
            json!(node),
            spec(&["spec", "driver"]),
            spec(&["spec", "pool", "name"]),
            json!(print::age(object, now)),
        ]
    }

    fn unknown_field(&self, field: &str) -> String {
        format!("field label not supported for resource.k8s.io/v1, Kind=ResourceSlice: {field}")
    }

    fn selectable_fields(&self) -> Vec<&str> {
        vec!["spec.nodeName", "spec.driver"]
    }

    fn field_values(&self, object: &Object) -> Vec<String> {
        ["nodeName", "driver"].map(|field| object.str_at(&["spec", field]).to_owned()).to_vec()
    }
}

fn stamp_taints(slice: &mut Object, now: &str) {
    if slice.list_at(&["spec", "devices"]).iter().any(|device| device.get("taints").is_some()) {
        for device in maps_in(slice.map_at_mut(&["spec"]), "devices") {
            maps_in(device, "taints").for_each(|taint| rules::stamp(taint, now));
        }
    }
}

//! `events.k8s.io/v1` Event.

use super::{cells, rules};
use jiff::Timestamp;
use kubernel_meta::{Object, field};
use serde_json::Value;

use crate::descriptor::kind;
use crate::{Kind, StoredAs, Strategy};

kind! {
    /// The descriptor of Event.
    pub static KIND = "events.k8s.io", "v1", "Event";
    names: "events", "event", short ["ev"], categories [];
    definition: "io.k8s.api.events.v1.Event";
    namespaced: true, source: Store, hash: "r2yiGXH7wu8=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Last Seen" string, "Type" string, "Reason" string, "Object" string, "Subobject" string wide,
        "Source" string wide, "Message" string, "First Seen" string wide, "Count" string wide, "Name" name wide,
    ];
    stored: STORED_AS;
    strategy: EventStrategy;
}

/// What only Events of their own group know. They are core Events in other words.
#[derive(Debug)]
pub struct EventStrategy;

impl Strategy for EventStrategy {
    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        rules::create(&as_core(object))
    }

    fn validate_update(&self, _kind: &Kind, new: &Object, old: &Object) -> Vec<field::Error> {
        rules::update(&as_core(new), &as_core(old))
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        cells::cells(&as_core(object), now)
    }

    fn selectable_fields(&self) -> Vec<&str> {
        vec![
            "regarding.kind",
            "regarding.namespace",
            "regarding.name",
            "regarding.uid",
            "regarding.apiVersion",
            "regarding.resourceVersion",
            "regarding.fieldPath",
            "reason",
            "reportingController",
            "deprecatedSource",
            "type",
        ]
    }

    fn field_values(&self, object: &Object) -> Vec<String> {
        cells::field_values(&as_core(object))
    }

    fn allow_create_on_update(&self) -> bool {
        true
    }
}

/// Core Events are the stored form.
static STORED_AS: StoredAs =
    StoredAs { group: "", version: "v1", plural: "events", to_stored: to_core, from_stored: from_core };

/// The fields of both versions that mean the same: core's name, ours.
const RENAMED: [(&str, &str); 7] = [
    ("message", "note"),
    ("involvedObject", "regarding"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
    ("reportingComponent", "reportingController"),
];

fn to_core(object: &mut Object) {
    rename(object, RENAMED.map(|(core, ours)| (ours, core)));
    object.set(&["apiVersion"], "v1");
    for (field, zero) in ZEROS {
        object.map_mut().entry(*field).or_insert_with(zero);
    }
}

fn from_core(object: &mut Object) {
    rename(object, RENAMED);
    object.set(&["apiVersion"], "events.k8s.io/v1");
    for field in ["note", "reportingController", "reportingInstance", "regarding"] {
        let empty = match object.at(&[field]) {
            Some(Value::String(text)) => text.is_empty(),
            Some(Value::Object(map)) => map.is_empty() && field != "regarding",
            _ => false,
        };
        if empty {
            object.remove(&[field]);
        }
    }
}

/// Makes a zero value.
type Zero = fn() -> Value;

/// What core always writes.
const ZEROS: &[(&str, Zero)] = &[
    ("source", || Value::Object(serde_json::Map::new())),
    ("firstTimestamp", || Value::Null),
    ("lastTimestamp", || Value::Null),
    ("eventTime", || Value::Null),
    ("reportingComponent", || Value::from("")),
    ("reportingInstance", || Value::from("")),
];

fn as_core(object: &Object) -> Object {
    let mut core = object.clone();
    to_core(&mut core);
    core
}

fn rename(object: &mut Object, pairs: [(&str, &str); 7]) {
    for (from, to) in pairs {
        if let Some(value) = object.map_mut().remove(from) {
            object.map_mut().insert(to.to_owned(), value);
        }
    }
}

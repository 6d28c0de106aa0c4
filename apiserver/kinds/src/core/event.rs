//! `v1` Event.

use jiff::Timestamp;
use kubernel_meta::{Object, field};
use serde_json::Value;

use crate::descriptor::kind;
use crate::events::{cells, rules};
use crate::{Kind, Strategy};

kind! {
    /// The descriptor of Event.
    pub static KIND = "", "v1", "Event";
    names: "events", "event", short ["ev"], categories [];
    definition: "io.k8s.api.core.v1.Event";
    namespaced: true, source: Store, hash: "r2yiGXH7wu8=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Last Seen" string, "Type" string, "Reason" string, "Object" string, "Subobject" string wide,
        "Source" string wide, "Message" string, "First Seen" string wide, "Count" string wide, "Name" name wide,
    ];
    strategy: EventStrategy;
}

/// What only core Events know.
#[derive(Debug)]
pub struct EventStrategy;

impl Strategy for EventStrategy {
    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        rules::legacy(object)
    }

    fn validate_update(&self, _kind: &Kind, new: &Object, _old: &Object) -> Vec<field::Error> {
        rules::legacy(new)
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        cells::cells(object, now)
    }

    fn selectable_fields(&self) -> Vec<&str> {
        vec![
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ]
    }

    fn field_values(&self, object: &Object) -> Vec<String> {
        cells::field_values(object)
    }

    fn allow_create_on_update(&self) -> bool {
        true
    }
}

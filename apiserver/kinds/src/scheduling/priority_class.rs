//! `scheduling.k8s.io/v1` PriorityClass.

use jiff::Timestamp;
use kubernel_meta::{Object, field};
use serde_json::{Value, json};

use crate::descriptor::kind;
use crate::tree::default_to;
use crate::{Kind, Strategy, print};
use crate::{strategy, validate};

kind! {
    /// The descriptor of PriorityClass.
    pub static KIND = "scheduling.k8s.io", "v1", "PriorityClass";
    names: "priorityclasses", "priorityclass", short ["pc"], categories [];
    definition: "io.k8s.api.scheduling.v1.PriorityClass";
    namespaced: false, source: Store, hash: "1QwjyaZjj3Y=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Name" name, "Value" integer, "Global-Default" boolean, "Age" string, "PreemptionPolicy" string,
    ];
    strategy: PriorityClassStrategy;
}

/// What only PriorityClasses know.
#[derive(Debug)]
pub struct PriorityClassStrategy;

impl Strategy for PriorityClassStrategy {
    fn default(&self, _kind: &Kind, object: &mut Object) {
        let map = object.map_mut();
        default_to(map, "preemptionPolicy", "PreemptLowerPriority");
        default_to(map, "value", 0);
        if map.get("globalDefault") == Some(&Value::Bool(false)) {
            map.remove("globalDefault");
        }
    }

    /// The generation starts at 1 and stays there.
    fn prepare_create(&self, kind: &Kind, object: &mut Object) {
        strategy::prepare_create(kind, object);
        object.set(&["metadata", "generation"], 1);
    }

    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        let (name, value) = (object.name(), object.int_at(&["value"]).unwrap_or_default());
        let mut errors = Vec::new();
        match SYSTEM.iter().find(|(system, _)| *system == name) {
            Some((_, fixed)) if *fixed != value => {
                let message = format!("is reserved for system use and must have the value {fixed}");
                errors.push(field::Path::root("value").forbidden(message));
            }
            Some(_) => {}
            None if name.starts_with("system-") => {
                let message = "priority class names with 'system-' prefix are reserved for system use only. error: \
                               only the following names are allowed as a system priority class: \
                               [system-cluster-critical system-node-critical]";
                errors.push(field::Path::root("metadata").child("name").forbidden(message));
            }
            None if value > USER_VALUE_MAX => {
                let message = format!("maximum allowed value of a user defined priority is {USER_VALUE_MAX}");
                errors.push(field::Path::root("value").forbidden(message));
            }
            None => {}
        }
        match object.str_at(&["preemptionPolicy"]) {
            "" => errors.push(field::Path::root("preemptionPolicy").required("")),
            "PreemptLowerPriority" | "Never" => {}
            other => errors
                .push(field::Path::root("preemptionPolicy").not_supported(other, &["PreemptLowerPriority", "Never"])),
        }
        errors
    }

    fn validate_update(&self, _kind: &Kind, new: &Object, old: &Object) -> Vec<field::Error> {
        let mut errors = Vec::new();
        if new.int_at(&["value"]) != old.int_at(&["value"]) {
            errors.push(field::Path::root("value").forbidden("may not be changed in an update."));
        }
        let path = field::Path::root("preemptionPolicy");
        errors.extend(validate::immutable(&path, new.at(&["preemptionPolicy"]), old.at(&["preemptionPolicy"])));
        errors
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        vec![
            json!(object.name()),
            json!(object.int_at(&["value"]).unwrap_or_default()),
            json!(object.at(&["globalDefault"]).and_then(Value::as_bool).unwrap_or_default()),
            json!(print::age(object, now)),
            json!(object.str_at(&["preemptionPolicy"])),
        ]
    }
}

/// The classes that the system brings along, and their values.
pub const SYSTEM: [(&str, i64); 2] =
    [("system-node-critical", 2_000_001_000), ("system-cluster-critical", 2_000_000_000)];

/// The highest value that users may give.
pub const USER_VALUE_MAX: i64 = 1_000_000_000;

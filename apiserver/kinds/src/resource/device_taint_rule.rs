//! `resource.k8s.io/v1beta2` DeviceTaintRule: taints devices whatever their drivers say.

use jiff::Timestamp;
use kubernel_meta::{Object, field, time};
use serde_json::{Value, json};

use super::rules;
use crate::descriptor::kind;
use crate::{Kind, Strategy, print, strategy};

kind! {
    /// The descriptor of DeviceTaintRule.
    pub static KIND = "resource.k8s.io", "v1beta2", "DeviceTaintRule";
    names: "devicetaintrules", "devicetaintrule", short [], categories [];
    definition: "io.k8s.api.resource.v1beta2.DeviceTaintRule";
    namespaced: false, source: Store, hash: "i+85+TcIKpA=";
    verbs: ALL;
    subresources: [
        "status": STATUS,
    ];
    columns: [
        "Name" name, "Age" string,
    ];
    strategy: DeviceTaintRuleStrategy;
}

/// What only DeviceTaintRules know.
#[derive(Debug)]
pub struct DeviceTaintRuleStrategy;

impl Strategy for DeviceTaintRuleStrategy {
    fn counts_generation(&self) -> bool {
        true
    }

    fn prepare_create(&self, kind: &Kind, object: &mut Object) {
        strategy::prepare_create(kind, object);
        let created = object.str_at(&["metadata", "creationTimestamp"]).to_owned();
        rules::stamp(object.map_at_mut(&["spec", "taint"]), &created);
    }

    /// Another effect counts from when it is written.
    fn stamp(&self, subresource: &str, new: &mut Object, old: &Object, now: Timestamp) {
        if !subresource.is_empty() {
            return;
        }
        let [effect, added] = [["spec", "taint", "effect"], ["spec", "taint", "timeAdded"]];
        if new.at(&effect) != old.at(&effect) && new.at(&added) == old.at(&added) {
            new.remove(&added);
        }
        rules::stamp(new.map_at_mut(&["spec", "taint"]), &time::format(now));
    }

    fn status_keeps_metadata(&self) -> bool {
        true
    }

    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        rules::taint_rule(object)
    }

    fn validate_subresource_update(&self, _: &Kind, _sub: &str, new: &Object, _old: &Object) -> Vec<field::Error> {
        rules::taint_rule_status(new)
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        vec![json!(object.name()), json!(print::age(object, now))]
    }
}

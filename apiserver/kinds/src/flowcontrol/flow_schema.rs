//! `flowcontrol.apiserver.k8s.io/v1` FlowSchema.

use super::rules;
use jiff::Timestamp;
use kubernel_meta::{Object, field};
use serde_json::{Value, json};

use crate::descriptor::kind;
use crate::tree::{condition, text};
use crate::{Kind, Strategy, print};

kind! {
    /// The descriptor of FlowSchema.
    pub static KIND = "flowcontrol.apiserver.k8s.io", "v1", "FlowSchema";
    names: "flowschemas", "flowschema", short [], categories [];
    definition: "io.k8s.api.flowcontrol.v1.FlowSchema";
    namespaced: false, source: Store, hash: "GJVAJZSZBIw=";
    verbs: ALL;
    subresources: [
        "status": STATUS,
    ];
    columns: [
        "Name" name, "PriorityLevel" string, "MatchingPrecedence" string, "DistinguisherMethod" string,
        "Age" string, "MissingPL" string,
    ];
    strategy: FlowSchemaStrategy;
}

/// What only FlowSchemas know.
#[derive(Debug)]
pub struct FlowSchemaStrategy;

impl Strategy for FlowSchemaStrategy {
    fn default(&self, _kind: &Kind, object: &mut Object) {
        if object.int_at(&["spec", "matchingPrecedence"]).unwrap_or_default() == 0 {
            object.set(&["spec", "matchingPrecedence"], 1000);
        }
    }

    fn counts_generation(&self) -> bool {
        true
    }

    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        rules::flow_schema(object)
    }

    fn validate_subresource_update(&self, _: &Kind, _sub: &str, new: &Object, _old: &Object) -> Vec<field::Error> {
        rules::status(new)
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        let method = object.str_at(&["spec", "distinguisherMethod", "type"]);
        let dangling = condition(object.list_at(&["status", "conditions"]), "Dangling");
        vec![
            json!(object.name()),
            json!(object.str_at(&["spec", "priorityLevelConfiguration", "name"])),
            json!(object.int_at(&["spec", "matchingPrecedence"]).unwrap_or_default()),
            json!(if method.is_empty() { "<none>" } else { method }),
            json!(print::age(object, now)),
            json!(dangling.map_or("?", |dangling| text(dangling, "status"))),
        ]
    }

    fn status_keeps_metadata(&self) -> bool {
        true
    }
}

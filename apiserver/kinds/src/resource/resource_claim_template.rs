//! `resource.k8s.io/v1` ResourceClaimTemplate.

use super::{claim_rules, defaults};
use jiff::Timestamp;
use kubernel_meta::{Object, field};
use serde_json::{Value, json};

use crate::descriptor::kind;
use crate::{Kind, Strategy, print};

kind! {
    /// The descriptor of ResourceClaimTemplate.
    pub static KIND = "resource.k8s.io", "v1", "ResourceClaimTemplate";
    names: "resourceclaimtemplates", "resourceclaimtemplate", short [], categories [];
    definition: "io.k8s.api.resource.v1.ResourceClaimTemplate";
    namespaced: true, source: Store, hash: "TuzjC49aUfM=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Name" name, "Age" string,
    ];
    strategy: ResourceClaimTemplateStrategy;
}

/// What only ResourceClaimTemplates know.
#[derive(Debug)]
pub struct ResourceClaimTemplateStrategy;

impl Strategy for ResourceClaimTemplateStrategy {
    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        claim_rules::template(object)
    }

    fn validate_update(&self, _kind: &Kind, new: &Object, old: &Object) -> Vec<field::Error> {
        claim_rules::template_update(new, old)
    }

    fn default(&self, _kind: &Kind, object: &mut Object) {
        defaults::claim_spec(object.map_at_mut(&["spec", "spec"]));
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        vec![json!(object.name()), json!(print::age(object, now))]
    }
}

//! `resource.k8s.io/v1` ResourceClaim.

use super::{claim_rules, defaults, status_rules};
use jiff::Timestamp;
use kubernel_meta::{Object, field};
use serde_json::{Value, json};

use crate::descriptor::kind;
use crate::{Kind, Strategy, print, strategy};

kind! {
    /// The descriptor of ResourceClaim.
    pub static KIND = "resource.k8s.io", "v1", "ResourceClaim";
    names: "resourceclaims", "resourceclaim", short [], categories [];
    definition: "io.k8s.api.resource.v1.ResourceClaim";
    namespaced: true, source: Store, hash: "wgAZaHcZxUg=";
    verbs: ALL;
    subresources: [
        "status": STATUS,
    ];
    columns: [
        "Name" name, "State" string, "Age" string,
    ];
    strategy: ResourceClaimStrategy;
}

/// What only ResourceClaims know.
#[derive(Debug)]
pub struct ResourceClaimStrategy;

impl Strategy for ResourceClaimStrategy {
    fn prepare_subresource_update(&self, kind: &Kind, subresource: &str, new: &mut Object, old: &Object) {
        strategy::prepare_subresource_update(kind, subresource, new, old);
        status_rules::drop_deallocated(new, old);
    }

    fn status_keeps_metadata(&self) -> bool {
        true
    }

    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        claim_rules::claim_spec(&field::Path::root("spec"), object.at(&["spec"]).unwrap_or(&Value::Null))
    }

    fn validate_update(&self, _kind: &Kind, new: &Object, old: &Object) -> Vec<field::Error> {
        claim_rules::claim_update(new, old)
    }

    fn validate_subresource_update(&self, _: &Kind, _sub: &str, new: &Object, old: &Object) -> Vec<field::Error> {
        status_rules::claim_status(new, old)
    }

    fn default(&self, _kind: &Kind, object: &mut Object) {
        defaults::claim_spec(object.map_at_mut(&["spec"]));
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        vec![json!(object.name()), json!(state(object)), json!(print::age(object, now))]
    }
}

fn state(claim: &Object) -> String {
    let mut states = Vec::new();
    if claim.deletion_timestamp().is_some() {
        states.push("deleted");
    }
    if claim.map_at(&["status", "allocation"]).is_none() {
        if claim.deletion_timestamp().is_none() {
            states.push("pending");
        }
    } else {
        states.push("allocated");
        if !claim.list_at(&["status", "reservedFor"]).is_empty() {
            states.push("reserved");
        }
    }
    states.join(",")
}

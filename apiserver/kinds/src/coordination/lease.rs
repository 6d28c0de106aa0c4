//! `coordination.k8s.io/v1` Lease.

use jiff::Timestamp;
use kubernel_meta::{Object, field};
use serde_json::{Value, json};

use crate::descriptor::kind;
use crate::tree::int;
use crate::{Kind, Strategy, print};

kind! {
    /// The descriptor of Lease.
    pub static KIND = "coordination.k8s.io", "v1", "Lease";
    names: "leases", "lease", short [], categories [];
    definition: "io.k8s.api.coordination.v1.Lease";
    namespaced: true, source: Store, hash: "gqkMMb/YqFM=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Name" name, "Holder" string, "Age" string,
    ];
    strategy: LeaseStrategy;
}

/// What only Leases know.
#[derive(Debug)]
pub struct LeaseStrategy;

impl Strategy for LeaseStrategy {
    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        let (path, spec) = (field::Path::root("spec"), object.at(&["spec"]).unwrap_or(&Value::Null));
        let mut errors = Vec::new();
        if spec.get("leaseDurationSeconds").is_some_and(|secs| secs.as_i64().is_some_and(|secs| secs <= 0)) {
            let secs = int(spec, "leaseDurationSeconds");
            errors.push(path.child("leaseDurationSeconds").invalid(secs, "must be greater than 0"));
        }
        if int(spec, "leaseTransitions") < 0 {
            let count = int(spec, "leaseTransitions");
            errors.push(path.child("leaseTransitions").invalid(count, "must be greater than or equal to 0"));
        }
        errors
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        let holder = object.str_at(&["spec", "holderIdentity"]);
        vec![json!(object.name()), json!(holder), json!(print::age(object, now))]
    }

    fn allow_unconditional_update(&self) -> bool {
        false
    }

    fn allow_create_on_update(&self) -> bool {
        true
    }
}

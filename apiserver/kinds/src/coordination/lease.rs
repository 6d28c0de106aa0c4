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

const COORDINATED: [&str; 2] = ["strategy", "preferredHolder"];

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

    /// Coordinated leader election is off: a Lease keeps its strategy and holder to come only where it has them already.
    fn prepare_create(&self, _kind: &Kind, object: &mut Object) {
        for field in COORDINATED {
            object.remove(&["spec", field]);
        }
    }

    fn prepare_update(&self, _kind: &Kind, new: &mut Object, old: &Object) {
        for field in COORDINATED {
            if old.at(&["spec", field]).is_none_or(Value::is_null) {
                new.remove(&["spec", field]);
            }
        }
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

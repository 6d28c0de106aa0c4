//! `coordination.k8s.io/v1` Lease.

use std::sync::LazyLock;

use jiff::Timestamp;
use kubernel_meta::{Object, field};
use serde_json::{Value, json};

use super::lease_candidate;
use crate::descriptor::kind;
use crate::tree::{int, text};
use crate::{Kind, Strategy, StrategyHandle, print};

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
    strategy: LeaseStrategy { coordinated: false };
}

/// Leases where the `CoordinatedLeaderElection` gate is on.
pub static COORDINATED_LEASE: LazyLock<Kind> =
    LazyLock::new(|| Kind { strategy: StrategyHandle::BuiltIn(&LeaseStrategy { coordinated: true }), ..KIND.clone() });

const COORDINATED: [&str; 2] = ["strategy", "preferredHolder"];

/// What only Leases know.
#[derive(Debug)]
pub struct LeaseStrategy {
    /// Whether leaders may be elected by a strategy (KEP-4355).
    coordinated: bool,
}

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
        let strategy = text(spec, "strategy");
        if spec.get("strategy").is_some_and(Value::is_string) {
            errors.extend(lease_candidate::coordinated(&path.child("strategy"), strategy));
        }
        if strategy.is_empty() && !text(spec, "preferredHolder").is_empty() {
            let detail = "may only be specified if `strategy` is defined";
            errors.push(path.child("preferredHolder").forbidden(detail));
        }
        errors
    }

    /// Where coordinated leader election is off, a Lease keeps its strategy and holder to come only where it has them
    /// already.
    fn prepare_create(&self, _kind: &Kind, object: &mut Object) {
        if self.coordinated {
            return;
        }
        for field in COORDINATED {
            object.remove(&["spec", field]);
        }
    }

    fn prepare_update(&self, _kind: &Kind, new: &mut Object, old: &Object) {
        for field in COORDINATED {
            if !self.coordinated && old.at(&["spec", field]).is_none_or(Value::is_null) {
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

//! `kernel.kubernel.io/v1alpha1` Reservation.

use super::amounts;
use jiff::Timestamp;
use kubernel_meta::{Object, field};
use serde_json::{Value, json};

use crate::descriptor::kind;
use crate::validate;
use crate::{Kind, Strategy, print};

kind! {
    /// The descriptor of Reservation.
    pub static KIND = "kernel.kubernel.io", "v1alpha1", "Reservation";
    names: "reservations", "reservation", short [], categories ["kernel"];
    definition: "io.kubernel.kernel.v1alpha1.Reservation";
    namespaced: false, source: Store, hash: "QjnsAe11MO0=";
    verbs: ALL;
    subresources: ["status": STATUS];
    columns: ["Name" name, "Role" string, "Agent" string, "Phase" string, "Resources" string, "Age" string];
    strategy: ReservationStrategy;
}

/// What only Reservations know.
#[derive(Debug)]
pub struct ReservationStrategy;

impl Strategy for ReservationStrategy {
    fn counts_generation(&self) -> bool {
        true
    }

    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        let path = field::Path::root("spec");
        let missing = ["role", "agent"].into_iter().filter(|field| object.str_at(&["spec", field]).is_empty());
        let mut errors: Vec<_> = missing.map(|field| path.child(field).required("")).collect();
        if object.map_at(&["spec", "resources"]).is_none_or(|resources| resources.is_empty()) {
            errors.push(path.child("resources").required("something must be reserved"));
        }
        errors.extend(amounts::non_negative(&path.child("resources"), object.at(&["spec", "resources"])));
        errors
    }

    fn validate_update(&self, kind: &Kind, new: &Object, old: &Object) -> Vec<field::Error> {
        let mut errors = self.validate(kind, new);
        for field in ["role", "agent"] {
            let path = field::Path::root("spec").child(field);
            errors.extend(validate::immutable(&path, new.at(&["spec", field]), old.at(&["spec", field])));
        }
        errors
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        let phase = object.str_at(&["status", "phase"]);
        vec![
            json!(object.name()),
            json!(object.str_at(&["spec", "role"])),
            json!(object.str_at(&["spec", "agent"])),
            json!(if phase.is_empty() { "Pending" } else { phase }),
            json!(amounts::list(object, &["spec", "resources"])),
            json!(print::age(object, now)),
        ]
    }
}

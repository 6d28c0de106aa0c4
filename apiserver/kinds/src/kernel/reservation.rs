//! `kernel.kubernel.io/v1alpha1` Reservation.

use super::amounts;
use jiff::Timestamp;
use kubernel_meta::{Object, Quantity, field};
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
        let volumes = object.list_at(&["spec", "volumes"]);
        if volumes.is_empty() && object.map_at(&["spec", "resources"]).is_none_or(|resources| resources.is_empty()) {
            errors.push(path.child("resources").required("something must be reserved"));
        }
        errors.extend(refined_errors(&path.child("refines"), object));
        for (at, volume) in volumes.iter().enumerate() {
            errors.extend(volume_errors(&path.child("volumes").index(at), volume));
        }
        errors.extend(amounts::non_negative(&path.child("resources"), object.at(&["spec", "resources"])));
        errors
    }

    fn validate_update(&self, kind: &Kind, new: &Object, old: &Object) -> Vec<field::Error> {
        let mut errors = self.validate(kind, new);
        for field in ["role", "agent", "refines"] {
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

/// Each reservation of a stack is for a role below that of the one on which it lies.
fn refined_errors(path: &field::Path, object: &Object) -> Vec<field::Error> {
    let refined = object.list_at(&["spec", "refines"]);
    let role = |at: usize| match refined.get(at) {
        Some(one) => one["role"].as_str().unwrap_or_default(),
        None => object.str_at(&["spec", "role"]),
    };
    let wrong = |at: usize| {
        let (path, role, next) = (path.index(at).child("role"), role(at), role(at + 1));
        if role.is_empty() {
            return Some(path.required(""));
        }
        let is_above = next.is_empty() || next.strip_prefix(role).is_some_and(|rest| rest.starts_with('/'));
        (!is_above).then(|| path.invalid(role, format!("must be above role {next:?}")))
    };
    (0..refined.len()).filter_map(wrong).collect()
}

/// A volume of a framework or of an operator. Its uid is the name of its folder on the node: whoever writes one down must
/// have drawn it, or takes over what is there.
fn volume_errors(path: &field::Path, volume: &Value) -> Vec<field::Error> {
    let text = |field: &str| volume[field].as_str().unwrap_or_default();
    let missing = ["id", "uid", "containerPath", "size"].into_iter().filter(|field| text(field).is_empty());
    let mut errors: Vec<_> = missing.map(|field| path.child(field).required("")).collect();
    let uid = text("uid");
    if !uid.is_empty() && !is_uuid(uid) {
        errors.push(path.child("uid").invalid(uid, "must be a UUID in lower case"));
    }
    let size = Quantity::parse(text("size")).map_or(0, |size| size.value());
    if !text("size").is_empty() && size <= 0 {
        errors.push(path.child("size").invalid(text("size"), "must be greater than zero"));
    }
    errors
}

fn is_uuid(text: &str) -> bool {
    const HYPHENS: [usize; 4] = [8, 13, 18, 23];
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match HYPHENS.contains(&at) {
            true => byte == b'-',
            false => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
        })
}

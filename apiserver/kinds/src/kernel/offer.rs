//! `kernel.kubernel.io/v1alpha1` Offer: read from the kernel's memory, never stored.

use super::amounts;
use jiff::Timestamp;
use kubernel_meta::{Object, time};
use serde_json::{Value, json};

use crate::descriptor::kind;
use crate::{Kind, Strategy};

kind! {
    /// The descriptor of Offer.
    pub static KIND = "kernel.kubernel.io", "v1alpha1", "Offer";
    names: "offers", "offer", short [], categories ["kernel"];
    definition: "io.kubernel.kernel.v1alpha1.Offer";
    namespaced: false, source: Live, hash: "";
    verbs: READ;
    subresources: [];
    columns: ["Name" name, "Agent" string, "Framework" string, "Role" string, "CPU" string, "Memory" string,
        "Resources" string wide, "Age" string];
    strategy: OfferStrategy;
}

/// What only Offers know.
#[derive(Debug)]
pub struct OfferStrategy;

impl Strategy for OfferStrategy {
    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        let spec = |field: &str| json!(object.str_at(&["spec", field]));
        let offered = object.str_at(&["status", "offeredTime"]);
        vec![
            json!(object.name()),
            spec("agent"),
            spec("framework"),
            spec("role"),
            amounts::amount(object, &["spec", "resources", "cpu"]),
            amounts::amount(object, &["spec", "resources", "memory"]),
            json!(amounts::list(object, &["spec", "resources"])),
            json!(time::age(offered, now)),
        ]
    }

    fn selectable_fields(&self) -> Vec<&str> {
        vec!["spec.agent", "spec.framework", "spec.role"]
    }

    fn field_values(&self, object: &Object) -> Vec<String> {
        ["agent", "framework", "role"].map(|field| object.str_at(&["spec", field]).to_owned()).to_vec()
    }
}

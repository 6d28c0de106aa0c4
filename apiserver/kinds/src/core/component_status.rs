//! `v1` ComponentStatus.

use jiff::Timestamp;
use kubernel_meta::Object;
use serde_json::{Value, json};

use crate::descriptor::kind;
use crate::tree::{condition, text};
use crate::{Kind, Strategy};

kind! {
    /// The descriptor of ComponentStatus.
    pub static KIND = "", "v1", "ComponentStatus";
    names: "componentstatuses", "componentstatus", short ["cs"], categories [];
    definition: "io.k8s.api.core.v1.ComponentStatus";
    namespaced: false, source: Review, hash: "";
    verbs: ["get", "list"];
    subresources: [];
    columns: [
        "Name" name, "Status" string, "Message" string, "Error" string,
    ];
    strategy: ComponentStatusStrategy;
}

/// What only ComponentStatuses know.
#[derive(Debug)]
pub struct ComponentStatusStrategy;

impl Strategy for ComponentStatusStrategy {
    fn cells(&self, _kind: &Kind, object: &Object, _now: Timestamp) -> Vec<Value> {
        let healthy = condition(object.list_at(&["conditions"]), "Healthy");
        let status = match healthy.map(|healthy| text(healthy, "status")) {
            Some("True") => "Healthy",
            Some(_) => "Unhealthy",
            None => "Unknown",
        };
        let part = |key: &str| json!(healthy.map_or("", |healthy| text(healthy, key)));
        vec![json!(object.name()), json!(status), part("message"), part("error")]
    }

    fn deprecated(&self) -> Option<&str> {
        Some("v1 ComponentStatus is deprecated in v1.19+")
    }
}

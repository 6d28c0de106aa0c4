//! `storage.k8s.io/v1` CSIDriver.

use super::csi_rules;
use jiff::Timestamp;
use kubernel_meta::{Object, field};
use serde_json::{Value, json};

use crate::descriptor::kind;
use crate::tree::{default_to, text};
use crate::{Kind, Strategy, print, strategy};

kind! {
    /// The descriptor of CSIDriver.
    pub static KIND = "storage.k8s.io", "v1", "CSIDriver";
    names: "csidrivers", "csidriver", short [], categories [];
    definition: "io.k8s.api.storage.v1.CSIDriver";
    namespaced: false, source: Store, hash: "hL6j/rwBV5w=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Name" name, "AttachRequired" boolean, "PodInfoOnMount" boolean, "StorageCapacity" boolean,
        "TokenRequests" string, "RequiresRepublish" boolean, "Modes" string, "Age" string,
    ];
    strategy: CsiDriverStrategy;
}

/// What only CSIDrivers know.
#[derive(Debug)]
pub struct CsiDriverStrategy;

impl Strategy for CsiDriverStrategy {
    fn default(&self, _kind: &Kind, object: &mut Object) {
        let spec = object.map_at_mut(&["spec"]);
        default_to(spec, "attachRequired", true);
        for field in ["podInfoOnMount", "storageCapacity", "requiresRepublish", "seLinuxMount"] {
            default_to(spec, field, false);
        }
        default_to(spec, "fsGroupPolicy", "ReadWriteOnceWithFSType");
        if spec.get("volumeLifecycleModes").and_then(Value::as_array).is_none_or(Vec::is_empty) {
            spec.insert("volumeLifecycleModes".to_owned(), json!(["Persistent"]));
        }
    }

    /// The generation starts to count with the first change.
    fn prepare_update(&self, kind: &Kind, new: &mut Object, old: &Object) {
        strategy::prepare_update(kind, new, old);
        if !strategy::same_content(new, old) {
            new.set(&["metadata", "generation"], old.generation() + 1);
        }
    }

    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        csi_rules::driver(object)
    }

    fn validate_update(&self, _kind: &Kind, new: &Object, old: &Object) -> Vec<field::Error> {
        csi_rules::driver_update(new, old)
    }

    fn warnings(&self, _kind: &Kind, object: &Object, _old: Option<&Object>) -> Vec<String> {
        let tokens = !object.list_at(&["spec", "tokenRequests"]).is_empty();
        let unset = tokens && object.at(&["spec", "serviceAccountTokenInSecrets"]).is_none_or(Value::is_null);
        let text = "spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to true to prevent \
                    possible logging of tokens in volume attributes";
        unset.then(|| text.to_owned()).into_iter().collect()
    }

    fn allow_unconditional_update(&self) -> bool {
        false
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        let flag = |field: &str| json!(object.at(&["spec", field]).and_then(Value::as_bool).unwrap_or_default());
        let tokens: Vec<&str> =
            object.list_at(&["spec", "tokenRequests"]).iter().map(|t| text(t, "audience")).collect();
        let modes: Vec<&str> =
            object.list_at(&["spec", "volumeLifecycleModes"]).iter().filter_map(Value::as_str).collect();
        let unset = |list: &[&str], none: &str| json!(if list.is_empty() { none.to_owned() } else { list.join(",") });
        vec![
            json!(object.name()),
            flag("attachRequired"),
            flag("podInfoOnMount"),
            flag("storageCapacity"),
            unset(&tokens, "<unset>"),
            flag("requiresRepublish"),
            unset(&modes, "<none>"),
            json!(print::age(object, now)),
        ]
    }
}

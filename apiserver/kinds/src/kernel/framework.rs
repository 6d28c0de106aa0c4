//! `kernel.kubernel.io/v1alpha1` Framework.

use super::amounts;
use jiff::Timestamp;
use kubernel_meta::Object;
use serde_json::{Value, json};

use crate::descriptor::kind;
use crate::{Kind, Strategy, print};

kind! {
    /// The descriptor of Framework.
    pub static KIND = "kernel.kubernel.io", "v1alpha1", "Framework";
    names: "frameworks", "framework", short [], categories ["kernel"];
    definition: "io.kubernel.kernel.v1alpha1.Framework";
    namespaced: false, source: Store, hash: "HgaDmo8iYe8=";
    verbs: ALL;
    subresources: ["status": STATUS];
    columns: ["Name" name, "Roles" string, "Connected" boolean, "Active" boolean, "Tasks" integer, "Offers" integer,
        "CPU" string, "Memory" string, "User" string wide, "Principal" string wide, "Hostname" string wide, "Age" string];
    strategy: FrameworkStrategy;
}

/// What only Frameworks know.
#[derive(Debug)]
pub struct FrameworkStrategy;

impl Strategy for FrameworkStrategy {
    fn counts_generation(&self) -> bool {
        true
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        let spec = |field: &str| json!(object.str_at(&["spec", field]));
        let flag = |field: &str| json!(object.at(&["status", field]).and_then(Value::as_bool).unwrap_or_default());
        let count = |field: &str| json!(object.int_at(&["status", field]).unwrap_or_default());
        let roles: Vec<&str> = object.list_at(&["spec", "roles"]).iter().filter_map(Value::as_str).collect();
        vec![
            json!(object.name()),
            json!(if roles.is_empty() { "<none>".to_owned() } else { roles.join(",") }),
            flag("connected"),
            flag("active"),
            count("tasks"),
            count("offers"),
            amounts::amount(object, &["status", "allocated", "cpu"]),
            amounts::amount(object, &["status", "allocated", "memory"]),
            spec("user"),
            spec("principal"),
            spec("hostname"),
            json!(print::age(object, now)),
        ]
    }
}

//! `kernel.kubernel.io/v1alpha1` Agent: read from the kernel's memory, never stored.

use super::amounts;
use jiff::Timestamp;
use kubernel_meta::Object;
use serde_json::{Value, json};

use crate::descriptor::kind;
use crate::{Kind, Strategy, print};

kind! {
    /// The descriptor of Agent.
    pub static KIND = "kernel.kubernel.io", "v1alpha1", "Agent";
    names: "agents", "agent", short [], categories ["kernel"];
    definition: "io.kubernel.kernel.v1alpha1.Agent";
    namespaced: false, source: Live, hash: "";
    verbs: READ;
    subresources: [];
    columns: ["Name" name, "CPU" string, "Memory" string, "Free-CPU" string, "Free-Memory" string, "Offered" string,
        "Tasks" integer, "Connected" boolean, "Reserved" string wide, "Node" string wide, "Age" string];
    strategy: AgentStrategy;
}

/// What only Agents know.
#[derive(Debug)]
pub struct AgentStrategy;

impl Strategy for AgentStrategy {
    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        let amount = |list: &str, resource: &str| amounts::amount(object, &["status", list, resource]);
        let connected = object.at(&["status", "connected"]).and_then(Value::as_bool).unwrap_or_default();
        vec![
            json!(object.name()),
            amount("capacity", "cpu"),
            amount("capacity", "memory"),
            amount("free", "cpu"),
            amount("free", "memory"),
            json!(amounts::list(object, &["status", "offered"])),
            json!(object.int_at(&["status", "tasks"]).unwrap_or_default()),
            json!(connected),
            json!(amounts::list(object, &["status", "reserved"])),
            json!(object.str_at(&["status", "node"])),
            json!(print::age(object, now)),
        ]
    }
}

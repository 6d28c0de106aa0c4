//! `v1` Event.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of Event.
    pub static KIND = "", "v1", "Event";
    names: "events", "event", short ["ev"], categories [];
    definition: "io.k8s.api.core.v1.Event";
    namespaced: true, source: Store, hash: "r2yiGXH7wu8=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Last Seen" string, "Type" string, "Reason" string, "Object" string, "Subobject" string wide,
        "Source" string wide, "Message" string, "First Seen" string wide, "Count" string wide, "Name" name wide,
    ];
    strategy: Generic;
}

//! PodTopologyLabels: a Pod that is put on a node gets the node's zone and region as labels, unless it has its own.

use kubernel_meta::{ApiError, Object};
use serde_json::json;

use super::{Attributes, Operation, View};

const LABELS: [&str; 2] = ["topology.kubernetes.io/region", "topology.kubernetes.io/zone"];

/// `object` is a Pod or a Binding, whose labels its Pod takes over.
pub(super) async fn admit(view: &View<'_>, request: &Attributes<'_>, object: &mut Object) -> Result<(), ApiError> {
    if request.operation != Operation::Create || !request.is_of("", "pods") {
        return Ok(());
    }
    let node = match request.subresource {
        "" => object.str_at(&["spec", "nodeName"]),
        "binding" if object.str_at(&["target", "kind"]) == "Node" => object.str_at(&["target", "name"]),
        _ => return Ok(()),
    };
    if node.is_empty() {
        return Ok(());
    }
    for (key, value) in view.labels(&format!("/registry/core/nodes/{node}")).await? {
        if LABELS.contains(&&*key) && object.at(&["metadata", "labels", &key]).is_none() {
            object.map_at_mut(&["metadata", "labels"]).insert(key, json!(value));
        }
    }
    Ok(())
}

//! Fields of features that are off in v1.36 by default: a Pod or template that has not used them yet loses them.

use kubernel_meta::Object;
use serde_json::{Map, Value};

use super::spec_defaults::CONTAINER_LISTS;
use crate::tree::{items, map_in, maps_in, set};

type Tree = Map<String, Value>;

/// Sources of projected volumes whose kinds are served only where somebody turns them on.
const PROJECTED: [&str; 2] = ["clusterTrustBundle", "podCertificate"];

/// Drops what is off from a spec, save what the old one has in use.
pub(crate) fn drop(spec: &mut Tree, old: Option<&Value>) {
    if old.is_none_or(|old| set(old, "schedulingGroup").is_none()) {
        spec.remove("schedulingGroup");
    }
    drop_stop_signals(spec, old);
    for source in PROJECTED {
        drop_projected(spec, old, source);
    }
}

/// The same for the template at a path.
pub(crate) fn drop_in_template(object: &mut Object, old: Option<&Object>, path: &[&str]) {
    let spec: Vec<&str> = path.iter().copied().chain(["spec"]).collect();
    if object.at(&spec).is_some() {
        drop(object.map_at_mut(&spec), old.and_then(|old| old.at(&spec)));
    }
}

fn drop_stop_signals(spec: &mut Tree, old: Option<&Value>) {
    let signals =
        |container: &Value| container.pointer("/lifecycle/stopSignal").is_some_and(|signal| !signal.is_null());
    if old.is_some_and(|old| CONTAINER_LISTS.iter().any(|list| items(old, list).iter().any(signals))) {
        return;
    }
    for list in CONTAINER_LISTS {
        for container in maps_in(spec, list) {
            if let Some(lifecycle) = map_in(container, "lifecycle")
                && lifecycle.remove("stopSignal").is_some()
                && lifecycle.is_empty()
            {
                container.remove("lifecycle");
            }
        }
    }
}

/// What stays of such a source is an empty one.
fn drop_projected(spec: &mut Tree, old: Option<&Value>, source: &str) {
    let uses = |volume: &Value| {
        let sources = set(volume, "projected").map_or(&[][..], |projected| items(projected, "sources"));
        sources.iter().any(|entry| set(entry, source).is_some())
    };
    if old.is_some_and(|old| items(old, "volumes").iter().any(uses)) {
        return;
    }
    for volume in maps_in(spec, "volumes") {
        let Some(projected) = map_in(volume, "projected") else { continue };
        for entry in maps_in(projected, "sources") {
            entry.remove(source);
        }
    }
}

//! What is wrong with Pods and pod specs: entry points for Pods and, through [`validate_template`], for workloads.
//!
//! The order of the errors is upstream's, as their texts are: clients see all of them in one message. Each area has a
//! module of its own; [`spec`] strings them together.

mod affinity;
mod annotations;
mod apparmor;
mod claim_status;
mod container_status;
mod containers;
mod dns;
mod env;
mod ephemeral;
mod mounts;
mod pod_resources;
mod probes;
mod projected;
mod references;
mod resize;
mod resource_claims;
mod resources;
mod restart;
mod scheduling;
mod seccomp;
mod security;
mod selectors;
mod spec;
mod status;
mod update;
mod volumes;
mod windows;

use kubernel_meta::Object;
use kubernel_meta::field::{Error, Path};
use serde_json::Value;

use crate::tree::{items, text};

pub(crate) use affinity::node_selector;
pub(crate) use annotations::containers as all_containers;
pub(crate) use resources::overhead;
pub(crate) use scheduling::tolerations;
pub use spec::validate_spec;
pub use update::update;

/// Whether a spec is a Pod's own or a template's, of which less is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// The spec of a Pod.
    Pod,
    /// The spec in a workload's template.
    Template,
}

/// What is wrong with a new Pod beyond its metadata.
pub fn create(pod: &Object) -> Vec<Error> {
    let spec = pod.at(&["spec"]).unwrap_or(&Value::Null);
    let (path, annotations) = (Path::root("spec"), pod.at(&["metadata", "annotations"]));
    let mut errors = metadata_and_spec(pod);
    if !items(spec, "ephemeralContainers").is_empty() {
        errors.push(path.child("ephemeralContainers").forbidden("cannot be set on create"));
    }
    if !text(spec, "nodeName").is_empty() && !items(spec, "schedulingGates").is_empty() {
        errors.push(path.child("nodeName").forbidden("cannot be set until all schedulingGates have been cleared"));
    }
    errors.extend(annotations::fields_match(&path, spec, annotations));
    errors
}

/// What is wrong with a Pod whichever way it is written, beyond its metadata.
pub(super) fn metadata_and_spec(pod: &Object) -> Vec<Error> {
    let spec = pod.at(&["spec"]).unwrap_or(&Value::Null);
    let path = Path::root("spec");
    let at = Path::root("metadata").child("annotations");
    let mut errors = annotations::validate(&at, spec, pod.at(&["metadata", "annotations"]));
    errors.extend(validate_spec(&path, spec, pod.name(), Holder::Pod));
    errors.extend(projected::tokens_need_account(&path, spec));
    for list in ["containers", "initContainers"] {
        for (index, container) in items(spec, list).iter().enumerate() {
            errors.extend(containers::padded_image(&path.child(list).index(index), container));
        }
    }
    errors
}

/// What is wrong with a pod template: its labels and annotations as metadata, and its spec.
pub fn validate_template(path: &Path, template: &Value) -> Vec<Error> {
    let null = &Value::Null;
    let metadata = template.get("metadata").unwrap_or(null);
    let (spec, at) = (template.get("spec").unwrap_or(null), path.child("spec"));
    let annotations = metadata.get("annotations");
    let mut errors = crate::validate::labels_and_annotations(path, metadata);
    errors.extend(annotations::validate(&path.child("annotations"), spec, annotations));
    errors.extend(validate_spec(&at, spec, "", Holder::Template));
    errors.extend(annotations::fields_match(&at, spec, annotations));
    if !items(spec, "ephemeralContainers").is_empty() {
        errors.push(at.child("ephemeralContainers").forbidden("ephemeral containers not allowed in pod template"));
    }
    errors
}

/// What is wrong with a write to `status`, `ephemeralcontainers` or `resize`.
pub fn subresource_update(subresource: &str, new: &Object, old: &Object) -> Vec<Error> {
    match subresource {
        "status" => status::update(new, old),
        "ephemeralcontainers" => ephemeral::update(new, old),
        "resize" => resize::update(new, old),
        _ => Vec::new(),
    }
}

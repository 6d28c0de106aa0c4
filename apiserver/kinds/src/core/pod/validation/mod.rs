//! What is wrong with Pods and pod specs: entry points for Pods and, through [`validate_spec`], for templates.

mod update;

use kubernel_meta::{Object, field};
use serde_json::Value;

pub use update::{subresource_update, update};

/// What is wrong with a new Pod beyond its metadata.
pub fn create(pod: &Object) -> Vec<field::Error> {
    let spec = pod.at(&["spec"]).unwrap_or(&Value::Null);
    validate_spec(&field::Path::root("spec"), spec, pod)
}

/// What is wrong with a pod template: its labels and annotations as metadata, and its spec.
pub fn validate_template(path: &field::Path, template: &Value) -> Vec<field::Error> {
    let metadata = template.get("metadata").unwrap_or(&Value::Null);
    let mut errors = crate::validate::labels_and_annotations(path, metadata);
    let mut holder = Object::default();
    holder.set(&["metadata"], metadata.clone());
    errors.extend(validate_spec(&path.child("spec"), template.get("spec").unwrap_or(&Value::Null), &holder));
    errors
}

/// What is wrong with a pod spec. `holder` carries the metadata (annotations, labels) of the Pod or the template.
pub fn validate_spec(path: &field::Path, spec: &Value, _holder: &Object) -> Vec<field::Error> {
    let mut errors = Vec::new();
    if crate::tree::items(spec, "containers").is_empty() {
        errors.push(path.child("containers").required(""));
    }
    errors
}

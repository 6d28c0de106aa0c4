//! Rules of a Node's references to ConfigMaps with the kubelet's configuration: a feature that is gone, though its
//! fields are still checked.

use kubernel_meta::field::{Error, Path};
use kubernel_meta::{Object, validation as meta};
use serde_json::Value;

use crate::go_form;
use crate::tree::{set, text};
use crate::validate::{self, TextRule};

/// What is wrong with `spec.configSource` and `status.config`.
pub(super) fn errors(node: &Object) -> Vec<Error> {
    let mut errors = Vec::new();
    if let Some(wanted) = node.at(&["spec"]).and_then(|spec| set(spec, "configSource")) {
        errors.extend(source(&Path::root("spec").child("configSource"), wanted, Place::Spec));
    }
    let path = Path::root("status").child("config");
    let Some(config) = node.at(&["status"]).and_then(|status| set(status, "config")) else { return errors };
    for field in ["assigned", "active", "lastKnownGood"] {
        if let Some(used) = set(config, field) {
            errors.extend(source(&path.child(field), used, Place::Status));
        }
    }
    errors
}

/// Where a reference stands: the status says exactly which object was used.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Spec,
    Status,
}

fn source(path: &Path, source: &Value, place: Place) -> Vec<Error> {
    let Some(map) = set(source, "configMap") else {
        let shown = go_form::compact("io.k8s.api.core.v1.NodeConfigSource", source);
        return vec![path.invalid(source.clone(), "exactly one reference subfield must be non-nil").shown_as(shown)];
    };
    let path = path.child("configMap");
    let mut errors = Vec::new();
    for field in ["uid", "resourceVersion"] {
        match (text(map, field).is_empty(), place) {
            (false, Place::Spec) => {
                errors.push(path.child(field).forbidden(format!("{field} must not be set in spec")));
            }
            (true, Place::Status) => {
                errors.push(path.child(field).required(format!("{field} must be set in status")));
            }
            _ => {}
        }
    }
    let rules: [(&str, TextRule); 3] = [
        ("namespace", meta::dns1123_label),
        ("name", meta::dns1123_subdomain),
        ("kubeletConfigKey", meta::config_map_key),
    ];
    for (field, rule) in rules {
        let (at, value) = (path.child(field), text(map, field));
        if value.is_empty() {
            errors.push(at.required(format!("{field} must be set")));
        } else {
            errors.extend(validate::texts(&at, value, rule(value)));
        }
    }
    errors
}

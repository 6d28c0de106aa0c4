//! Rules of RuntimeClasses.

use kubernel_meta::field::{Error, Path};
use kubernel_meta::{Object, validation as meta};
use serde_json::Value;

use crate::go_form;
use crate::tree::{items, repeated, text};
use crate::validate;

/// Resources that containers have without a domain in their names.
const STANDARD: [&str; 3] = ["cpu", "memory", "ephemeral-storage"];

/// What is wrong with a RuntimeClass.
pub(super) fn create(class: &Object) -> Vec<Error> {
    let (path, handler) = (Path::root("handler"), class.str_at(&["handler"]));
    let mut errors = Vec::new();
    if handler.is_empty() {
        errors.push(path.required(""));
    } else {
        errors.extend(validate::texts(&path, handler, meta::dns1123_label(handler)));
    }
    let at = Path::root("overhead").child("limits");
    for name in class.map_at(&["overhead", "podFixed"]).into_iter().flatten().map(|(name, _)| name.as_str()) {
        if !name.contains('/') && !STANDARD.contains(&name) && !name.starts_with("hugepages-") {
            let at = at.key(name);
            errors.push(at.invalid(name, "must be a standard resource type or fully qualified"));
            errors.push(at.invalid(name, "must be a standard resource for containers"));
        }
    }
    if let Some(scheduling) = class.at(&["scheduling"]).filter(|scheduling| scheduling.is_object()) {
        errors.extend(scheduling_errors(&Path::root("scheduling"), scheduling));
    }
    errors
}

fn scheduling_errors(path: &Path, scheduling: &Value) -> Vec<Error> {
    let selector = validate::pairs(scheduling.get("nodeSelector"));
    let mut errors = meta::labels(selector, &path.child("nodeSelector"));
    let tolerations = items(scheduling, "tolerations");
    let twice = repeated(tolerations, |toleration| toleration);
    for (at, toleration) in tolerations.iter().enumerate() {
        let path = path.child("tolerations").index(at);
        if text(toleration, "key").is_empty() && text(toleration, "operator") != "Exists" {
            let message = "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
            errors.push(path.child("operator").invalid(text(toleration, "operator"), message));
        }
        if twice[at] {
            let shown = go_form::compact("io.k8s.api.core.v1.Toleration", toleration);
            errors.push(path.duplicate(toleration.clone()).shown_as(shown));
        }
    }
    errors
}

/// What is wrong with a change: the handler stays.
pub(super) fn update(new: &Object, old: &Object) -> Vec<Error> {
    let handler = validate::immutable(&Path::root("handler"), new.at(&["handler"]), old.at(&["handler"]));
    create(new).into_iter().chain(handler).collect()
}

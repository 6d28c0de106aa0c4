//! Rules of RuntimeClasses.

use kubernel_meta::field::{Error, Path};
use kubernel_meta::{Object, validation as meta};
use serde_json::Value;

use crate::core::pod::validation;
use crate::go_form;
use crate::tree::{items, repeated};
use crate::validate;

/// What is wrong with a RuntimeClass.
pub(super) fn create(class: &Object) -> Vec<Error> {
    let (path, handler) = (Path::root("handler"), class.str_at(&["handler"]));
    let mut errors = Vec::new();
    if handler.is_empty() {
        errors.push(path.required(""));
    } else {
        errors.extend(validate::texts(&path, handler, meta::dns1123_label(handler)));
    }
    if let Some(overhead) = class.at(&["overhead"]) {
        errors.extend(validation::overhead(&Path::root("overhead"), overhead, "podFixed"));
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
    let path = path.child("tolerations");
    errors.extend(validation::tolerations(&path, tolerations));
    for (at, toleration) in tolerations.iter().enumerate() {
        if twice[at] {
            let shown = go_form::compact("io.k8s.api.core.v1.Toleration", toleration);
            errors.push(path.index(at).duplicate(toleration.clone()).shown_as(shown));
        }
    }
    errors
}

/// What is wrong with a change: the handler stays.
pub(super) fn update(new: &Object, old: &Object) -> Vec<Error> {
    let handler = validate::immutable(&Path::root("handler"), new.at(&["handler"]), old.at(&["handler"]));
    create(new).into_iter().chain(handler).collect()
}

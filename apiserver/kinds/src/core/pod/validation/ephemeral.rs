//! Ephemeral containers: what they may set, and their one way into a Pod.

use kubernel_meta::Object;
use kubernel_meta::field::{Error, Path};
use serde_json::Value;

use super::spec::Context;
use super::{annotations, containers, metadata_and_spec};
use crate::go_form;
use crate::tree::{items, set, text};

const DEFINITION: &str = "io.k8s.api.core.v1.EphemeralContainer";
const FORBIDDEN: &str = "cannot be set for an Ephemeral Container";
/// What upstream does not allow, in the order in which Go declares it.
const FORBIDDEN_FIELDS: [&str; 9] = [
    "ports",
    "resources",
    "resizePolicy",
    "restartPolicy",
    "restartPolicyRules",
    "livenessProbe",
    "readinessProbe",
    "startupProbe",
    "lifecycle",
];
const MIRROR: &str = "kubernetes.io/config.mirror";

/// What is wrong with `ephemeralContainers`.
pub(super) fn validate(path: &Path, context: &Context<'_>) -> Vec<Error> {
    let all = ["containers", "initContainers"].into_iter().flat_map(|list| items(context.spec, list));
    let others: Vec<&str> = all.map(|container| text(container, "name")).collect();
    let list = items(context.spec, "ephemeralContainers");
    let mut errors = Vec::new();
    for (i, container) in list.iter().enumerate() {
        let (at, name) = (path.index(i), text(container, "name"));
        errors.extend(containers::common(&at, container, context));
        errors.extend(containers::padded_image(&at, container));
        if others.contains(&name) || list[..i].iter().any(|other| text(other, "name") == name) {
            errors.push(at.child("name").duplicate(name));
        }
        let target = text(container, "targetContainerName");
        if !target.is_empty() && !others.contains(&target) {
            errors.push(at.child("targetContainerName").not_found(target));
        }
        for field in FORBIDDEN_FIELDS {
            if set(container, field).is_some_and(|value| !is_empty(value)) {
                errors.push(at.child(field).forbidden(FORBIDDEN));
            }
        }
        for (j, mount) in items(container, "volumeMounts").iter().enumerate() {
            for field in ["subPath", "subPathExpr"] {
                if !text(mount, field).is_empty() {
                    errors.push(at.child("volumeMounts").index(j).child(field).forbidden(FORBIDDEN));
                }
            }
        }
    }
    errors
}

fn is_empty(value: &Value) -> bool {
    value.as_object().is_some_and(serde_json::Map::is_empty) || value.as_array().is_some_and(Vec::is_empty)
}

/// What is wrong with a write to the subresource: containers may come, but neither change nor go.
pub(super) fn update(new: &Object, old: &Object) -> Vec<Error> {
    let mut errors = metadata_and_spec(new);
    errors.extend(annotations::changes(new, old));
    if old.annotations().any(|(key, _)| key == MIRROR) {
        return vec![Path::whole().forbidden("static pods do not support ephemeral containers")];
    }
    let at = Path::root("spec").child("ephemeralContainers");
    let list = new.list_at(&["spec", "ephemeralContainers"]);
    for before in old.list_at(&["spec", "ephemeralContainers"]) {
        let name = text(before, "name");
        match list.iter().find(|container| text(container, "name") == name) {
            None => errors.push(at.forbidden(format!("existing ephemeral containers {name:?} may not be removed\n"))),
            Some(now) if now != before => {
                let changes = go_form::changes(DEFINITION, before, now);
                errors.push(
                    at.forbidden(format!("existing ephemeral containers {name:?} may not be changed\n{changes}")),
                );
            }
            Some(_) => {}
        }
    }
    errors
}

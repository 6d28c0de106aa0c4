//! Rules that the kinds with a selector, a pod template and a number of replicas share.

use jiff::Timestamp;
use kubernel_meta::field::{Error, Path};
use kubernel_meta::{LabelSelector, Object, validation as meta};
use serde_json::{Map, Value, json};

use crate::core::pod::{disabled, validation, warnings as pod_warnings};
use crate::go_form;
use crate::tree::{int, set, text};
use crate::{Kind, print, strategy, validate};

/// Which kind a template belongs to, where messages name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// A Deployment, which speaks of its ReplicaSets.
    Deployment,
    /// A ReplicaSet.
    ReplicaSet,
    /// A DaemonSet.
    DaemonSet,
    /// A StatefulSet.
    StatefulSet,
    /// A ReplicationController.
    ReplicationController,
}

impl Owner {
    fn title(self) -> &'static str {
        match self {
            Self::Deployment | Self::ReplicaSet => "ReplicaSet",
            Self::DaemonSet => "DaemonSet",
            Self::StatefulSet => "StatefulSet",
            Self::ReplicationController => "ReplicationController",
        }
    }
}

/// `replicas`, (for ReplicaSets) `minReadySeconds`, `selector` and `template` of a spec. `word` names the kind in the
/// message about an empty selector.
pub(crate) fn replicas_selector_template(path: &Path, spec: &Value, word: &str, owner: Owner) -> Vec<Error> {
    let mut errors: Vec<Error> =
        validate::non_negative(&path.child("replicas"), spec.get("replicas")).into_iter().collect();
    if owner == Owner::ReplicaSet {
        errors.extend(validate::non_negative(&path.child("minReadySeconds"), spec.get("minReadySeconds")));
    }
    if set(spec, "selector").is_none() {
        errors.push(path.child("selector").required(""));
    }
    errors.extend(selector_template(path, spec, word, owner));
    errors
}

/// `selector` and `template` of a spec. A selector that is missing matches nothing.
pub(crate) fn selector_template(path: &Path, spec: &Value, word: &str, owner: Owner) -> Vec<Error> {
    let template = spec.get("template").unwrap_or(&Value::Null);
    let at = path.child("selector");
    let mut errors = Vec::new();
    let selector = set(spec, "selector");
    if let Some(selector) = selector {
        errors.extend(LabelSelector::validate_value(selector, &at));
        if is_empty_selector(selector) {
            errors.push(go_form::invalid(
                &at,
                go_form::LABEL_SELECTOR,
                selector,
                format!("empty selector is invalid for {word}"),
            ));
        }
    }
    let labels = template.pointer("/metadata/labels").and_then(Value::as_object);
    let matches = match selector {
        None => Ok(false),
        Some(selector) if !errors.is_empty() && !is_empty_selector(selector) => Err(()),
        Some(selector) => LabelSelector::from_value(selector)
            .map(|parsed| parsed.matches(|key| labels.and_then(|labels| labels.get(key)).and_then(Value::as_str)))
            .map_err(|_| ()),
    };
    match (matches, selector) {
        (Err(()), Some(selector)) => {
            errors.push(go_form::invalid(&at, go_form::LABEL_SELECTOR, selector, "invalid label selector"));
            return errors;
        }
        (Ok(false), _) => errors.push(labels_mismatch(path, template)),
        _ => {}
    }
    errors.extend(pod_template(&path.child("template"), template, owner));
    errors
}

/// A template whose Pods must be restarted for ever.
pub(crate) fn pod_template(path: &Path, template: &Value, owner: Owner) -> Vec<Error> {
    let mut errors = validation::validate_template(path, template);
    let spec = template.get("spec").unwrap_or(&Value::Null);
    let policy = text(spec, "restartPolicy");
    if policy != "Always" {
        errors.push(path.child("spec").child("restartPolicy").not_supported(policy, &["Always"]));
    }
    if set(spec, "activeDeadlineSeconds").is_some() {
        let message = format!("activeDeadlineSeconds in {} is not Supported", owner.title());
        errors.push(path.child("spec").child("activeDeadlineSeconds").forbidden(message));
    }
    errors
}

fn is_empty_selector(selector: &Value) -> bool {
    let empty = |key: &str| match selector.get(key) {
        Some(Value::Object(map)) => map.is_empty(),
        Some(Value::Array(list)) => list.is_empty(),
        _ => true,
    };
    empty("matchLabels") && empty("matchExpressions")
}

fn labels_mismatch(path: &Path, template: &Value) -> Error {
    let labels = template.pointer("/metadata/labels").cloned().unwrap_or_default();
    path.child("template")
        .child("metadata")
        .child("labels")
        .invalid(labels, "`selector` does not match template `labels`")
}

/// Where a workload's pod template is.
pub(crate) const TEMPLATE: [&str; 2] = ["spec", "template"];

/// A new object with a pod template: as any other, without what is off in the template.
pub(crate) fn prepare_create(kind: &Kind, object: &mut Object, template: &[&str]) {
    disabled::drop_in_template(object, None, template);
    strategy::prepare_create(kind, object);
}

/// The same for a write to an object that exists.
pub(crate) fn prepare_update(kind: &Kind, new: &mut Object, old: &Object, template: &[&str]) {
    disabled::drop_in_template(new, Some(old), template);
    strategy::prepare_update(kind, new, old);
}

/// The warnings of an object whose name Pods' names are made of, and of its template.
pub(crate) fn warnings(object: &Object, old: Option<&Object>, template: &[&str]) -> Vec<String> {
    let mut warnings = name_warnings(object, old);
    warnings.extend(pod_warnings::of_template(template, object, old));
    warnings
}

/// `minReadySeconds`, `revisionHistoryLimit` and `progressDeadlineSeconds` where the kind has them.
pub(crate) fn seconds(path: &Path, spec: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    for field in ["minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"] {
        errors.extend(validate::non_negative(&path.child(field), spec.get(field)));
    }
    if let Some(deadline) = spec.get("progressDeadlineSeconds").and_then(Value::as_i64)
        && deadline <= int(spec, "minReadySeconds")
    {
        let at = path.child("progressDeadlineSeconds");
        errors.push(at.invalid(deadline, "must be greater than minReadySeconds"));
    }
    errors
}

/// `spec.selector` cannot change.
pub(crate) fn immutable_selector(new: &Object, old: &Object) -> Option<Error> {
    let path = ["spec", "selector"];
    let error = validate::immutable(&Path::root("spec").child("selector"), new.at(&path), old.at(&path))?;
    Some(match new.at(&path).filter(|selector| selector.is_object()) {
        Some(selector) => error.shown_as(go_form::compact(go_form::LABEL_SELECTOR, selector)),
        None => error,
    })
}

/// What a ReplicationController's spec must be.
pub(crate) fn replication_controller(object: &Object) -> Vec<Error> {
    let (path, empty) = (Path::root("spec"), Map::new());
    let spec = object.at(&["spec"]).unwrap_or(&Value::Null);
    let selector = spec.get("selector").and_then(Value::as_object).unwrap_or(&empty);
    let mut errors = Vec::new();
    errors.extend(validate::non_negative(&path.child("minReadySeconds"), spec.get("minReadySeconds")));
    if selector.is_empty() {
        errors.push(path.child("selector").required(""));
    }
    errors.extend(validate::non_negative(&path.child("replicas"), spec.get("replicas")));
    let Some(template) = set(spec, "template") else {
        errors.push(path.child("template").required(""));
        return errors;
    };
    let labels = template.pointer("/metadata/labels").and_then(Value::as_object).unwrap_or(&empty);
    if !selector.is_empty() && selector.iter().any(|(key, value)| labels.get(key) != Some(value)) {
        errors.push(labels_mismatch(&path, template));
    }
    errors.extend(pod_template(&path.child("template"), template, Owner::ReplicationController));
    errors
}

/// Names that Pods' hostnames are made of should be DNS labels.
pub(crate) fn name_warnings(object: &Object, old: Option<&Object>) -> Vec<String> {
    let wrong = meta::dns1123_label(object.name());
    if old.is_some() || wrong.is_empty() {
        return Vec::new();
    }
    vec![format!(
        "metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label \
         is recommended: [{}]",
        wrong.join(" ")
    )]
}

/// The counts of a Deployment's status.
pub(crate) fn deployment_status(new: &Object, old: &Object) -> Vec<Error> {
    const COUNTS: [&str; 6] = [
        "replicas",
        "updatedReplicas",
        "readyReplicas",
        "availableReplicas",
        "unavailableReplicas",
        "observedGeneration",
    ];
    let (path, status) = (Path::root("status"), new.at(&["status"]).unwrap_or(&Value::Null));
    let mut errors = non_negatives(&path, status, &COUNTS);
    let counts = ["updatedReplicas", "readyReplicas", "availableReplicas"];
    errors.extend(at_most(&path, status, &counts, "replicas", "cannot be greater than status.replicas"));
    errors.extend(at_most(
        &path,
        status,
        &["availableReplicas"],
        "readyReplicas",
        "cannot be greater than readyReplicas",
    ));
    let collisions = |object: &Object| object.int_at(&["status", "collisionCount"]);
    if let Some(before) = collisions(old) {
        let now = collisions(new);
        if now.is_none_or(|now| now < before) {
            errors.push(path.child("collisionCount").invalid(now.unwrap_or_default(), "cannot be decremented"));
        }
    }
    errors
}

/// The counts of the status of a ReplicaSet or ReplicationController.
pub(crate) fn replica_status(new: &Object) -> Vec<Error> {
    let (path, status) = (Path::root("status"), new.at(&["status"]).unwrap_or(&Value::Null));
    let counts = ["fullyLabeledReplicas", "readyReplicas", "availableReplicas"];
    let mut errors = non_negatives(&path, status, &["replicas"]);
    errors.extend(non_negatives(&path, status, &counts));
    errors.extend(non_negatives(&path, status, &["observedGeneration"]));
    errors.extend(at_most(&path, status, &counts, "replicas", "cannot be greater than status.replicas"));
    errors.extend(at_most(
        &path,
        status,
        &["availableReplicas"],
        "readyReplicas",
        "cannot be greater than readyReplicas",
    ));
    errors
}

/// The counts of a DaemonSet's status.
pub(crate) fn daemon_set_status(new: &Object) -> Vec<Error> {
    let counts = [
        "currentNumberScheduled",
        "numberMisscheduled",
        "desiredNumberScheduled",
        "numberReady",
        "observedGeneration",
        "updatedNumberScheduled",
        "numberAvailable",
        "numberUnavailable",
        "collisionCount",
    ];
    non_negatives(&Path::root("status"), new.at(&["status"]).unwrap_or(&Value::Null), &counts)
}

/// Errors for each of the counts that is negative.
pub(crate) fn non_negatives(path: &Path, status: &Value, counts: &[&str]) -> Vec<Error> {
    counts.iter().filter_map(|count| validate::non_negative(&path.child(count), status.get(count))).collect()
}

/// Errors for each of the counts that is more than another.
pub(crate) fn at_most(path: &Path, status: &Value, counts: &[&str], most: &str, message: &str) -> Vec<Error> {
    let most = int(status, most);
    let over = counts.iter().filter(|count| int(status, count) > most);
    over.map(|count| path.child(count).invalid(int(status, count), message)).collect()
}

/// The row of a ReplicaSet or ReplicationController.
pub(crate) fn replica_cells(object: &Object, now: Timestamp, selector: String) -> Vec<Value> {
    let status = |key: &str| json!(object.int_at(&["status", key]).unwrap_or_default());
    let (names, images) = print::containers_and_images(object.at(&["spec", "template", "spec"]));
    vec![
        json!(object.name()),
        json!(object.int_at(&["spec", "replicas"]).unwrap_or_default()),
        status("replicas"),
        status("readyReplicas"),
        json!(print::age(object, now)),
        json!(names),
        json!(images),
        json!(selector),
    ]
}

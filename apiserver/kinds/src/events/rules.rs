//! Rules of Events, given in their core form; messages name core's fields in both versions.

use kubernel_meta::field::{Error, Path};
use kubernel_meta::{Object, validation};
use serde_json::{Value, json};

use crate::go_form;
use crate::validate;

const NAME_LENGTH_MAX: usize = 128;
const NOTE_LENGTH_MAX: usize = 1024;

/// What is wrong with a core Event.
pub(crate) fn legacy(event: &Object) -> Vec<Error> {
    common(event, "reportingComponent")
}

/// What is wrong with a new Event of its own group.
pub(crate) fn create(event: &Object) -> Vec<Error> {
    let mut errors = common(event, "reportingController");
    let root = |field: &str| Path::root(field);
    errors.extend(series(event));
    if event.str_at(&["eventTime"]).is_empty() {
        errors.push(root("eventTime").required(""));
    }
    match event.str_at(&["type"]) {
        "Normal" | "Warning" => {}
        other => errors.push(root("type").invalid("", format!("has invalid value: {other}"))),
    }
    for field in ["firstTimestamp", "lastTimestamp"] {
        if !event.str_at(&[field]).is_empty() {
            errors.push(root(field).invalid("", "needs to be unset"));
        }
    }
    if event.int_at(&["count"]).unwrap_or_default() != 0 {
        errors.push(root("count").invalid("", "needs to be unset"));
    }
    if event.map_at(&["source"]).is_some_and(|source| !source.is_empty()) {
        errors.push(root("source").invalid("", "needs to be unset"));
    }
    errors
}

/// What is wrong with a change of an Event of its own group: only its series goes on.
pub(crate) fn update(new: &Object, old: &Object) -> Vec<Error> {
    /// Fields that stay, in upstream's order, and the struct that each holds.
    const FIXED: [(&str, &str); 13] = [
        ("involvedObject", "io.k8s.api.core.v1.ObjectReference"),
        ("reason", ""),
        ("message", ""),
        ("source", "io.k8s.api.core.v1.EventSource"),
        ("firstTimestamp", ""),
        ("lastTimestamp", ""),
        ("count", ""),
        ("type", ""),
        ("eventTime", ""),
        ("action", ""),
        ("related", "io.k8s.api.core.v1.ObjectReference"),
        ("reportingComponent", ""),
        ("reportingInstance", ""),
    ];
    let mut errors = common(new, "reportingController");
    if new.at(&["series"]) != old.at(&["series"]) {
        errors.extend(series(new));
    }
    for (field, definition) in FIXED {
        let path = Path::root(if field == "reportingComponent" { "reportingController" } else { field });
        let error = validate::immutable(&path, new.at(&[field]), old.at(&[field]));
        errors.extend(error.map(|error| match new.at(&[field]) {
            Some(value @ Value::Object(_)) => error.shown_as(go_form::compact(definition, value)),
            _ => error,
        }));
    }
    errors
}

fn series(event: &Object) -> Vec<Error> {
    let Some(series) = event.map_at(&["series"]) else { return Vec::new() };
    let path = Path::root("series");
    let mut errors = Vec::new();
    if series.get("count").and_then(Value::as_i64).unwrap_or_default() < 2 {
        errors.push(path.child("count").invalid("", "should be at least 2"));
    }
    if series.get("lastObservedTime").and_then(Value::as_str).unwrap_or_default().is_empty() {
        errors.push(path.child("lastObservedTime").required(""));
    }
    errors
}

fn common(event: &Object, controller_field: &str) -> Vec<Error> {
    let text = |field: &str| event.str_at(&[field]);
    let (namespace, about) = (event.namespace(), event.str_at(&["involvedObject", "namespace"]));
    let mismatch = || Path::root("involvedObject").child("namespace").invalid(about, "does not match event.namespace");
    let mut errors = Vec::new();
    if text("eventTime").is_empty() {
        let fits = if about.is_empty() { matches!(namespace, "" | "default") } else { about == namespace };
        if !fits {
            errors.push(mismatch());
        }
        return errors;
    }
    if about.is_empty() && !matches!(namespace, "default" | "kube-system") {
        errors.push(mismatch());
    }
    let (controller, at) = (text("reportingComponent"), Path::root(controller_field));
    if controller.is_empty() {
        errors.push(at.required(""));
    }
    errors.extend(validate::texts(&at, controller, validation::label_key(controller)));
    for field in ["reportingInstance", "action", "reason"] {
        if text(field).is_empty() {
            errors.push(Path::root(field).required(""));
        }
        errors.extend(too_long(field, text(field), NAME_LENGTH_MAX));
    }
    errors.extend(too_long("message", text("message"), NOTE_LENGTH_MAX));
    errors
}

fn too_long(field: &str, text: &str, length_max: usize) -> Option<Error> {
    let message = format!("can have at most {length_max} characters");
    (text.len() > length_max).then(|| Path::root(field).invalid(json!(""), message))
}

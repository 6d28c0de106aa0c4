//! Rules of kinds, each with an object that is right and changes that make it wrong. The data (`data/rules/`, a file for
//! each group) has the errors that upstream's source gives; what a server was seen to answer is in the other tests.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeSet;

use kubernel_kinds::{Kind, registry};
use kubernel_meta::{Object, validation};
use kubernel_schema::{Schema, builtin, decode, zero};
use serde_json::{Value, json};

const GROUPS: [(&str, &str); 14] = [
    ("core", include_str!("data/rules/core.json")),
    ("apps", include_str!("data/rules/apps.json")),
    ("batch", include_str!("data/rules/batch.json")),
    ("autoscaling", include_str!("data/rules/autoscaling.json")),
    ("policy", include_str!("data/rules/policy.json")),
    ("apiextensions", include_str!("data/rules/apiextensions.json")),
    ("networking", include_str!("data/rules/networking.json")),
    ("flowcontrol", include_str!("data/rules/flowcontrol.json")),
    ("storage", include_str!("data/rules/storage.json")),
    ("certificates", include_str!("data/rules/certificates.json")),
    ("resource", include_str!("data/rules/resource.json")),
    ("previews", include_str!("data/rules/previews.json")),
    ("every_kind", include_str!("data/rules/every_kind.json")),
    ("others", include_str!("data/rules/others.json")),
];

/// An object as the pipeline hands it to its strategy: decoded, defaulted, with what the server fills in.
fn decoded(kind: &Kind, value: &Value) -> Object {
    let types = builtin().clone();
    let schema = Schema { root: types.find(&kind.definition).unwrap(), types };
    let decoded = decode::json(&schema, &serde_json::to_vec(value).unwrap()).unwrap();
    assert!(decoded.strict.is_empty(), "{value}: {:?}", decoded.strict);
    let mut object = decoded.object;
    if kind.namespaced {
        object.set(&["metadata", "namespace"], "ns");
    }
    kind.strategy.default(kind, &mut object);
    zero::fill(&schema, &mut object);
    object.set(&["metadata", "uid"], "11111111-1111-1111-1111-111111111111");
    object.set(&["metadata", "creationTimestamp"], "2026-01-01T00:00:00Z");
    object
}

fn settled(kind: &Kind, object: &mut Object) {
    let types = builtin().clone();
    let schema = Schema { root: types.find(&kind.definition).unwrap(), types };
    zero::fill(&schema, object);
    zero::settle(&schema, object);
}

/// The errors and warnings about an object that is created, or becomes of an old one.
fn told(kind: &Kind, new: &Value, old: Option<&Value>, sub: &str) -> (Vec<String>, Vec<String>) {
    let strategy = &kind.strategy;
    let mut object = decoded(kind, new);
    let old = old.map(|old| decoded(kind, old));
    match &old {
        None => strategy.prepare_create(kind, &mut object),
        Some(old) if sub.is_empty() => strategy.prepare_update(kind, &mut object, old),
        Some(old) => strategy.prepare_subresource_update(kind, sub, &mut object, old),
    }
    settled(kind, &mut object);
    let errors = match &old {
        None => {
            let name = |name: &str, prefix: bool| strategy.validate_name(name, prefix);
            let mut errors = validation::object_meta(&object, kind.namespaced, name);
            errors.extend(strategy.validate(kind, &object));
            errors
        }
        Some(old) if sub.is_empty() => strategy.validate_update(kind, &object, old),
        Some(old) => strategy.validate_subresource_update(kind, sub, &object, old),
    };
    let warnings = strategy.warnings(kind, &object, old.as_ref());
    (errors.iter().map(ToString::to_string).collect(), warnings)
}

/// What differs from the data of one kind.
fn check(entry: &Value) -> Vec<String> {
    let path = entry["kind"].as_str().unwrap();
    let [group, version, resource] = path.split('/').collect::<Vec<_>>()[..] else { panic!("{path}") };
    let is_it = |kind: &&Kind| kind.group == group && kind.version == version && kind.plural == resource;
    let kind = registry::known().find(is_it).unwrap_or_else(|| panic!("{path}: no such kind"));
    let base = &entry["object"];
    let mut failures = Vec::new();
    let (errors, _) = told(kind, base, None, "");
    if !errors.is_empty() {
        failures.push(format!("{path}: the object itself: {errors:?}"));
    }
    for case in entry["cases"].as_array().unwrap() {
        let patched = |patch: &Value| {
            let mut value = base.clone();
            merge(&mut value, patch);
            value
        };
        if case.get("errors").is_none() && case.get("warnings").is_none() {
            failures.push(format!("{path} {}: says nothing of what comes of it", case["case"]));
        }
        let old = case.get("from").map(patched);
        let (errors, warnings) =
            told(kind, &patched(&case["with"]), old.as_ref(), case["sub"].as_str().unwrap_or_default());
        for (what, got) in [("errors", json!(errors)), ("warnings", json!(warnings))] {
            if let Some(wanted) = case.get(what).filter(|wanted| **wanted != got) {
                failures.push(format!("{path} {}: {what}\n  wanted {wanted}\n  got    {got}", case["case"]));
            }
        }
    }
    failures
}

/// RFC 7386.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (key, value) in patch {
        match value {
            Value::Null => drop(target.as_object_mut().unwrap().remove(key)),
            value => merge(&mut target[key], value),
        }
    }
}

/// Kinds about which nothing can be wrong but their metadata, and why.
const NO_RULES: [(&str, &str); 12] = [
    ("/v1/bindings", "the server looks at them where it binds the Pod"),
    ("/v1/componentstatuses", "only read"),
    ("authentication.k8s.io/v1/selfsubjectreviews", "asks for nothing"),
    ("authentication.k8s.io/v1/tokenreviews", "one without a token is a bad request, which is no field's error"),
    ("authorization.k8s.io/v1/localsubjectaccessreviews", "the server looks at it where it answers"),
    ("authorization.k8s.io/v1/selfsubjectaccessreviews", "the server looks at it where it answers"),
    ("authorization.k8s.io/v1/selfsubjectrulesreviews", "one without a namespace is a bad request"),
    ("authorization.k8s.io/v1/subjectaccessreviews", "the server looks at it where it answers"),
    ("internal.apiserver.k8s.io/v1alpha1/storageversions", "its status is written by servers, in words of their own"),
    ("kernel.kubernel.io/v1alpha1/agents", "only read"),
    ("kernel.kubernel.io/v1alpha1/frameworks", "says what a framework said of itself"),
    ("kernel.kubernel.io/v1alpha1/offers", "only read"),
];

/// What a case of the data is tried on: its kind, the object that is right, and the cases.
fn entries() -> Vec<Value> {
    let parsed = |(group, data): (&str, &str)| -> Vec<Value> {
        serde_json::from_str(data).unwrap_or_else(|error| panic!("{group}: {error}"))
    };
    GROUPS.into_iter().flat_map(parsed).collect()
}

fn path(group: &str, version: &str, plural: &str) -> String {
    format!("{group}/{version}/{plural}")
}

#[test]
fn every_kind_has_an_object_that_is_right_and_one_that_is_wrong() {
    let entries = entries();
    let is_wrong = |case: &Value| case["errors"].as_array().is_some_and(|errors| !errors.is_empty());
    let tried: BTreeSet<&str> = entries
        .iter()
        .filter(|entry| entry["cases"].as_array().unwrap().iter().any(is_wrong))
        .map(|entry| entry["kind"].as_str().unwrap())
        .collect();
    let missing: Vec<String> = registry::known()
        .filter(|kind| kind.stored_as.is_none_or(|stored| stored.group != kind.group))
        .map(|kind| path(&kind.group, &kind.version, &kind.plural))
        .filter(|path| !tried.contains(path.as_str()) && !NO_RULES.iter().any(|(known, _)| known == path))
        .collect();
    assert!(missing.is_empty(), "no row with errors: {missing:#?}");
    for (kind, _) in NO_RULES {
        assert!(!tried.contains(kind), "{kind} has rules after all");
    }
}

#[test]
fn earlier_versions_say_the_same() {
    let entries = entries();
    let mut failures = Vec::new();
    for kind in registry::known() {
        let Some(stored) = kind.stored_as.filter(|stored| stored.group == kind.group) else { continue };
        let stable = path(stored.group, stored.version, stored.plural);
        for entry in entries.iter().filter(|entry| entry["kind"] == stable.as_str()) {
            let mut object = entry["object"].clone();
            object["apiVersion"] = json!(format!("{}/{}", stored.group, stored.version));
            object["kind"] = json!(kind.kind);
            let mut object = Object::from_value(object).unwrap();
            (stored.from_stored)(&mut object);
            let (errors, _) = told(kind, &object.into_value(), None, "");
            if !errors.is_empty() {
                failures.push(format!("{} of {stable}: {errors:?}", kind.version));
            }
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn rules_as_in_upstreams_source() {
    let failures: Vec<String> = entries().iter().flat_map(check).collect();
    assert!(failures.is_empty(), "{} differ:\n{}", failures.len(), failures.join("\n"));
}

//! Rules of admission policies and their bindings, save for CEL expressions, which are compiled where they are evaluated.

use kubernel_meta::field::{Error, Path};
use kubernel_meta::{LabelSelector, Object, validation as meta};
use serde_json::Value;

use super::webhook_rules::match_conditions;
use crate::tree::{items, set, text};
use crate::validate;

/// What is wrong with a ValidatingAdmissionPolicy.
pub(super) fn validating(policy: &Object) -> Vec<Error> {
    let (path, spec) = (Path::root("spec"), policy.at(&["spec"]).unwrap_or(&Value::Null));
    let mut errors = common(&path, spec);
    let (validations, audits) = (items(spec, "validations"), items(spec, "auditAnnotations"));
    if validations.is_empty() && audits.is_empty() {
        let message = "validations or auditAnnotations must contain at least one item";
        errors.push(path.child("validations").required(message));
        errors.push(path.child("auditAnnotations").required(message));
    }
    for (at, validation) in validations.iter().enumerate() {
        if text(validation, "expression").trim().is_empty() {
            let at = path.child("validations").index(at).child("expression");
            errors.push(at.required("expression is not specified"));
        }
    }
    for (at, audit) in audits.iter().enumerate() {
        let at = path.child("auditAnnotations").index(at);
        let key = text(audit, "key");
        if key.is_empty() {
            errors.push(at.child("key").required(""));
        } else {
            let whole = format!("{}/{key}", policy.name());
            errors.extend(validate::texts(&at.child("key"), &whole, meta::label_key(&whole)));
        }
    }
    errors
}

/// What is wrong with a MutatingAdmissionPolicy.
pub(super) fn mutating(policy: &Object) -> Vec<Error> {
    let (path, spec) = (Path::root("spec"), policy.at(&["spec"]).unwrap_or(&Value::Null));
    let mut errors = common(&path, spec);
    let mutations = items(spec, "mutations");
    if mutations.is_empty() {
        errors.push(path.child("mutations").required("mutations must contain at least one item"));
    }
    for (at, mutation) in mutations.iter().enumerate() {
        errors.extend(mutation_errors(&path.child("mutations").index(at), mutation));
    }
    match text(spec, "reinvocationPolicy") {
        "" => errors.push(path.child("reinvocationPolicy").required("")),
        "Never" | "IfNeeded" => {}
        other => errors.push(path.child("reinvocationPolicy").not_supported(other, &["IfNeeded", "Never"])),
    }
    errors
}

fn mutation_errors(path: &Path, mutation: &Value) -> Vec<Error> {
    let kind = text(mutation, "patchType");
    let (wanted, other) = match kind {
        "ApplyConfiguration" => ("applyConfiguration", "jsonPatch"),
        "JSONPatch" => ("jsonPatch", "applyConfiguration"),
        "" => return vec![path.child("patchType").required("")],
        _ => return vec![path.child("patchType").not_supported(kind, &["ApplyConfiguration", "JSONPatch"])],
    };
    let mut errors = Vec::new();
    if set(mutation, wanted).is_none() {
        errors.push(path.child(wanted).required(format!("must be specified when patchType is {kind}")));
    }
    if set(mutation, other).is_some() {
        let message = format!("must not be specified when patchType is {kind}");
        errors.push(path.child(other).invalid(format!("{{{other}}}"), message));
    }
    errors
}

fn common(path: &Path, spec: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    match text(spec, "failurePolicy") {
        "" => errors.push(path.child("failurePolicy").required("")),
        "Fail" | "Ignore" => {}
        other => errors.push(path.child("failurePolicy").not_supported(other, &["Fail", "Ignore"])),
    }
    if let Some(kind) = set(spec, "paramKind") {
        for field in ["apiVersion", "kind"] {
            if text(kind, field).is_empty() {
                errors.push(path.child("paramKind").child(field).required(""));
            }
        }
    }
    errors.extend(match_conditions(&path.child("matchConditions"), items(spec, "matchConditions")));
    let at = path.child("matchConstraints");
    match set(spec, "matchConstraints") {
        None => errors.push(at.required("")),
        Some(constraints) => {
            errors.extend(selectors(&at, constraints));
            if items(constraints, "resourceRules").is_empty() {
                errors.push(at.child("resourceRules").required(""));
            }
        }
    }
    errors
}

fn selectors(path: &Path, resources: &Value) -> Vec<Error> {
    let named = ["namespaceSelector", "objectSelector"].into_iter();
    named
        .filter_map(|field| Some((field, set(resources, field)?)))
        .flat_map(|(field, selector)| LabelSelector::validate_value(selector, &path.child(field)))
        .collect()
}

/// What is wrong with a binding; those of validating policies say what happens when validation fails.
pub(super) fn binding(binding: &Object, validating: bool) -> Vec<Error> {
    let (path, spec) = (Path::root("spec"), binding.at(&["spec"]).unwrap_or(&Value::Null));
    let (at, policy) = (path.child("policyName"), text(spec, "policyName"));
    let mut errors = Vec::new();
    if policy.is_empty() {
        errors.push(at.required(""));
    } else {
        errors.extend(validate::texts(&at, policy, meta::dns1123_subdomain(policy)));
    }
    if let Some(parameter) = set(spec, "paramRef") {
        errors.extend(parameter_errors(&path.child("paramRef"), parameter));
    }
    if let Some(resources) = set(spec, "matchResources") {
        errors.extend(selectors(&path.child("matchResources"), resources));
    }
    if validating {
        errors.extend(actions(&path.child("validationActions"), items(spec, "validationActions")));
    }
    errors
}

fn parameter_errors(path: &Path, parameter: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    match (text(parameter, "name").is_empty(), set(parameter, "selector").is_none()) {
        (true, true) => errors.push(path.required("one of name or selector must be specified")),
        (false, false) => {
            let message = "name and selector are mutually exclusive";
            errors.push(path.child("name").forbidden(message));
        }
        _ => {}
    }
    let at = path.child("parameterNotFoundAction");
    match text(parameter, "parameterNotFoundAction") {
        "" => errors.push(at.required("")),
        "Allow" | "Deny" => {}
        other => errors.push(at.not_supported(other, &["Deny", "Allow"])),
    }
    errors
}

fn actions(path: &Path, actions: &[Value]) -> Vec<Error> {
    const KNOWN: [&str; 3] = ["Audit", "Deny", "Warn"];
    let names: Vec<&str> = actions.iter().filter_map(Value::as_str).collect();
    let mut errors = Vec::new();
    for (at, name) in names.iter().enumerate() {
        if !KNOWN.contains(name) {
            errors.push(path.index(at).not_supported(*name, &KNOWN));
        }
        if names[..at].contains(name) {
            errors.push(path.index(at).duplicate(*name));
        }
    }
    if names.contains(&"Deny") && names.contains(&"Warn") {
        let message = "must not contain both Deny and Warn (repeating the same validation failure information in the API \
                       response and headers serves no purpose)";
        errors.push(path.invalid(actions.to_vec(), message));
    }
    if names.is_empty() {
        errors.push(path.required("at least one validation action is required"));
    }
    errors
}

/// What is wrong with a policy's status.
pub(super) fn status(new: &Object, _old: &Object) -> Vec<Error> {
    validate::conditions(&Path::root("status").child("conditions"), new.list_at(&["status", "conditions"]))
}

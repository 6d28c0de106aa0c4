//! Rules of admission policies and their bindings; those of their expressions are in `expressions`.

use kubernel_cel::admission::{Compiler, Features, Purpose};
use kubernel_meta::field::{Error, Path};
use kubernel_meta::{LabelSelector, Object, validation as meta};
use serde_json::Value;

use super::expressions;
use super::webhook_rules::rule_errors;
use crate::tree::{items, set, text};
use crate::validate;

/// What is wrong with a ValidatingAdmissionPolicy, or with a change of one.
pub(super) fn validating(policy: &Object, old: Option<&Object>) -> Vec<Error> {
    let (path, spec) = (Path::root("spec"), policy.at(&["spec"]).unwrap_or(&Value::Null));
    let mut compiler = compiler(spec, false);
    let mut errors = common(&path, spec, old, &mut compiler);
    let (validations, audits) = (items(spec, "validations"), items(spec, "auditAnnotations"));
    if validations.is_empty() && audits.is_empty() {
        let message = "validations or auditAnnotations must contain at least one item";
        errors.push(path.child("validations").required(message));
        errors.push(path.child("auditAnnotations").required(message));
    }
    for (at, validation) in validations.iter().enumerate() {
        errors.extend(expressions::validation(&path.child("validations").index(at), validation, &compiler));
    }
    errors.extend(expressions::audit_annotations(&path, spec, policy.name(), &compiler));
    errors
}

/// What is wrong with a MutatingAdmissionPolicy, or with a change of one.
pub(super) fn mutating(policy: &Object, old: Option<&Object>) -> Vec<Error> {
    let (path, spec) = (Path::root("spec"), policy.at(&["spec"]).unwrap_or(&Value::Null));
    let mut compiler = compiler(spec, true);
    let mut errors = common(&path, spec, old, &mut compiler);
    let mutations = items(spec, "mutations");
    if mutations.is_empty() {
        errors.push(path.child("mutations").required("mutations must contain at least one item"));
    }
    for (at, mutation) in mutations.iter().enumerate() {
        errors.extend(mutation_errors(&path.child("mutations").index(at), mutation, &compiler));
    }
    match text(spec, "reinvocationPolicy") {
        "" => errors.push(path.child("reinvocationPolicy").required("")),
        "Never" | "IfNeeded" => {}
        other => errors.push(path.child("reinvocationPolicy").not_supported(other, &["IfNeeded", "Never"])),
    }
    errors
}

fn compiler(spec: &Value, patches: bool) -> Compiler {
    Compiler::new(Features { params: set(spec, "paramKind").is_some(), patches })
}

fn mutation_errors(path: &Path, mutation: &Value, compiler: &Compiler) -> Vec<Error> {
    let kind = text(mutation, "patchType");
    let (wanted, other, purpose) = match kind {
        "ApplyConfiguration" => ("applyConfiguration", "jsonPatch", Purpose::Apply),
        "JSONPatch" => ("jsonPatch", "applyConfiguration", Purpose::JsonPatch),
        "" => return vec![path.child("patchType").required("")],
        _ => return vec![path.child("patchType").not_supported(kind, &["ApplyConfiguration", "JSONPatch"])],
    };
    let mut errors = Vec::new();
    match set(mutation, wanted) {
        None => errors.push(path.child(wanted).required(format!("must be specified when patchType is {kind}"))),
        Some(patch) => {
            let (at, expression) = (path.child(wanted).child("expression"), text(patch, "expression"));
            if expression.trim().is_empty() {
                errors.push(at.required("expression is not specified"));
            } else {
                errors.extend(expressions::compiled(compiler, &at, expression, purpose));
            }
        }
    }
    if set(mutation, other).is_some() {
        let message = format!("must not be specified when patchType is {kind}");
        errors.push(path.child(other).invalid(format!("{{{other}}}"), message));
    }
    errors
}

fn common(path: &Path, spec: &Value, old: Option<&Object>, compiler: &mut Compiler) -> Vec<Error> {
    let mut errors = Vec::new();
    match set(spec, "failurePolicy").and_then(Value::as_str) {
        None => errors.push(path.child("failurePolicy").required("")),
        Some("Fail" | "Ignore") => {}
        Some(other) => errors.push(path.child("failurePolicy").not_supported(other, &["Fail", "Ignore"])),
    }
    if let Some(kind) = set(spec, "paramKind") {
        errors.extend(param_kind(&path.child("paramKind"), kind));
    }
    let at = path.child("matchConstraints");
    match set(spec, "matchConstraints") {
        None => errors.push(at.required("")),
        Some(constraints) => {
            errors.extend(match_resources(&at, constraints));
            if items(constraints, "resourceRules").is_empty() {
                errors.push(at.child("resourceRules").required(""));
            }
        }
    }
    let old = old.map(|old| old.at(&["spec"]).unwrap_or(&Value::Null));
    errors.extend(expressions::match_conditions(path, spec, set(spec, "paramKind").is_some(), old));
    errors.extend(expressions::variables(path, spec, compiler));
    errors
}

fn param_kind(path: &Path, param: &Value) -> Vec<Error> {
    let (at, api_version) = (path.child("apiVersion"), text(param, "apiVersion"));
    let mut errors = Vec::new();
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    if api_version.is_empty() {
        errors.push(at.required(""));
    } else if version.contains('/') {
        errors.push(at.invalid(api_version, format!("unexpected GroupVersion string: {api_version}")));
    } else {
        let joined = |texts: Vec<String>| (!texts.is_empty()).then(|| texts.join(","));
        if !group.is_empty() {
            errors.extend(joined(meta::dns1123_subdomain(group)).map(|text| at.invalid(group, text)));
        }
        if version.is_empty() {
            errors.push(at.invalid(api_version, "version must be specified"));
        } else {
            errors.extend(joined(meta::dns1035_label(version)).map(|text| at.invalid(version, text)));
        }
    }
    let (at, kind) = (path.child("kind"), text(param, "kind"));
    if kind.is_empty() {
        errors.push(at.required(""));
    } else {
        let wrong = meta::dns1035_label(&kind.to_lowercase());
        if !wrong.is_empty() {
            let message = format!("may have mixed case, but should otherwise match: {}", wrong.join(","));
            errors.push(at.invalid(kind, message));
        }
    }
    errors
}

/// What is wrong with the resources that a policy or binding selects.
fn match_resources(path: &Path, resources: &Value) -> Vec<Error> {
    let (at, mut errors) = (path.child("matchPolicy"), Vec::new());
    match set(resources, "matchPolicy").and_then(Value::as_str) {
        None => errors.push(at.required("")),
        Some("Equivalent" | "Exact") => {}
        Some(other) => errors.push(at.not_supported(other, &["Equivalent", "Exact"])),
    }
    errors.extend(selectors(path, resources));
    for list in ["resourceRules", "excludeResourceRules"] {
        for (at, rule) in items(resources, list).iter().enumerate() {
            errors.extend(named_rule(&path.child(list).index(at), rule));
        }
    }
    errors
}

fn named_rule(path: &Path, rule: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    let names: Vec<&str> = items(rule, "resourceNames").iter().filter_map(Value::as_str).collect();
    for (at, name) in names.iter().enumerate() {
        let path = path.child("resourceNames").index(at);
        errors.extend(validate::texts(&path, name, meta::path_segment_name(name)));
        if names[..at].contains(name) {
            errors.push(path.duplicate(*name));
        }
    }
    errors.extend(rule_errors(path, rule));
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
        // Upstream misspells the field in the paths of validating bindings.
        let at = path.child(if validating { "matchResouces" } else { "matchResources" });
        errors.extend(match_resources(&at, resources));
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

//! Rules of flow schemas and priority levels.

use kubernel_meta::Object;
use kubernel_meta::field::{Error, Path, Reason};
use serde_json::Value;

use crate::tree::{int, items, set, text};
use crate::validate;

const PRECEDENCE_MAX: i64 = 10_000;
const QUEUES_MAX: i64 = 10_000_000;
const VERBS: [&str; 9] = ["create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch"];

/// What is wrong with a FlowSchema.
pub(super) fn flow_schema(schema: &Object) -> Vec<Error> {
    let (path, spec) = (Path::root("spec"), schema.at(&["spec"]).unwrap_or(&Value::Null));
    let mut errors = Vec::new();
    let precedence = int(spec, "matchingPrecedence");
    if precedence <= 0 {
        errors.push(path.child("matchingPrecedence").invalid(precedence, "must be a positive value"));
    }
    if precedence > PRECEDENCE_MAX {
        let message = format!("must not be greater than {PRECEDENCE_MAX}");
        errors.push(path.child("matchingPrecedence").invalid(precedence, message));
    }
    if let Some(method) = set(spec, "distinguisherMethod") {
        let kind = text(method, "type");
        if !matches!(kind, "ByUser" | "ByNamespace") {
            let at = path.child("distinguisherMethod").child("type");
            let shown = format!("{{\"Type\":{}}}", Value::from(kind));
            errors.push(at.not_supported(method.clone(), &["ByNamespace", "ByUser"]).shown_as(shown));
        }
    }
    if schema.str_at(&["spec", "priorityLevelConfiguration", "name"]).is_empty() {
        let at = path.child("priorityLevelConfiguration").child("name");
        errors.push(at.required("must reference a priority level"));
    }
    for (at, rule) in items(spec, "rules").iter().enumerate() {
        errors.extend(rule_errors(&path.child("rules").index(at), rule));
    }
    errors
}

fn rule_errors(path: &Path, rule: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    let subjects = items(rule, "subjects");
    if subjects.is_empty() {
        errors.push(path.child("subjects").required("subjects must contain at least one value"));
    }
    for (at, subject) in subjects.iter().enumerate() {
        errors.extend(subject_errors(&path.child("subjects").index(at), subject));
    }
    if items(rule, "resourceRules").is_empty() && items(rule, "nonResourceRules").is_empty() {
        errors.push(path.required("at least one of resourceRules and nonResourceRules has to be non-empty"));
    }
    for (at, rule) in items(rule, "resourceRules").iter().enumerate() {
        let path = path.child("resourceRules").index(at);
        errors.extend(verbs(&path.child("verbs"), items(rule, "verbs")));
        for (field, word) in [("apiGroups", "api group"), ("resources", "resource")] {
            if items(rule, field).is_empty() {
                let message = format!("resource rules must supply at least one {word}");
                errors.push(path.child(field).required(message));
            }
        }
        if items(rule, "namespaces").is_empty() && rule.get("clusterScope") != Some(&Value::Bool(true)) {
            let message = "resource rules that are not cluster scoped must supply at least one namespace";
            errors.push(path.child("namespaces").required(message));
        }
    }
    for (at, rule) in items(rule, "nonResourceRules").iter().enumerate() {
        let path = path.child("nonResourceRules").index(at);
        errors.extend(verbs(&path.child("verbs"), items(rule, "verbs")));
        if items(rule, "nonResourceURLs").is_empty() {
            errors.push(path.child("nonResourceURLs").required("nonResourceURLs must contain at least one value"));
        }
    }
    errors
}

fn verbs(path: &Path, verbs: &[Value]) -> Vec<Error> {
    let shown = || Value::Array(verbs.to_vec());
    let names: Vec<&str> = verbs.iter().filter_map(Value::as_str).collect();
    if names.is_empty() {
        return vec![path.required("verbs must contain at least one value")];
    }
    if names.contains(&"*") {
        let alone = names.len() == 1;
        let error = || path.invalid(shown(), "if '*' is present, must not specify other verbs");
        return if alone { Vec::new() } else { vec![error()] };
    }
    let unknown = names.iter().any(|verb| !VERBS.contains(verb));
    let error = || {
        let mut error = path.not_supported("", &VERBS);
        error.value = shown();
        error
    };
    if unknown { vec![error()] } else { Vec::new() }
}

fn subject_errors(path: &Path, subject: &Value) -> Vec<Error> {
    const PARTS: [(&str, &str); 3] = [("User", "user"), ("Group", "group"), ("ServiceAccount", "serviceAccount")];
    let kind = text(subject, "kind");
    if !PARTS.iter().any(|(known, _)| *known == kind) {
        return vec![path.child("kind").not_supported(kind, &["Group", "ServiceAccount", "User"])];
    }
    let mut errors = Vec::new();
    for (owner, field) in PARTS {
        let (at, part) = (path.child(field), set(subject, field));
        match part {
            None if owner == kind => {
                errors.push(at.required(format!("{field} is required when subject kind is '{owner}'")));
            }
            Some(_) if owner != kind => {
                errors.push(at.forbidden(format!("{field} is forbidden when subject kind is not '{owner}'")));
            }
            Some(part) => {
                if text(part, "name").is_empty() {
                    errors.push(at.child("name").required(""));
                }
                if field == "serviceAccount" && text(part, "namespace").is_empty() {
                    errors.push(at.child("namespace").required("must specify namespace for service account"));
                }
            }
            None => {}
        }
    }
    errors
}

/// What is wrong with a PriorityLevelConfiguration.
pub(super) fn priority_level(level: &Object) -> Vec<Error> {
    let (path, spec) = (Path::root("spec"), level.at(&["spec"]).unwrap_or(&Value::Null));
    let (kind, limited) = (text(spec, "type"), set(spec, "limited"));
    match (kind, limited) {
        ("Exempt", Some(_)) => {
            let message = "must be nil if the type is not Limited";
            vec![path.child("limited").forbidden(message)]
        }
        ("Exempt", None) => Vec::new(),
        ("Limited", None) => vec![path.child("limited").required("must not be empty when type is Limited")],
        ("Limited", Some(limited)) => limited_errors(&path.child("limited"), limited),
        (other, _) => vec![path.child("type").not_supported(other, &["Exempt", "Limited"])],
    }
}

fn limited_errors(path: &Path, limited: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    errors.extend(validate::non_negative(
        &path.child("nominalConcurrencyShares"),
        limited.get("nominalConcurrencyShares"),
    ));
    let response = limited.get("limitResponse").unwrap_or(&Value::Null);
    let (at, queuing) = (path.child("limitResponse"), set(response, "queuing"));
    match (text(response, "type"), queuing) {
        ("Reject", None) => {}
        ("Reject", Some(_)) => {
            let message = "must be nil if limited.limitResponse.type is not Limited";
            errors.push(at.child("queuing").forbidden(message));
        }
        ("Queue", None) => {
            let message = "must not be empty if limited.limitResponse.type is Limited";
            errors.push(at.child("queuing").required(message));
        }
        ("Queue", Some(queuing)) => {
            let (queues, at) = (int(queuing, "queues"), at.child("queuing").child("queues"));
            if queues > QUEUES_MAX {
                errors.push(at.invalid(queues, format!("must not be greater than {QUEUES_MAX}")));
            }
        }
        (other, _) => {
            let at = at.child("type");
            errors.push(at.error(Reason::NotSupported, other, "supported values: \"Queue\", \"Reject\""));
        }
    }
    if let Some(percent) = limited.get("lendablePercent").and_then(Value::as_i64)
        && !(0..=100).contains(&percent)
    {
        errors.push(path.child("lendablePercent").invalid(percent, "must be between 0 and 100, inclusive"));
    }
    if let Some(percent) = limited.get("borrowingLimitPercent").and_then(Value::as_i64)
        && percent < 0
    {
        let message = "if specified, must be a non-negative integer";
        errors.push(path.child("borrowingLimitPercent").invalid(percent, message));
    }
    errors
}

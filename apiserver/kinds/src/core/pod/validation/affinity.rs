//! Node affinity, pod affinity and anti-affinity.

use kubernel_meta::field::{Error, Path};
use kubernel_meta::validation as meta;
use serde_json::Value;

use super::selectors::{self, label_key, label_values};
use crate::tree::{int, items, set, text};
use crate::validate::texts;

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

/// What is wrong with an affinity.
pub(super) fn validate(path: &Path, affinity: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    if let Some(node) = set(affinity, "nodeAffinity") {
        errors.extend(node_affinity(&path.child("nodeAffinity"), node));
    }
    for kind in ["podAffinity", "podAntiAffinity"] {
        if let Some(pods) = set(affinity, kind) {
            errors.extend(pod_affinity(&path.child(kind), pods));
        }
    }
    errors
}

fn node_affinity(path: &Path, node: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    if let Some(required) = set(node, REQUIRED) {
        errors.extend(node_selector(&path.child(REQUIRED), required));
    }
    for (i, preferred) in items(node, PREFERRED).iter().enumerate() {
        let at = path.child(PREFERRED).index(i);
        errors.extend(weight(&at, preferred));
        // Wrong label values are let pass here: a cluster of one node schedules such Pods.
        let term = preferred.get("preference").unwrap_or(&Value::Null);
        errors.extend(node_term(&at.child("preference"), term, false));
    }
    errors
}

/// What is wrong with a selector of nodes that must be met.
pub(crate) fn node_selector(path: &Path, selector: &Value) -> Vec<Error> {
    let (at, terms) = (path.child("nodeSelectorTerms"), items(selector, "nodeSelectorTerms"));
    if terms.is_empty() {
        return vec![at.required("must have at least one node selector term")];
    }
    terms.iter().enumerate().flat_map(|(i, term)| node_term(&at.index(i), term, true)).collect()
}

fn weight(path: &Path, preferred: &Value) -> Option<Error> {
    let weight = int(preferred, "weight");
    let range = 1..=100;
    (!range.contains(&weight)).then(|| path.child("weight").invalid(weight, "must be in the range 1-100"))
}

fn node_term(path: &Path, term: &Value, check_values: bool) -> Vec<Error> {
    let mut errors = Vec::new();
    for (i, expression) in items(term, "matchExpressions").iter().enumerate() {
        errors.extend(node_expression(&path.child("matchExpressions").index(i), expression, check_values));
    }
    for (i, field) in items(term, "matchFields").iter().enumerate() {
        errors.extend(node_field(&path.child("matchFields").index(i), field));
    }
    errors
}

fn node_expression(path: &Path, expression: &Value, check_values: bool) -> Vec<Error> {
    let mut errors = Vec::new();
    let (values, at) = (items(expression, "values"), path.child("values"));
    match text(expression, "operator") {
        "In" | "NotIn" if values.is_empty() => {
            errors.push(at.required("must be specified when `operator` is 'In' or 'NotIn'"));
        }
        "Exists" | "DoesNotExist" if !values.is_empty() => {
            errors.push(at.forbidden("may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
        }
        "Gt" | "Lt" if values.len() != 1 => {
            errors.push(at.required("must be specified single value when `operator` is 'Lt' or 'Gt'"));
        }
        "In" | "NotIn" | "Exists" | "DoesNotExist" | "Gt" | "Lt" => {}
        other => errors.push(path.child("operator").invalid(other, "not a valid selector operator")),
    }
    errors.extend(label_key(&path.child("key"), text(expression, "key")));
    if check_values {
        errors.extend(label_values(&at, values));
    }
    errors
}

fn node_field(path: &Path, field: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    let values = items(field, "values");
    match text(field, "operator") {
        "In" | "NotIn" if values.len() != 1 => {
            let detail = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
            errors.push(path.child("values").required(detail));
        }
        "In" | "NotIn" => {}
        other => errors.push(path.child("operator").invalid(other, "not a valid selector operator")),
    }
    match text(field, "key") {
        "metadata.name" => {
            for (i, value) in values.iter().enumerate() {
                let name = value.as_str().unwrap_or_default();
                errors.extend(texts(&path.child("values").index(i), name, meta::dns1123_subdomain(name)));
            }
        }
        other => errors.push(path.child("key").invalid(other, "not a valid field selector key")),
    }
    errors
}

fn pod_affinity(path: &Path, pods: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    for (i, term) in items(pods, REQUIRED).iter().enumerate() {
        errors.extend(pod_term(&path.child(REQUIRED).index(i), term));
    }
    for (i, preferred) in items(pods, PREFERRED).iter().enumerate() {
        let at = path.child(PREFERRED).index(i);
        errors.extend(weight(&at, preferred));
        let term = preferred.get("podAffinityTerm").unwrap_or(&Value::Null);
        errors.extend(pod_term(&at.child("podAffinityTerm"), term));
    }
    errors
}

fn pod_term(path: &Path, term: &Value) -> Vec<Error> {
    let mut errors = selectors::validate(&path.child("labelSelector"), term.get("labelSelector"));
    errors.extend(selectors::validate(&path.child("namespaceSelector"), term.get("namespaceSelector")));
    for name in items(term, "namespaces").iter().filter_map(Value::as_str) {
        errors.extend(texts(&path.child("namespace"), name, meta::dns1123_label(name)));
    }
    errors.extend(match_label_keys(path, term));
    let topology_key = text(term, "topologyKey");
    if topology_key.is_empty() {
        errors.push(path.child("topologyKey").required("can not be empty"));
    }
    errors.extend(label_key(&path.child("topologyKey"), topology_key));
    errors
}

/// What is wrong with the keys whose values come from the Pod itself, of an affinity term or a spread constraint.
pub(super) fn match_label_keys(path: &Path, term: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    let selector = set(term, "labelSelector");
    for field in ["matchLabelKeys", "mismatchLabelKeys"] {
        let keys = items(term, field);
        if keys.is_empty() {
            continue;
        }
        if selector.is_none() {
            errors.push(path.child(field).forbidden("must not be specified when labelSelector is not set"));
            continue;
        }
        for (i, key) in keys.iter().enumerate() {
            errors.extend(label_key(&path.child(field).index(i), key.as_str().unwrap_or_default()));
        }
    }
    let keys = items(term, "matchLabelKeys");
    if let Some(selector) = selector {
        // The selector holds the Pod's own values of these keys by now: a key met twice was in it before.
        let mut seen: Vec<&str> =
            selector.get("matchLabels").and_then(Value::as_object).into_iter().flatten().map(|(k, _)| &**k).collect();
        for expression in items(selector, "matchExpressions") {
            let key = text(expression, "key");
            if let Some(at) = keys.iter().position(|other| other == key)
                && seen.contains(&key)
            {
                errors.push(path.index(at).invalid(key, "exists in both matchLabelKeys and labelSelector"));
            }
            seen.push(key);
        }
    }
    for (i, key) in keys.iter().enumerate().filter(|(_, key)| items(term, "mismatchLabelKeys").contains(key)) {
        let at = path.child("matchLabelKeys").index(i);
        errors.push(at.invalid(key.clone(), "exists in both matchLabelKeys and mismatchLabelKeys"));
    }
    errors
}

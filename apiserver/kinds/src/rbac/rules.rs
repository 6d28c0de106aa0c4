//! What Roles and ClusterRoles have in common: their rules.

use kubernel_meta::field::{Error, Path};
use kubernel_meta::{Object, field, validation};
use serde_json::Value;

use crate::{Kind, Strategy, strategy};

/// What only Roles and ClusterRoles know.
#[derive(Debug)]
pub(super) struct RoleStrategy;

impl Strategy for RoleStrategy {
    fn prepare_create(&self, kind: &Kind, object: &mut Object) {
        strategy::prepare_create(kind, object);
        no_rules(object);
    }

    fn prepare_update(&self, kind: &Kind, new: &mut Object, old: &Object) {
        strategy::prepare_update(kind, new, old);
        no_rules(new);
    }

    fn validate(&self, kind: &Kind, object: &Object) -> Vec<field::Error> {
        let mut errors = Vec::new();
        for (index, rule) in object.list_at(&["rules"]).iter().enumerate() {
            check_rule(rule, kind.namespaced, &Path::root("rules").index(index), &mut errors);
        }
        if let Some(aggregation) = object.map_at(&["aggregationRule"]) {
            let path = Path::root("aggregationRule").child("clusterRoleSelectors");
            let selectors = aggregation.get("clusterRoleSelectors").and_then(Value::as_array);
            if selectors.is_none_or(Vec::is_empty) {
                errors.push(path.required("at least one clusterRoleSelector required if aggregationRule is non-nil"));
            }
            for (index, selector) in selectors.into_iter().flatten().enumerate() {
                let path = path.index(index);
                let wrong = check_selector(selector, &path);
                let unusable = !wrong.is_empty();
                errors.extend(wrong);
                if unusable {
                    errors.push(path.invalid(Value::Null, "invalid label selector."));
                }
            }
        }
        errors
    }

    fn validate_name(&self, name: &str, prefix: bool) -> Vec<String> {
        strategy::path_segment(name, prefix)
    }
}

/// Upstream writes an empty list of rules as null.
fn no_rules(object: &mut Object) {
    if object.list_at(&["rules"]).is_empty() {
        object.set(&["rules"], Value::Null);
    }
}

fn check_rule(rule: &Value, namespaced: bool, path: &Path, errors: &mut Vec<Error>) {
    let is_empty = |key: &str| rule[key].as_array().is_none_or(Vec::is_empty);
    if is_empty("verbs") {
        errors.push(path.child("verbs").required("verbs must contain at least one value"));
    }
    if !is_empty("nonResourceURLs") {
        let (path, urls) = (path.child("nonResourceURLs"), &rule["nonResourceURLs"]);
        if namespaced {
            errors.push(path.invalid(urls.clone(), "namespaced rules cannot apply to non-resource URLs"));
        }
        if !is_empty("apiGroups") || !is_empty("resources") || !is_empty("resourceNames") {
            let detail = "rules cannot apply to both regular resources and non-resource URLs";
            errors.push(path.invalid(urls.clone(), detail));
        }
        return;
    }
    if is_empty("apiGroups") {
        errors.push(path.child("apiGroups").required("resource rules must supply at least one api group"));
    }
    if is_empty("resources") {
        errors.push(path.child("resources").required("resource rules must supply at least one resource"));
    }
}

fn check_selector(selector: &Value, path: &Path) -> Vec<Error> {
    let labels = selector["matchLabels"].as_object().into_iter().flatten();
    let pairs = labels.map(|(key, value)| (key.as_str(), value.as_str().unwrap_or_default()));
    let mut errors = validation::labels(pairs, &path.child("matchLabels"));
    for (index, expression) in selector["matchExpressions"].as_array().into_iter().flatten().enumerate() {
        let path = path.child("matchExpressions").index(index);
        let has_values = expression["values"].as_array().is_some_and(|values| !values.is_empty());
        let operator = expression["operator"].as_str().unwrap_or_default();
        match (operator, has_values) {
            ("In" | "NotIn", false) => {
                let detail = "must be specified when `operator` is 'In' or 'NotIn'";
                errors.push(path.child("values").required(detail));
            }
            ("Exists" | "DoesNotExist", true) => {
                let detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
                errors.push(path.child("values").forbidden(detail));
            }
            ("In" | "NotIn" | "Exists" | "DoesNotExist", _) => {}
            _ => errors.push(path.child("operator").invalid(operator, "not a valid selector operator")),
        }
        let key = expression["key"].as_str().unwrap_or_default();
        errors.extend(validation::label_key(key).into_iter().map(|text| path.child("key").invalid(key, text)));
    }
    errors
}

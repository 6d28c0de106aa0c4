//! Which objects a quota with scopes is for.

use kubernel_kinds::Kind;
use kubernel_kinds::core::pod::qos;
use kubernel_meta::Object;
use serde_json::Value;

/// Whether the quota is for the object: all its scopes hold. Scopes are about Pods (and, one of them, claims); a quota
/// with scopes is for nothing else.
pub(super) fn matches(quota: &Object, kind: &Kind, object: &Object) -> bool {
    let scopes = quota.list_at(&["spec", "scopes"]).iter().filter_map(Value::as_str);
    let selectors = quota.list_at(&["spec", "scopeSelector", "matchExpressions"]);
    scopes.into_iter().all(|scope| holds(scope, "Exists", &[], kind, object))
        && selectors.iter().all(|selector| {
            let text = |key: &str| selector[key].as_str().unwrap_or_default();
            let values = selector["values"].as_array().map_or(&[][..], Vec::as_slice);
            holds(text("scopeName"), text("operator"), values, kind, object)
        })
}

fn holds(scope: &str, operator: &str, values: &[Value], kind: &Kind, object: &Object) -> bool {
    if kind.group.is_empty() && kind.plural == "persistentvolumeclaims" {
        return scope == "VolumeAttributesClass"
            && chosen(object.str_at(&["spec", "volumeAttributesClassName"]), operator, values);
    }
    if !kind.group.is_empty() || kind.plural != "pods" {
        return false;
    }
    let is_best_effort = || object.at(&["spec"]).is_some_and(|spec| qos::class(spec) == "BestEffort");
    let is_terminating = object.int_at(&["spec", "activeDeadlineSeconds"]).is_some_and(|secs| secs >= 0);
    match scope {
        "Terminating" => is_terminating,
        "NotTerminating" => !is_terminating,
        "BestEffort" => is_best_effort(),
        "NotBestEffort" => !is_best_effort(),
        "PriorityClass" => chosen(object.str_at(&["spec", "priorityClassName"]), operator, values),
        "CrossNamespacePodAffinity" => crosses_namespaces(object),
        _ => false,
    }
}

fn chosen(value: &str, operator: &str, values: &[Value]) -> bool {
    let is_in = values.iter().any(|other| other.as_str() == Some(value));
    match operator {
        "In" => is_in,
        "NotIn" => !is_in,
        "DoesNotExist" => value.is_empty(),
        _ => !value.is_empty(),
    }
}

/// Whether any Pod affinity term looks at other namespaces.
fn crosses_namespaces(pod: &Object) -> bool {
    let crosses = |term: &Value| {
        term["namespaces"].as_array().is_some_and(|names| !names.is_empty()) || term["namespaceSelector"].is_object()
    };
    ["podAffinity", "podAntiAffinity"].into_iter().any(|side| {
        let terms = |list: &str| pod.list_at(&["spec", "affinity", side, list]);
        terms("requiredDuringSchedulingIgnoredDuringExecution").iter().any(crosses)
            || terms("preferredDuringSchedulingIgnoredDuringExecution")
                .iter()
                .any(|term| crosses(&term["podAffinityTerm"]))
    })
}

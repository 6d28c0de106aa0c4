//! Scopes: conditions under which an object falls under a quota.

use kubernel_meta::Object;
use serde_json::Value;

use super::text;
use crate::core::pod::qos;

/// One scope of a quota.
pub(super) struct Scope<'a> {
    name: &'a str,
    operator: &'a str,
    values: &'a [Value],
}

/// Whether all scopes of a quota hold; one without scopes is for everything.
pub(super) fn all(quota: &Object, mut holds: impl FnMut(&Scope<'_>) -> bool) -> bool {
    let plain = quota.list_at(&["spec", "scopes"]).iter().filter_map(Value::as_str);
    let plain = plain.map(|name| Scope { name, operator: "Exists", values: &[] });
    let selectors = quota.list_at(&["spec", "scopeSelector", "matchExpressions"]).iter();
    let selectors = selectors.map(|selector| Scope {
        name: text(selector, "scopeName"),
        operator: text(selector, "operator"),
        values: selector.get("values").and_then(Value::as_array).map_or(&[], Vec::as_slice),
    });
    plain.chain(selectors).all(|scope| holds(&scope))
}

impl Scope<'_> {
    pub(super) fn holds_for_pod(&self, pod: &Object) -> bool {
        let is_best_effort = || pod.at(&["spec"]).is_some_and(|spec| qos::class(spec) == "BestEffort");
        let is_terminating = || pod.int_at(&["spec", "activeDeadlineSeconds"]).is_some_and(|secs| secs >= 0);
        match self.name {
            "Terminating" => is_terminating(),
            "NotTerminating" => !is_terminating(),
            "BestEffort" => is_best_effort(),
            "NotBestEffort" => !is_best_effort(),
            "PriorityClass" => self.selects(&[pod.str_at(&["spec", "priorityClassName"])]),
            "CrossNamespacePodAffinity" => crosses_namespaces(pod),
            _ => false,
        }
    }

    /// A claim can have several classes of volume attributes at a time: the wanted one, the one it has, the one it is
    /// being changed to.
    pub(super) fn holds_for_claim(&self, claim: &Object) -> bool {
        self.name == "VolumeAttributesClass"
            && self.selects(&[
                claim.str_at(&["spec", "volumeAttributesClassName"]),
                claim.str_at(&["status", "currentVolumeAttributesClassName"]),
                claim.str_at(&["status", "modifyVolumeStatus", "targetVolumeAttributesClassName"]),
            ])
    }

    /// Whether any of the names is selected; empty ones are none.
    fn selects(&self, names: &[&str]) -> bool {
        let is_listed = |name: &str| self.values.iter().any(|value| value.as_str() == Some(name));
        let mut names = names.iter().filter(|name| !name.is_empty()).peekable();
        let has_none = names.peek().is_none();
        match self.operator {
            "In" => names.any(|name| is_listed(name)),
            "NotIn" => has_none || names.any(|name| !is_listed(name)),
            "DoesNotExist" => has_none,
            _ => !has_none,
        }
    }
}

/// Whether any affinity term of the Pod looks at other namespaces.
fn crosses_namespaces(pod: &Object) -> bool {
    let crosses = |term: &Value| {
        let names = term.get("namespaces").and_then(Value::as_array);
        names.is_some_and(|names| !names.is_empty()) || term.get("namespaceSelector").is_some_and(Value::is_object)
    };
    ["podAffinity", "podAntiAffinity"].into_iter().any(|side| {
        let terms = |list: &str| pod.list_at(&["spec", "affinity", side, list]);
        let weighted = terms("preferredDuringSchedulingIgnoredDuringExecution").iter();
        terms("requiredDuringSchedulingIgnoredDuringExecution").iter().any(crosses)
            || weighted.filter_map(|term| term.get("podAffinityTerm")).any(crosses)
    })
}

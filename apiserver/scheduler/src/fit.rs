//! Whether a Pod of a class may run on a node, and why not: upstream's filters in upstream's order.

use std::{borrow::Cow, collections::BTreeMap};

use kubernel_kernel::{Names, ResourceId, Resources, Unavailability};

use crate::{
    class::{Class, HostPort},
    wire::{Requirement, Taint, Term, Toleration},
};

/// What of a node matters to placement and does not change with every Pod.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct NodeTraits {
    pub(crate) name: Box<str>,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) taints: Vec<Taint>,
    pub(crate) unschedulable: bool,
    /// It answers, as far as is known.
    pub(crate) ready: Ready,
    /// The address under which others reach it, if it says one.
    pub(crate) address: Box<str>,
    /// When it will not be there, if that is known.
    pub(crate) unavailability: Option<Unavailability>,
}

/// Whether a node answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Ready {
    /// Nothing is known to the contrary.
    #[default]
    Yes,
    /// It says that it is not ready.
    No,
    /// It has not been heard of for so long that it is given up.
    Unknown,
}

/// Why a node cannot take a Pod; the texts are upstream's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Unfit {
    /// The Pod asks for other nodes by name.
    NotPinned,
    Unschedulable,
    Taint,
    Affinity,
    Ports,
    /// What there is not enough of, and whether there would be if the node were empty.
    Resources(Vec<Box<str>>, bool),
}

/// The taint that goes with `spec.unschedulable`.
const UNSCHEDULABLE_TAINT: &str = "node.kubernetes.io/unschedulable";

impl Unfit {
    /// What a node adds to the count of reasons.
    pub(crate) fn reasons(&self) -> Vec<String> {
        let one = |text: &str| vec![text.to_owned()];
        match self {
            Self::NotPinned => one("node(s) didn't satisfy plugin(s) [NodeAffinity]"),
            Self::Unschedulable => one("node(s) were unschedulable"),
            Self::Taint => one("node(s) had untolerated taint(s)"),
            Self::Affinity => one("node(s) didn't match Pod's node affinity/selector"),
            Self::Ports => one("node(s) didn't have free ports for the requested pod ports"),
            Self::Resources(names, _) => names
                .iter()
                .map(|name| match &**name {
                    "pods" => "Too many pods".to_owned(),
                    name => format!("Insufficient {name}"),
                })
                .collect(),
        }
    }

    /// Whether taking other Pods away could make room.
    pub(crate) fn resolvable(&self) -> bool {
        match self {
            Self::NotPinned | Self::Unschedulable | Self::Taint | Self::Affinity => false,
            Self::Ports => true,
            Self::Resources(_, would_fit_empty) => *would_fit_empty,
        }
    }
}

/// What does not depend on the Pods that run there. `Ok`: how well it suits, by preferences; higher is better.
pub(crate) fn suits(class: &Class, node: &NodeTraits) -> Result<i64, Unfit> {
    if class.pinned.as_ref().is_some_and(|names| !names.contains(&*node.name)) {
        return Err(Unfit::NotPinned);
    }
    if node.unschedulable {
        let cordon = Taint { key: UNSCHEDULABLE_TAINT.into(), value: String::new(), effect: "NoSchedule".into() };
        if !tolerated(&class.tolerations, &cordon) {
            return Err(Unfit::Unschedulable);
        }
    }
    let hard = |taint: &&Taint| taint.effect == "NoSchedule" || taint.effect == "NoExecute";
    if node.taints.iter().filter(hard).any(|taint| !tolerated(&class.tolerations, taint)) {
        return Err(Unfit::Taint);
    }
    let selected = class.node_selector.iter().all(|(key, value)| node.labels.get(key) == Some(value));
    let required = class.required.as_ref().is_none_or(|s| s.node_selector_terms.iter().any(|t| matches(t, node)));
    if !selected || !required {
        return Err(Unfit::Affinity);
    }
    let soft = |taint: &&Taint| taint.effect == "PreferNoSchedule" && !tolerated(&class.tolerations, taint);
    let avoided = i64::try_from(node.taints.iter().filter(soft).count()).unwrap_or(i64::MAX).saturating_mul(100);
    let wanted =
        class.preferred.iter().filter(|p| matches(&p.preference, node)).map(|p| i64::from(p.weight)).sum::<i64>();
    Ok(wanted.saturating_sub(avoided))
}

/// What of an agent's free part a class may have, by name alone: with what is kept for its role.
pub(crate) fn open_to<'a>(class: &Class, free: &'a Resources, names: &Names) -> Cow<'a, Resources> {
    let Some(role) = class.role.as_ref().filter(|_| !free.is_plain()) else { return Cow::Borrowed(free) };
    let mut open = free.only(|id| names.kind(id).is_some_and(kubernel_kernel::Kind::is_plain));
    for (id, amount) in kept_for(role, free, names) {
        if let Some(plain) = names.kind(id).and_then(|kind| names.id(&kind.name)) {
            open.set(plain, open.get(plain).saturating_add(amount));
        }
    }
    Cow::Owned(open)
}

/// The very resources that a Pod takes: what is kept for its role first.
pub(crate) fn taken(class: &Class, requests: &Resources, free: &Resources, names: &Names) -> Resources {
    let mut taken = requests.clone();
    let Some(role) = class.role.as_ref().filter(|_| !free.is_plain()) else { return taken };
    for (id, amount) in kept_for(role, free, names) {
        let Some(plain) = names.kind(id).and_then(|kind| names.id(&kind.name)) else { continue };
        let part = amount.min(taken.get(plain));
        taken.set(plain, taken.get(plain) - part);
        taken.set(id, part);
    }
    taken
}

/// What of free resources is kept for a role and may be used by anything: not volumes, nor what may be taken back.
fn kept_for<'a>(role: &'a str, free: &'a Resources, names: &'a Names) -> impl Iterator<Item = (ResourceId, u64)> + 'a {
    free.iter().filter(move |(id, _)| {
        names.kind(*id).is_some_and(|kind| {
            !kind.reservations.is_empty() && kind.is_for(role) && kind.disk.is_none() && !kind.revocable && !kind.shared
        })
    })
}

/// What depends on the Pods that run there. `free` and `total` of the node, `used` ports.
pub(crate) fn has_room(
    class: &Class,
    requests: &Resources,
    free: &Resources,
    total: &Resources,
    used: &[HostPort],
    names: &Names,
) -> Result<(), Unfit> {
    if class.ports.iter().any(|port| used.iter().any(|other| port.clashes(other))) {
        return Err(Unfit::Ports);
    }
    if free.contains(requests) {
        return Ok(());
    }
    let lacking = requests.iter().filter(|(id, amount)| free.get(*id) < *amount);
    let mut missing: Vec<Box<str>> = lacking.filter_map(|(id, _)| names.name(id).map(Into::into)).collect();
    missing.sort_by_key(|name| **name != *"pods");
    let would_fit_empty = requests.iter().all(|(id, amount)| id == ResourceId::PODS || total.get(id) >= amount);
    Err(Unfit::Resources(missing, would_fit_empty))
}

pub(crate) fn tolerated(tolerations: &[Toleration], taint: &Taint) -> bool {
    tolerations.iter().any(|toleration| {
        (toleration.effect.is_empty() || toleration.effect == taint.effect)
            && (toleration.key.is_empty() || toleration.key == taint.key)
            && match toleration.operator.as_str() {
                "" | "Equal" => toleration.value == taint.value,
                "Exists" => true,
                "Gt" => compare(&taint.value, &toleration.value).is_some_and(std::cmp::Ordering::is_gt),
                "Lt" => compare(&taint.value, &toleration.value).is_some_and(std::cmp::Ordering::is_lt),
                _ => false,
            }
    })
}

fn matches(term: &Term, node: &NodeTraits) -> bool {
    let empty = term.match_expressions.is_empty() && term.match_fields.is_empty();
    let label = |requirement: &Requirement| holds(requirement, node.labels.get(&requirement.key).map(String::as_str));
    let field = |requirement: &Requirement| requirement.key == "metadata.name" && holds(requirement, Some(&node.name));
    !empty && term.match_expressions.iter().all(label) && term.match_fields.iter().all(field)
}

fn holds(requirement: &Requirement, value: Option<&str>) -> bool {
    let listed = |value: &str| requirement.values.iter().any(|v| v == value);
    let than = |value: &str| requirement.values.first().and_then(|bound| compare(value, bound));
    match requirement.operator.as_str() {
        "In" => value.is_some_and(listed),
        "NotIn" => value.is_none_or(|value| !listed(value)),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        "Gt" => value.and_then(than).is_some_and(std::cmp::Ordering::is_gt),
        "Lt" => value.and_then(than).is_some_and(std::cmp::Ordering::is_lt),
        _ => false,
    }
}

fn compare(left: &str, right: &str) -> Option<std::cmp::Ordering> {
    Some(left.parse::<i64>().ok()?.cmp(&right.parse::<i64>().ok()?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::wire::{Node, PodSpec};

    #[track_caller]
    fn check(pod: serde_json::Value, expected: Result<i64, Unfit>) {
        let spec: PodSpec = serde_json::from_value(pod.clone()).unwrap_or_default();
        let node: Node = serde_json::from_value(json!({
            "metadata": {"name": "n1", "labels": {"zone": "a", "cores": "8"}},
            "spec": {"taints": [
                {"key": "soft", "value": "x", "effect": "PreferNoSchedule"},
                {"key": "gpu", "value": "yes", "effect": "NoSchedule"},
            ]},
        }))
        .unwrap_or_default();
        let traits = NodeTraits {
            name: node.metadata.name.into(),
            labels: node.metadata.labels,
            taints: node.spec.taints,
            ..NodeTraits::default()
        };
        assert_eq!(suits(&Class::of(&spec), &traits), expected, "{pod}");
    }

    #[test]
    fn nodes_suit_by_taints_selector_and_affinity() {
        let gpu = json!({"key": "gpu", "operator": "Equal", "value": "yes", "effect": "NoSchedule"});
        let everything = json!({"operator": "Exists"});
        let required = |expression: serde_json::Value| {
            json!({"tolerations": [gpu], "affinity": {"nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}}}})
        };
        let fields = |name: &str| {
            json!({"tolerations": [gpu], "affinity": {"nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
                    {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [name]}]}]}}}})
        };
        check(json!({}), Err(Unfit::Taint));
        check(json!({"tolerations": [gpu]}), Ok(-100));
        check(json!({"tolerations": [everything]}), Ok(0));
        check(json!({"tolerations": [{"key": "gpu", "value": "no"}]}), Err(Unfit::Taint));
        check(json!({"tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoExecute"}]}), Err(Unfit::Taint));
        check(json!({"tolerations": [gpu], "nodeSelector": {"zone": "a"}}), Ok(-100));
        check(json!({"tolerations": [gpu], "nodeSelector": {"zone": "b"}}), Err(Unfit::Affinity));
        check(required(json!({"key": "zone", "operator": "In", "values": ["b", "a"]})), Ok(-100));
        check(required(json!({"key": "zone", "operator": "NotIn", "values": ["a"]})), Err(Unfit::Affinity));
        check(required(json!({"key": "none", "operator": "NotIn", "values": ["a"]})), Ok(-100));
        check(required(json!({"key": "none", "operator": "Exists"})), Err(Unfit::Affinity));
        check(required(json!({"key": "none", "operator": "DoesNotExist"})), Ok(-100));
        check(required(json!({"key": "cores", "operator": "Gt", "values": ["7"]})), Ok(-100));
        check(required(json!({"key": "cores", "operator": "Lt", "values": ["8"]})), Err(Unfit::Affinity));
        check(fields("n1"), Ok(-100));
        check(fields("n2"), Err(Unfit::NotPinned));
        let preferred =
            json!({"weight": 30, "preference": {"matchExpressions": [{"key": "zone", "operator": "Exists"}]}});
        check(
            json!({"tolerations": [everything], "affinity": {"nodeAffinity": {
                "preferredDuringSchedulingIgnoredDuringExecution": [preferred]}}}),
            Ok(30),
        );
    }

    #[test]
    fn host_ports_clash_on_any_address() {
        let port = |port, ip: &str| HostPort { port, protocol: "TCP".into(), ip: ip.into() };
        assert!(port(80, "0.0.0.0").clashes(&port(80, "10.0.0.1")));
        assert!(port(80, "10.0.0.1").clashes(&port(80, "10.0.0.1")));
        assert!(!port(80, "10.0.0.1").clashes(&port(80, "10.0.0.2")));
        assert!(!port(80, "0.0.0.0").clashes(&port(81, "0.0.0.0")));
    }
}

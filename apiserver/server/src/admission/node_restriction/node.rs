//! What a node may say of itself: no label by which it would draw Pods to itself, and no change of its taints.

use std::collections::BTreeSet;

use kubernel_meta::Object;

use super::{Attributes, Operation, name_of};

/// Labels of Kubernetes' own domains that a node gives itself.
const LABELS: [&str; 11] = [
    "beta.kubernetes.io/arch",
    "beta.kubernetes.io/instance-type",
    "beta.kubernetes.io/os",
    "failure-domain.beta.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone",
    "kubernetes.io/arch",
    "kubernetes.io/hostname",
    "kubernetes.io/os",
    "node.kubernetes.io/instance-type",
    "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone",
];
/// Domains whose labels a node gives itself, with those below them.
const DOMAINS: [&str; 2] = ["kubelet.kubernetes.io", "node.kubernetes.io"];
/// The domain whose labels are kept from nodes.
const RESTRICTED: &str = "node-restriction.kubernetes.io";

/// The refusal, if any.
pub(super) fn check(
    request: &Attributes<'_>,
    node: &str,
    object: Option<&Object>,
    old: Option<&Object>,
) -> Option<String> {
    let name = name_of(request, object);
    if name != node {
        return Some(format!("node {node:?} is not allowed to modify node {name:?}"));
    }
    let object = object?;
    let source = |node: &Object| node.at(&["spec", "configSource"]).filter(|source| !source.is_null()).cloned();
    match (request.operation, old) {
        (Operation::Create, _) => {
            if source(object).is_some() {
                return Some(format!("node {node:?} is not allowed to create pods with a non-nil configSource"));
            }
            let labels = forbidden(object, None);
            (!labels.is_empty())
                .then(|| format!("node {node:?} is not allowed to set the following labels: {}", labels.join(", ")))
        }
        (Operation::Update, Some(old)) => {
            if source(object).is_some() && source(object) != source(old) {
                return Some(format!(
                    "node {node:?} is not allowed to update configSource to a new non-nil configSource"
                ));
            }
            if object.list_at(&["spec", "taints"]) != old.list_at(&["spec", "taints"]) {
                return Some(format!("node {node:?} is not allowed to modify taints"));
            }
            let labels = forbidden(object, Some(old));
            (!labels.is_empty()).then(|| format!("is not allowed to modify labels: {}", labels.join(", ")))
        }
        _ => None,
    }
}

/// The changed labels that are not a node's to change.
fn forbidden(node: &Object, old: Option<&Object>) -> Vec<String> {
    let labels = |node: &Object| -> BTreeSet<(String, String)> {
        node.labels().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    };
    let (now, before) = (labels(node), old.map(labels).unwrap_or_default());
    let changed: BTreeSet<&str> = now.symmetric_difference(&before).map(|(key, _)| key.as_str()).collect();
    changed.into_iter().filter(|key| !is_own(key)).map(str::to_owned).collect()
}

fn is_own(label: &str) -> bool {
    let domain = label.split_once('/').map_or("", |(domain, _)| domain);
    let within = |parent: &str| domain.strip_suffix(parent).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    if within(RESTRICTED) {
        return false;
    }
    let reserved = within("kubernetes.io") || within("k8s.io");
    !reserved || LABELS.contains(&label) || DOMAINS.into_iter().any(within)
}

#[cfg(test)]
mod tests {
    use super::is_own;

    #[test]
    fn labels_of_nodes() {
        for (label, expect) in [
            ("zone", true),
            ("example.com/zone", true),
            ("kubernetes.io/hostname", true),
            ("kubernetes.io/other", false),
            ("node.kubernetes.io/anything", true),
            ("a.kubelet.kubernetes.io/anything", true),
            ("node-role.kubernetes.io/control-plane", false),
            ("node-restriction.kubernetes.io/x", false),
            ("a.node-restriction.kubernetes.io/x", false),
            ("x.k8s.io/y", false),
            ("notkubernetes.io/y", true),
        ] {
            assert_eq!(is_own(label), expect, "{label}");
        }
    }
}

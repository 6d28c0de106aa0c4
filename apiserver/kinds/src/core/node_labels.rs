//! Labels of nodes that were given other names, and the warnings about the old ones.

use kubernel_meta::field::Path;
use serde_json::Value;

use crate::tree::{items, text};

/// The old label, since when it is deprecated, and the new one.
const RENAMED: [(&str, &str, &str); 5] = [
    ("beta.kubernetes.io/arch", "v1.14", "kubernetes.io/arch"),
    ("beta.kubernetes.io/os", "v1.14", "kubernetes.io/os"),
    ("failure-domain.beta.kubernetes.io/region", "v1.17", "topology.kubernetes.io/region"),
    ("failure-domain.beta.kubernetes.io/zone", "v1.17", "topology.kubernetes.io/zone"),
    ("beta.kubernetes.io/instance-type", "v1.17", "node.kubernetes.io/instance-type"),
];

/// Since when a label has another name, and which.
pub(crate) fn newer(label: &str) -> Option<(&'static str, &'static str)> {
    RENAMED.iter().find(|(old, ..)| *old == label).map(|(_, since, newer)| (*since, *newer))
}

/// What is to be said about a label, where it has another name.
pub(crate) fn warning(label: &str) -> Option<String> {
    newer(label).map(|(since, newer)| format!("deprecated since {since}; use \"{newer}\" instead"))
}

/// The warnings about a term of a node selector.
pub(crate) fn term_warnings(path: &Path, term: &Value) -> Vec<String> {
    let expressions = items(term, "matchExpressions").iter().enumerate();
    let warnings = expressions.filter_map(|(at, expression)| {
        let key = text(expression, "key");
        let warning = warning(key)?;
        Some(format!("{}: {key} is {warning}", path.child("matchExpressions").index(at).child("key")))
    });
    warnings.collect()
}

//! Labels of nodes that should not be used any more: those that were given other names, and the warnings about them.

use kubernel_meta::field::Path;
use kubernel_meta::validation as meta;
use serde_json::Value;

use crate::tree::{items, text};
use crate::validate;

/// The old label, since when it is deprecated, and the new one.
const RENAMED: [(&str, &str, &str); 5] = [
    ("beta.kubernetes.io/arch", "v1.14", "kubernetes.io/arch"),
    ("beta.kubernetes.io/os", "v1.14", "kubernetes.io/os"),
    ("failure-domain.beta.kubernetes.io/region", "v1.17", "topology.kubernetes.io/region"),
    ("failure-domain.beta.kubernetes.io/zone", "v1.17", "topology.kubernetes.io/zone"),
    ("beta.kubernetes.io/instance-type", "v1.17", "node.kubernetes.io/instance-type"),
];

/// Labels without a successor that means the same, and what is said of them.
const OTHERS: [(&str, &str); 3] = [
    ("app.kubernetes.io/created-by", "deprecated since v1.9"),
    ("scheduler.alpha.kubernetes.io/preferAvoidPods", "deprecated since v1.22; use Taints and Tolerations instead"),
    ("node-role.kubernetes.io/master", "use \"node-role.kubernetes.io/control-plane\" instead"),
];

/// The stable name of a label that had another one in beta.
pub(crate) fn newer(label: &str) -> Option<&'static str> {
    RENAMED.iter().find(|(old, ..)| *old == label).map(|(.., newer)| *newer)
}

/// What is to be said about a label, where it is an old one.
pub(crate) fn warning(label: &str) -> Option<String> {
    let renamed = RENAMED.iter().find(|(old, ..)| *old == label);
    let renamed = renamed.map(|(_, since, newer)| format!("deprecated since {since}; use \"{newer}\" instead"));
    renamed.or_else(|| OTHERS.iter().find(|(old, _)| *old == label).map(|(_, message)| (*message).to_owned()))
}

/// What wrong values of labels in a term of a node selector are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadValues {
    /// Errors, so that no warning has to name them.
    Refused,
    /// Let pass with a warning.
    Warned,
}

/// The warnings about a term of a node selector.
pub(crate) fn term_warnings(path: &Path, term: &Value, bad_values: BadValues) -> Vec<String> {
    let mut warnings = Vec::new();
    for (at, expression) in items(term, "matchExpressions").iter().enumerate() {
        let path = path.child("matchExpressions").index(at);
        warnings.extend(key_warning(&path, expression));
        if bad_values == BadValues::Refused {
            continue;
        }
        for (at, value) in items(expression, "values").iter().filter_map(Value::as_str).enumerate() {
            let at = path.child("values").index(at);
            warnings.extend(meta::label_value(value).iter().map(|text| format!("{at}: {value} is invalid, {text}")));
        }
    }
    warnings
}

/// The warnings about a selector of nodes by their labels.
pub(crate) fn selector_warnings(path: &Path, selector: &Value) -> Vec<String> {
    let expressions = items(selector, "matchExpressions").iter().enumerate();
    let at = path.child("matchExpressions");
    let mut warnings: Vec<String> =
        expressions.filter_map(|(i, expression)| key_warning(&at.index(i), expression)).collect();
    let at = path.child("matchLabels");
    let labels = validate::pairs(selector.get("matchLabels"));
    warnings.extend(labels.filter_map(|(label, _)| Some(format!("{}: {}", at.child(label), warning(label)?))));
    warnings
}

fn key_warning(path: &Path, expression: &Value) -> Option<String> {
    let key = text(expression, "key");
    Some(format!("{}: {key} is {}", path.child("key"), warning(key)?))
}

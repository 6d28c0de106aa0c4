//! The smallest patch that turns the status the API has into the one the node reports.

use serde_json::{Map, Value, json};

/// Status fields that the node answers for; the others (`nominatedNodeName`, `resize`, …) are left alone.
const OWN_FIELDS: [&str; 14] = [
    "observedGeneration",
    "phase",
    "conditions",
    "message",
    "reason",
    "hostIP",
    "hostIPs",
    "podIP",
    "podIPs",
    "startTime",
    "initContainerStatuses",
    "containerStatuses",
    "ephemeralContainerStatuses",
    "qosClass",
];

/// A strategic merge patch for the status subresource; none when nothing differs.
pub(crate) fn status_patch(uid: &str, old: &Value, new: &Value) -> Option<Value> {
    let mut fields = Map::new();
    for name in OWN_FIELDS {
        let (before, after) = (&old[name], &new[name]);
        let change = match name {
            "conditions" => conditions(before, after),
            _ if before == after => None,
            // These lists are merged by address; a new list is to replace the old one.
            "podIPs" | "hostIPs" => Some(replace(before, after)),
            _ => Some(after.clone()),
        };
        if let Some(change) = change {
            fields.insert(name.to_owned(), change);
        }
    }
    (!fields.is_empty()).then(|| json!({"metadata": {"uid": uid}, "status": fields}))
}

fn replace(before: &Value, after: &Value) -> Value {
    let had = before.as_array().is_some_and(|list| !list.is_empty());
    match after {
        Value::Array(list) if had => {
            let mut list = list.clone();
            list.insert(0, json!({"$patch": "replace"}));
            Value::Array(list)
        }
        other => other.clone(),
    }
}

/// The conditions that changed, whole; they are merged by type, those of others stay.
fn conditions(before: &Value, after: &Value) -> Option<Value> {
    let old = |kind: &Value| before.as_array().and_then(|list| list.iter().find(|entry| entry["type"] == *kind));
    let mut changed = Vec::new();
    for condition in after.as_array().into_iter().flatten() {
        let old = old(&condition["type"]);
        let Some(fields) = condition.as_object() else { continue };
        // Whoever set PodScheduled keeps it as it is.
        if condition["type"] == "PodScheduled" && old.is_some_and(|old| old["status"] == condition["status"]) {
            continue;
        }
        let mut entry = Map::new();
        let mut differs = false;
        for (name, value) in fields {
            let before = old.map_or(&Value::Null, |old| &old[name]);
            differs |= before != value;
            // Null takes a field away; where there is none it would only be stored.
            if !value.is_null() || !before.is_null() {
                entry.insert(name.clone(), value.clone());
            }
        }
        if differs {
            changed.push(Value::Object(entry));
        }
    }
    (!changed.is_empty()).then_some(Value::Array(changed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(old: Value, new: Value, expected: Value) {
        let patch = status_patch("u", &old, &new);
        let status = patch.map_or(Value::Null, |patch| patch["status"].clone());
        assert_eq!(status, expected, "{old} -> {new}");
    }

    #[test]
    fn only_what_changed() {
        check(json!({"phase": "Pending"}), json!({"phase": "Pending"}), Value::Null);
        check(json!({"phase": "Pending", "x": 1}), json!({"phase": "Running"}), json!({"phase": "Running"}));
        check(json!({"reason": "Evicted"}), json!({}), json!({"reason": null}));
        check(json!({}), json!({"podIPs": [{"ip": "a"}]}), json!({"podIPs": [{"ip": "a"}]}));
        check(
            json!({"podIPs": [{"ip": "a"}]}),
            json!({"podIPs": [{"ip": "b"}]}),
            json!({"podIPs": [{"$patch": "replace"}, {"ip": "b"}]}),
        );
    }

    #[test]
    fn conditions_of_others_stay() {
        let old = json!({"conditions": [
            {"type": "PodScheduled", "status": "True", "lastTransitionTime": "1"},
            {"type": "Ready", "status": "False", "reason": "ContainersNotReady"},
            {"type": "ContainersReady", "status": "True"},
            {"type": "Theirs", "status": "True"},
        ]});
        let new = json!({"conditions": [
            {"type": "Ready", "status": "True", "reason": null, "message": null},
            {"type": "ContainersReady", "status": "True", "reason": null},
            {"type": "PodScheduled", "status": "True", "lastTransitionTime": "2"},
        ]});
        check(old, new, json!({"conditions": [{"type": "Ready", "status": "True", "reason": null}]}));
    }
}

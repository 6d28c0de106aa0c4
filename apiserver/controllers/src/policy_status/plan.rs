//! Which kinds a policy is about, and what type checking says of its expressions.
//!
//! Built-in kinds alone have types here; what is known of no type is not checked, as upstream does where it finds no
//! schema.

use std::sync::Arc;

use kubernel_cel::admission::typed::{self, Kind, Warning};
use kubernel_cel::declare::DeclType;
use kubernel_kinds::registry;
use kubernel_meta::Gvk;
use kubernel_schema::{Schema, builtin};
use serde_json::Value;

/// A policy is checked against so many kinds at most.
const KINDS_MAX: usize = 10;

/// What type checking says of a policy, given as JSON.
pub(super) fn warnings(policy: &Value) -> Vec<Warning> {
    let spec = &policy["spec"];
    let params = &spec["paramKind"];
    let params = match (params["apiVersion"].as_str(), params["kind"].as_str()) {
        (Some(api_version), Some(kind)) => {
            let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
            type_of(&Gvk::new(group, version, kind))
        }
        _ => None,
    };
    typed::warnings(spec, &kinds(spec), params.as_ref())
}

/// The kinds that the resource rules name one by one, sorted; a rule with wildcards names none.
fn kinds(spec: &Value) -> Vec<Kind> {
    let mut found: Vec<Gvk> = Vec::new();
    for rule in spec["matchConstraints"]["resourceRules"].as_array().into_iter().flatten() {
        let words = |field: &str| -> Vec<&str> {
            let list = rule[field].as_array().into_iter().flatten();
            list.filter_map(Value::as_str).collect()
        };
        let (groups, versions) = (words("apiGroups"), words("apiVersions"));
        if groups.iter().chain(&versions).any(|word| word.contains('*')) {
            continue;
        }
        let resources = words("resources").into_iter().filter(|resource| !resource.contains(['*', '/']));
        for resource in resources {
            for group in &groups {
                let kinds = versions.iter().filter_map(|version| registry::find(group, version, resource));
                for kind in kinds.map(|kind| kind.gvk()) {
                    if !found.contains(&kind) && found.len() < KINDS_MAX {
                        found.push(kind);
                    }
                }
            }
        }
    }
    found.sort_by(|a, b| (&a.group, &a.version, &a.kind).cmp(&(&b.group, &b.version, &b.kind)));
    let named = |kind: Gvk| {
        Some(Kind { name: format!("{}/{}, Kind={}", kind.group, kind.version, kind.kind), ty: type_of(&kind)? })
    };
    found.into_iter().filter_map(named).collect()
}

fn type_of(kind: &Gvk) -> Option<Arc<DeclType>> {
    let types = builtin();
    let root = types.find(&registry::find_kind(kind)?.definition)?;
    Some(typed::of_schema(&Schema { types: types.clone(), root }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn policies_are_checked_against_the_kinds_they_name() {
        let policy = |groups: Value, resources: Value, expression: &str| {
            let rule =
                json!({ "apiGroups": groups, "apiVersions": ["v1"], "operations": ["*"], "resources": resources });
            json!({ "spec": {
                "paramKind": { "apiVersion": "v1", "kind": "ConfigMap" },
                "matchConstraints": { "resourceRules": [rule] },
                "validations": [{ "expression": expression }],
            } })
        };
        let rows = [
            (policy(json!(["apps"]), json!(["deployments"]), "object.spec.replicas > int(params.data['x'])"), vec![]),
            (
                policy(json!(["apps"]), json!(["deployments"]), "object.spec.replica > 1"),
                vec!["apps/v1, Kind=Deployment: "],
            ),
            (
                policy(json!(["apps"]), json!(["deployments"]), "params.spec == null"),
                vec!["apps/v1, Kind=Deployment: "],
            ),
            (policy(json!(["*"]), json!(["deployments"]), "object.spec.replica > 1"), vec![]),
            (policy(json!(["apps"]), json!(["*", "deployments/scale"]), "object.spec.replica > 1"), vec![]),
            (
                policy(json!(["apps", ""]), json!(["statefulsets", "pods"]), "object.spec.nope == 1"),
                vec!["/v1, Kind=Pod: ", "apps/v1, Kind=StatefulSet: "],
            ),
        ];
        for (policy, expected) in rows {
            let found = warnings(&policy);
            assert_eq!(found.len(), usize::from(!expected.is_empty()), "{policy}: {found:?}");
            for start in expected {
                assert!(found[0].text.contains(start), "{policy}: {found:?}");
            }
        }
    }
}

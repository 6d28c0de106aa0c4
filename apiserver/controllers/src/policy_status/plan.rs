//! Which kinds a policy is about, and what type checking says of its expressions.
//!
//! Built-in kinds have types, and custom ones whose definitions are given; what is known of no type is not checked, as
//! upstream does where it finds no schema.

use std::sync::Arc;

use kubernel_cel::admission::typed::{self, Kind, Warning};
use kubernel_cel::declare::DeclType;
use kubernel_kinds::registry;
use kubernel_meta::{Gvk, Object};
use kubernel_schema::{Schema, builtin};
use kubernel_structural::Structural;
use serde_json::Value;

/// A policy is checked against so many kinds at most.
const KINDS_MAX: usize = 10;

/// CustomResourceDefinitions.
#[derive(Default)]
pub(super) struct Definitions(pub(super) Vec<Object>);

impl Definitions {
    fn find(&self, group: &str, version: &str, is_it: impl Fn(&Object) -> bool) -> Option<(&Object, &Value)> {
        let definition = self.0.iter().find(|one| one.str_at(&["spec", "group"]) == group && is_it(one))?;
        let versions = definition.list_at(&["spec", "versions"]).iter();
        let version = versions.into_iter().find(|one| one["name"] == version && one["served"] == true)?;
        Some((definition, version))
    }

    fn kind(&self, group: &str, version: &str, plural: &str) -> Option<Gvk> {
        let (found, _) = self.find(group, version, |one| one.str_at(&["spec", "names", "plural"]) == plural)?;
        Some(Gvk::new(group, version, found.str_at(&["spec", "names", "kind"])))
    }

    fn type_of(&self, kind: &Gvk) -> Option<Arc<DeclType>> {
        let is_it = |one: &Object| one.str_at(&["spec", "names", "kind"]) == kind.kind;
        let (_, version) = self.find(&kind.group, &kind.version, is_it)?;
        let structural = Structural::parse(version.pointer("/schema/openAPIV3Schema")?).ok()?;
        Some(typed::of_schema(&structural.schema(&kind.kind, &kind.api_version())))
    }
}

/// Whether a policy names a group that is not built in, so that its definitions are wanted.
pub(super) fn names_custom(policy: &Value) -> bool {
    let is_custom = |group: &str| group.contains('.') && !registry::all().iter().any(|kind| kind.group == group);
    let spec = &policy["spec"];
    let params = spec["paramKind"]["apiVersion"].as_str().unwrap_or_default();
    let rules = spec["matchConstraints"]["resourceRules"].as_array().into_iter().flatten();
    let groups = rules.flat_map(|rule| rule["apiGroups"].as_array().into_iter().flatten()).filter_map(Value::as_str);
    groups.chain(params.split_once('/').map(|(group, _)| group)).any(is_custom)
}

/// What type checking says of a policy, given as JSON.
pub(super) fn warnings(policy: &Value, definitions: &Definitions) -> Vec<Warning> {
    let spec = &policy["spec"];
    let params = &spec["paramKind"];
    let params = match (params["apiVersion"].as_str(), params["kind"].as_str()) {
        (Some(api_version), Some(kind)) => {
            let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
            type_of(&Gvk::new(group, version, kind), definitions)
        }
        _ => None,
    };
    typed::warnings(spec, &kinds(spec, definitions), params.as_ref())
}

/// The kinds that the resource rules name one by one, sorted; a rule with wildcards names none.
fn kinds(spec: &Value, definitions: &Definitions) -> Vec<Kind> {
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
                let kind = |version: &&str| match registry::find(group, version, resource) {
                    Some(kind) => Some(kind.gvk()),
                    None => definitions.kind(group, version, resource),
                };
                for kind in versions.iter().filter_map(kind) {
                    if !found.contains(&kind) && found.len() < KINDS_MAX {
                        found.push(kind);
                    }
                }
            }
        }
    }
    found.sort_by(|a, b| (&a.group, &a.version, &a.kind).cmp(&(&b.group, &b.version, &b.kind)));
    let named = |kind: Gvk| {
        Some(Kind {
            name: format!("{}/{}, Kind={}", kind.group, kind.version, kind.kind),
            ty: type_of(&kind, definitions)?,
        })
    };
    found.into_iter().filter_map(named).collect()
}

fn type_of(kind: &Gvk, definitions: &Definitions) -> Option<Arc<DeclType>> {
    let Some(built_in) = registry::find_kind(kind) else { return definitions.type_of(kind) };
    let types = builtin();
    let root = types.find(&built_in.definition)?;
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
            let found = warnings(&policy, &Definitions::default());
            assert_eq!(found.len(), usize::from(!expected.is_empty()), "{policy}: {found:?}");
            for start in expected {
                assert!(found[0].text.contains(start), "{policy}: {found:?}");
            }
        }
    }

    #[test]
    fn custom_kinds_have_the_types_of_their_definitions() {
        let schema = json!({ "type": "object", "properties": { "spec": {
            "type": "object", "properties": { "size": { "type": "integer" } },
        } } });
        let definition = json!({ "spec": {
            "group": "example.com", "names": { "plural": "widgets", "kind": "Widget" },
            "versions": [{ "name": "v1", "served": true, "schema": { "openAPIV3Schema": schema } }],
        } });
        let definitions = Definitions(vec![Object::from_value(definition).unwrap()]);
        let policy = |expression: &str| {
            let rule = json!({ "apiGroups": ["example.com"], "apiVersions": ["v1"], "resources": ["widgets"] });
            json!({ "spec": {
                "paramKind": { "apiVersion": "example.com/v1", "kind": "Widget" },
                "matchConstraints": { "resourceRules": [rule] }, "validations": [{ "expression": expression }],
            } })
        };
        for (expression, expect) in [
            ("object.spec.size > params.spec.size && object.metadata.name != ''", None),
            ("object.spec.sise > 1", Some("undefined field 'sise'")),
            ("object.spec.size > params.spec.sice", Some("undefined field 'sice'")),
            ("object.spec.size == 'x'", Some("no matching overload")),
        ] {
            let policy = policy(expression);
            assert!(names_custom(&policy));
            let found = warnings(&policy, &definitions);
            let text = found.first().map(|warning| warning.text.as_str());
            assert_eq!(text.is_some(), expect.is_some(), "{expression}: {text:?}");
            assert!(text.unwrap_or_default().contains(expect.unwrap_or_default()), "{expression}: {text:?}");
        }
    }
}

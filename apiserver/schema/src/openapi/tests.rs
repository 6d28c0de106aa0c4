//! What kubectl and Helm look for in the documents.

use std::sync::Arc;

use super::*;

fn deployments() -> Resource {
    let types = crate::builtin();
    let verbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
    let some = |verbs: &[&str]| verbs.iter().map(|verb| (*verb).to_owned()).collect::<Vec<_>>();
    Resource {
        gvk: Gvk::new("apps", "v1", "Deployment"),
        plural: "deployments".to_owned(),
        namespaced: true,
        verbs: some(&verbs),
        schema: Schema { types: Arc::clone(types), root: types.find("io.k8s.api.apps.v1.Deployment").unwrap() },
        subresources: vec![
            Subresource { name: "status".to_owned(), gvk: None, verbs: some(&["get", "patch", "update"]) },
            Subresource {
                name: "scale".to_owned(),
                gvk: Some(Gvk::new("autoscaling", "v1", "Scale")),
                verbs: some(&["get", "patch", "update"]),
            },
        ],
    }
}

/// Every `$ref` in a document.
fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                match (key.as_str(), value) {
                    ("$ref", Value::String(name)) => found.push(name.clone()),
                    _ => references(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[test]
fn v3_says_what_clients_ask_for() {
    let document = v3(&GroupVersion::new("apps", "v1"), &[deployments()]);
    let item = &document["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"];
    let patch = &item["patch"];
    assert_eq!(
        patch["x-kubernetes-group-version-kind"],
        json!({"group": "apps", "version": "v1", "kind": "Deployment"})
    );
    assert_eq!(patch["x-kubernetes-action"], "patch");
    assert_eq!(patch["operationId"], "patchAppsV1NamespacedDeployment");
    let names: Vec<&Value> = patch["parameters"].as_array().unwrap().iter().map(|p| &p["name"]).collect();
    assert_eq!(names, ["dryRun", "fieldManager", "fieldValidation", "force"]);
    let schemas = &document["components"]["schemas"];
    let deployment = &schemas["io.k8s.api.apps.v1.Deployment"];
    assert_eq!(
        deployment["x-kubernetes-group-version-kind"],
        json!([{"group": "apps", "version": "v1", "kind": "Deployment"}])
    );
    let containers = &schemas["io.k8s.api.core.v1.PodSpec"]["properties"]["containers"];
    assert!(containers["description"].is_string());
    let mut containers = containers.clone();
    containers.as_object_mut().unwrap().remove("description");
    assert_eq!(
        containers,
        json!({"type": "array", "items": {"$ref": "#/components/schemas/io.k8s.api.core.v1.Container"},
            "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
            "x-kubernetes-patch-strategy": "merge", "x-kubernetes-patch-merge-key": "name"})
    );
    let protocol = &schemas["io.k8s.api.core.v1.ContainerPort"]["properties"]["protocol"];
    assert_eq!(protocol["default"], "TCP");
    assert_eq!(protocol["enum"], json!(["SCTP", "TCP", "UDP"]));
    let scale = &document["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale"]["get"];
    assert_eq!(scale["x-kubernetes-group-version-kind"]["group"], "autoscaling");
}

/// Whether anywhere below stands a schema that says nothing.
fn has_empty_schema(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.iter().any(|(key, value)| {
            let is_schema = matches!(key.as_str(), "items" | "additionalProperties");
            let empty = |value: &Value| value.as_object().is_some_and(Map::is_empty);
            let fields = || value.as_object().into_iter().flatten().any(|(_, field)| empty(field));
            (is_schema && empty(value)) || (key == "properties" && fields()) || has_empty_schema(value)
        }),
        Value::Array(items) => items.iter().any(has_empty_schema),
        _ => false,
    }
}

#[test]
fn every_reference_has_its_schema() {
    let all: Vec<Resource> = crate::builtin()
        .iter()
        .filter(|item| item.api_version.is_some() && !item.kind().ends_with("List"))
        .map(|item| Resource {
            gvk: Gvk::new("example.com", "v1", item.kind()),
            plural: item.kind().to_lowercase(),
            schema: Schema { types: Arc::clone(crate::builtin()), root: crate::builtin().find(&item.name).unwrap() },
            ..deployments()
        })
        .collect();
    for (document, place) in
        [(v3(&GroupVersion::new("example.com", "v1"), &all), "#/components/schemas/"), (v2(&all), "#/definitions/")]
    {
        let schemas = document.pointer("/components/schemas").or(document.get("definitions")).unwrap();
        // kubectl explain fails on them.
        assert!(!has_empty_schema(&document));
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 1000);
        for name in found {
            assert!(schemas.get(name.strip_prefix(place).unwrap()).is_some_and(Value::is_object), "{name}");
        }
    }
}

//! What kubectl and Helm look for in the documents.

use std::sync::Arc;

use super::*;
use crate::protobuf::wire::{Fields, Value as Wire};

fn built_in(definition: &str) -> Definition {
    let types = crate::builtin();
    Definition::BuiltIn(Schema { types: Arc::clone(types), root: types.find(definition).unwrap() })
}

fn deployments() -> Resource {
    let verbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
    let some = |verbs: &[&str]| verbs.iter().map(|verb| (*verb).to_owned()).collect::<Vec<_>>();
    Resource {
        gvk: Gvk::new("apps", "v1", "Deployment"),
        plural: "deployments".to_owned(),
        namespaced: true,
        verbs: some(&verbs),
        definition: built_in("io.k8s.api.apps.v1.Deployment"),
        deletion_shows_object: false,
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

/// A custom resource's schemas, as somebody's CustomResourceDefinition has them.
#[derive(Debug)]
struct Widgets;

impl Published for Widgets {
    fn v3(&self) -> Value {
        json!({ "type": "object", "properties": { "spec": { "type": "object", "nullable": true } } })
    }

    fn v2(&self) -> Value {
        json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true })
    }
}

#[test]
fn a_custom_resource_has_what_every_kind_has() {
    let definition = Definition::Custom {
        name: "com.example.v1.Widget".to_owned(),
        list_kind: "WidgetList".to_owned(),
        published: Arc::new(Widgets),
    };
    let widgets = Resource {
        gvk: Gvk::new("example.com", "v1", "Widget"),
        plural: "widgets".to_owned(),
        definition,
        ..deployments()
    };
    let document = v3(&GroupVersion::new("example.com", "v1"), std::slice::from_ref(&widgets));
    let paths: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
    let base = "/apis/example.com/v1/namespaces/{namespace}/widgets";
    let expected = [base, "/{name}", "/{name}/scale", "/{name}/status"];
    assert_eq!(paths[0], base);
    assert!(paths[1..4].iter().zip(&expected[1..]).all(|(path, end)| **path == format!("{base}{end}")), "{paths:?}");
    assert_eq!(paths[4..], ["/apis/example.com/v1/widgets"]);
    let patch = &document["paths"][format!("{base}/{{name}}")]["patch"];
    assert_eq!(patch["operationId"], "patchExampleComV1NamespacedWidget");
    let types: Vec<&String> = patch["requestBody"]["content"].as_object().unwrap().keys().collect();
    assert_eq!(types, ["application/apply-patch+yaml", "application/json-patch+json", "application/merge-patch+json"]);
    let schemas = &document["components"]["schemas"];
    let fields: Vec<&String> = schemas["com.example.v1.Widget"]["properties"].as_object().unwrap().keys().collect();
    assert_eq!(fields, ["apiVersion", "kind", "metadata", "spec"]);
    let kind = |kind: &str| json!([{"group": "example.com", "version": "v1", "kind": kind}]);
    let gvk = "x-kubernetes-group-version-kind";
    assert_eq!(schemas["com.example.v1.Widget"][gvk], kind("Widget"));
    assert_eq!(schemas["com.example.v1.WidgetList"][gvk], kind("WidgetList"));
    let document = v2(&[], &[widgets]);
    assert_eq!(
        document["definitions"]["com.example.v1.Widget"],
        json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true, gvk: kind("Widget")})
    );
}

/// The fields of this number in a message.
fn fields(message: &[u8], number: u32) -> Vec<&[u8]> {
    let fields = Fields::of(message).map(|field| field.expect("a well-formed message"));
    let bytes = fields.filter_map(|(found, value)| match value {
        Wire::Bytes(bytes) if found == number => Some(bytes),
        _ => None,
    });
    bytes.collect()
}

/// What is found by going from message to message along these numbers; where there are many, in the first.
fn text(message: &[u8], path: &[u32]) -> String {
    let found = path.iter().fold(message, |message, number| fields(message, *number)[0]);
    String::from_utf8(found.to_vec()).expect("text")
}

#[test]
fn the_binary_form_says_what_json_says() {
    let document = v2(&[Fixed::Version], &[deployments()]);
    let bytes = v2_binary(&document);
    assert_eq!(text(&bytes, &[1]), "2.0");
    let definitions = fields(fields(&bytes, 9)[0], 1);
    assert_eq!(definitions.len(), document["definitions"].as_object().unwrap().len());
    let deployment = definitions.iter().find(|pair| text(pair, &[1]) == "io.k8s.api.apps.v1.Deployment").unwrap();
    let schema = fields(deployment, 2)[0];
    assert_eq!(text(schema, &[22, 1]), "object");
    let names: Vec<String> = fields(fields(schema, 25)[0], 1).iter().map(|pair| text(pair, &[1])).collect();
    assert_eq!(names, ["apiVersion", "kind", "metadata", "spec", "status"]);
    assert_eq!(text(schema, &[31, 1]), "x-kubernetes-group-version-kind");
    let kinds: Value = serde_json::from_str(&text(schema, &[31, 2, 2])).unwrap();
    assert_eq!(kinds, json!([{"group": "apps", "version": "v1", "kind": "Deployment"}]));
    let paths = fields(fields(&bytes, 8)[0], 2);
    assert_eq!(paths.len(), document["paths"].as_object().unwrap().len());
    let one = paths.iter().find(|pair| text(pair, &[1]).ends_with("/deployments/{name}")).unwrap();
    let [name, namespace, pretty] = fields(fields(one, 2)[0], 9)[..] else { panic!("three parameters") };
    // The word of a path is written in place, with its type; the others by reference.
    assert_eq!(text(name, &[1, 2, 4, 4]), "name");
    assert_eq!(text(name, &[1, 2, 4, 5]), "string");
    assert!(text(namespace, &[2, 1]).starts_with("#/parameters/namespace-"));
    assert!(text(pretty, &[2, 1]).starts_with("#/parameters/pretty-"));
}

#[test]
fn the_binary_form_of_v3_says_what_json_says() {
    let document = v3(&GroupVersion::new("apps", "v1"), &[deployments()]);
    let bytes = v3_binary(&document);
    assert_eq!(text(&bytes, &[1]), "3.0.0");
    let schemas = fields(fields(fields(&bytes, 5)[0], 1)[0], 1);
    assert_eq!(schemas.len(), document["components"]["schemas"].as_object().unwrap().len());
    let find = |name: &str| *schemas.iter().find(|pair| text(pair, &[1]) == name).unwrap();
    let deployment = fields(fields(find("io.k8s.api.apps.v1.Deployment"), 2)[0], 1)[0];
    assert_eq!(text(deployment, &[25]), "object");
    let properties = fields(fields(deployment, 31)[0], 1);
    let names: Vec<String> = properties.iter().map(|pair| text(pair, &[1])).collect();
    assert_eq!(names, ["apiVersion", "kind", "metadata", "spec", "status"]);
    // An inline schema with a reference below it, a default that is an object, and one of a vendor's extensions.
    let spec = fields(fields(properties[3], 2)[0], 1)[0];
    assert_eq!(text(spec, &[26, 2, 1]), "#/components/schemas/io.k8s.api.apps.v1.DeploymentSpec");
    assert_eq!(fields(spec, 33), [b""]);
    let kinds: Value = serde_json::from_str(&text(deployment, &[36, 2, 2])).unwrap();
    assert_eq!(kinds, json!([{"group": "apps", "version": "v1", "kind": "Deployment"}]));
    let paths = fields(fields(&bytes, 4)[0], 1);
    assert_eq!(paths.len(), document["paths"].as_object().unwrap().len());
    let one = paths.iter().find(|pair| text(pair, &[1]).ends_with("/deployments/{name}")).unwrap();
    let put = fields(fields(one, 2)[0], 5)[0];
    assert_eq!(text(put, &[7, 1, 2, 1, 1]), "*/*");
    assert_eq!(text(put, &[7, 1, 2, 1, 2, 1, 2, 1]), "#/components/schemas/io.k8s.api.apps.v1.Deployment");
    assert_eq!(text(put, &[8, 2, 1]), "200");
    assert_eq!(text(fields(fields(one, 2)[0], 13)[0], &[1, 1]), "name");
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
            definition: built_in(&item.name),
            ..deployments()
        })
        .collect();
    for document in [v3(&GroupVersion::new("example.com", "v1"), &all), v2(&[], &all)] {
        // kubectl explain fails on them.
        assert!(!has_empty_schema(&document));
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 1000);
        for name in found {
            assert!(document.pointer(name.strip_prefix('#').unwrap()).is_some_and(Value::is_object), "{name}");
        }
    }
}

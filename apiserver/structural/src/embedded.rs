//! Objects inside of objects (`x-kubernetes-embedded-resource`): their `apiVersion`, `kind` and `metadata`.

use kubernel_meta::field::{Error, Path};
use kubernel_meta::{GroupVersion, Object, validation};
use kubernel_schema::Unknown;
use serde_json::{Map, Value};

use crate::node::Node;
use crate::trail::Trail;

/// Drops unknown metadata of embedded objects, and adds the paths to `dropped`.
pub(crate) fn prune(map: &mut Map<String, Value>, node: &Node, dropped: &mut Vec<String>) {
    let before = dropped.len();
    walk_mut(map, node, "", dropped);
    if dropped.len() > before {
        dropped.sort();
    }
}

fn walk_mut(map: &mut Map<String, Value>, node: &Node, path: &str, dropped: &mut Vec<String>) {
    for (key, value) in map.iter_mut() {
        let Some(child) = node.child(key).filter(|child| reaches(child)) else { continue };
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        visit_mut(value, child, &path, dropped);
    }
}

fn visit_mut(value: &mut Value, node: &Node, path: &str, dropped: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            if node.embedded {
                prune_metadata(map, path, dropped);
            }
            walk_mut(map, node, path, dropped);
        }
        Value::Array(list) => {
            if let Some(items) = &node.items {
                for (index, item) in list.iter_mut().enumerate() {
                    visit_mut(item, items, &format!("{path}[{index}]"), dropped);
                }
            }
        }
        _ => {}
    }
}

fn prune_metadata(map: &mut Map<String, Value>, path: &str, dropped: &mut Vec<String>) {
    let types = kubernel_schema::builtin();
    let Some(meta) = types.find("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta").map(|id| types.get(id)) else {
        return;
    };
    let Some(Value::Object(metadata)) = map.get_mut("metadata") else { return };
    metadata.retain(|key, _| {
        let known = meta.unknown == Unknown::Keep || meta.field(key).is_some();
        if !known {
            dropped.push(format!("{path}.metadata.{key}"));
        }
        known
    });
}

/// What is wrong with embedded objects.
pub(crate) fn validate(node: &Node, map: &Map<String, Value>) -> Vec<Error> {
    let mut errors = Vec::new();
    walk(node, map, &Trail::Root(None), &mut errors);
    errors
}

fn walk(node: &Node, map: &Map<String, Value>, trail: &Trail<'_>, errors: &mut Vec<Error>) {
    for (key, value) in map {
        let property = node.property(key).map(|property| (property, Trail::Field(trail, key)));
        let child = property.or_else(|| Some((node.additional_schema()?, Trail::Key(trail, key))));
        if let Some((child, trail)) = child.filter(|(child, _)| reaches(child)) {
            visit(child, value, &trail, errors);
        }
    }
}

fn visit(node: &Node, value: &Value, trail: &Trail<'_>, errors: &mut Vec<Error>) {
    match value {
        Value::Object(map) => {
            if node.embedded {
                object(map, &trail.path(), errors);
            }
            walk(node, map, trail, errors);
        }
        Value::Array(list) => {
            if let Some(items) = &node.items {
                for (index, item) in list.iter().enumerate() {
                    visit(items, item, &Trail::Index(trail, index), errors);
                }
            }
        }
        _ => {}
    }
}

fn object(map: &Map<String, Value>, path: &Path, errors: &mut Vec<Error>) {
    let api_version = path.child("apiVersion");
    match map.get("apiVersion") {
        None => errors.push(api_version.required("must not be empty")),
        Some(Value::String(text)) if text.is_empty() => errors.push(api_version.required("must not be empty")),
        Some(Value::String(text)) => {
            if GroupVersion::parse(text).is_none() {
                let detail = format!("unexpected GroupVersion string: {text}");
                errors.push(api_version.invalid(text.as_str(), detail));
            }
        }
        Some(other) => errors.push(api_version.invalid(other.clone(), "must be a string")),
    }
    let kind = path.child("kind");
    match map.get("kind") {
        None => errors.push(kind.required("must not be empty")),
        Some(Value::String(text)) if text.is_empty() => errors.push(kind.required("must not be empty")),
        Some(Value::String(text)) => {
            let wrong = validation::dns1035_label(&text.to_lowercase());
            if !wrong.is_empty() {
                let detail = format!("may have mixed case, but should otherwise match: {}", wrong.join(","));
                errors.push(kind.invalid(text.as_str(), detail));
            }
        }
        Some(other) => errors.push(kind.invalid(other.clone(), "must be a string")),
    }
    match map.get("metadata") {
        None => {}
        Some(metadata @ Value::Object(_)) => {
            let holder = Object::new(Map::from_iter([("metadata".to_owned(), metadata.clone())]));
            let path = path.child("metadata");
            errors.extend(validation::labels(holder.labels(), &path.child("labels")));
            errors.extend(validation::annotations(holder.annotations(), &path.child("annotations")));
            errors.extend(validation::owner_references(&holder, &path.child("ownerReferences")));
            errors.extend(validation::finalizers(&holder, &path.child("finalizers")));
        }
        Some(other) => errors.push(path.child("metadata").invalid(other.clone(), "must be an object")),
    }
}

/// Whether an embedded object may be here or below.
fn reaches(node: &Node) -> bool {
    node.embedded
        || node.items.as_deref().is_some_and(reaches)
        || node.additional_schema().is_some_and(reaches)
        || node.properties.iter().any(|(_, property)| reaches(property))
}

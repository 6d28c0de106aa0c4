//! Whether the defaults of a schema fit it: nothing unknown in them, and valid (ValidateDefaults).

use kubernel_meta::field::{Error, Path};
use serde_json::{Map, Value};

use super::{one, schemas};
use crate::node::Node;
use crate::prune;
use crate::rules::{self, Rules};
use crate::trail::Trail;
use crate::value;

/// What is wrong with the defaults of a schema that is structural.
pub(super) fn check(node: &Node, json: &Map<String, Value>, path: &Path) -> Vec<Error> {
    let mut errors = Vec::new();
    walk(node, json, path, true, &mut errors);
    errors
}

fn walk(node: &Node, json: &Map<String, Value>, path: &Path, is_root: bool, errors: &mut Vec<Error>) {
    if let Some(default) = &node.default {
        own(node, default, &path.child("default"), errors);
    }
    if let (Some(items), Some(json)) = (&node.items, one(json, "items")) {
        walk(items, json, &path.child("items"), false, errors);
    }
    for (name, json) in schemas(json, "properties") {
        // Defaults in an object's own metadata are refused as such.
        if is_root && prune::OBJECT_FIELDS.contains(&name) {
            continue;
        }
        if let Some(property) = node.property(name) {
            walk(property, json, &path.child("properties").key(name), false, errors);
        }
    }
}

fn own(node: &Node, default: &Value, path: &Path, errors: &mut Vec<Error>) {
    if !prune::is_pruned(default, node) {
        errors.push(path.invalid(default.clone(), "must not have unknown fields"));
        return;
    }
    let trail = Trail::Root(Some(path));
    let wrong = value::value(node, default, trail);
    if !wrong.is_empty() {
        errors.extend(wrong);
        return;
    }
    if let Some(rules) = Rules::compile(node, node.embedded) {
        rules::check_value(&rules, node, default, trail, errors);
    }
}

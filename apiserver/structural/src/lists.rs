//! Lists that are sets or maps: they must not hold an item twice, and items of maps are known by their keys.

use std::collections::HashSet;

use kubernel_cel::declare::Topology;
use kubernel_meta::field::Error;
use serde_json::{Map, Value};

use crate::node::Node;
use crate::trail::Trail;

/// The items that lists below hold a second time, each once.
pub(crate) fn duplicates(node: &Node, map: &Map<String, Value>, trail: Trail<'_>) -> Vec<Error> {
    let mut errors = Vec::new();
    below(node, map, &trail, &mut errors);
    errors
}

/// The old item that a new one of the same list is compared with: only lists that are maps say which.
pub(crate) fn correlated<'a>(node: &Node, old: &'a [Value], item: &Value) -> Option<&'a Value> {
    let keys = node.map_keys()?;
    old.iter().find(|old| keys.iter().all(|name| old.get(&**name) == item.get(&**name)))
}

fn below(node: &Node, map: &Map<String, Value>, trail: &Trail<'_>, errors: &mut Vec<Error>) {
    for (key, value) in map {
        if let Some(property) = node.property(key) {
            check(property, value, &Trail::Field(trail, key), errors);
        } else if let Some(schema) = node.additional_schema() {
            check(schema, value, &Trail::Key(trail, key), errors);
        }
    }
}

fn check(node: &Node, value: &Value, trail: &Trail<'_>, errors: &mut Vec<Error>) {
    match value {
        Value::Object(map) => below(node, map, trail, errors),
        Value::Array(list) => {
            match &node.list {
                Some(Topology::Set) => report(list, trail, errors, |item| item.clone()),
                Some(Topology::Map(keys)) => {
                    report(list, trail, errors, |item| {
                        keys.iter().filter_map(|key| Some(((**key).to_owned(), item.get(&**key)?.clone()))).collect()
                    });
                }
                _ => {}
            }
            if let Some(items) = &node.items {
                for (index, item) in list.iter().enumerate() {
                    check(items, item, &Trail::Index(trail, index), errors);
                }
            }
        }
        _ => {}
    }
}

fn report(list: &[Value], trail: &Trail<'_>, errors: &mut Vec<Error>, key: impl Fn(&Value) -> Value) {
    if list.len() < 2 {
        return;
    }
    let (mut seen, mut told) = (HashSet::with_capacity(list.len()), HashSet::new());
    for (index, item) in list.iter().enumerate() {
        let key = key(item);
        let text = key.to_string();
        if !seen.insert(text.clone()) && told.insert(text) {
            errors.push(Trail::Index(trail, index).path().duplicate(key));
        }
    }
}

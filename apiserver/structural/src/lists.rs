//! Lists that are sets or maps: they must not hold an item twice, and items of maps are known by their keys.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::sync::Arc;

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

/// The items of an old list by what tells them apart: only lists that are maps say which new item is which old one.
pub(crate) struct Correlation<'a> {
    keys: &'a [Arc<str>],
    old: HashMap<String, &'a Value>,
}

impl<'a> Correlation<'a> {
    /// The items of `old`, a list that `node` describes; `None` where there is nothing to compare with.
    pub(crate) fn new(node: &'a Node, old: Option<&'a Vec<Value>>) -> Option<Self> {
        let (keys, list) = (node.map_keys()?, old?);
        let mut old = HashMap::with_capacity(list.len());
        for item in list {
            old.entry(identity(keys, item)).or_insert(item);
        }
        Some(Self { keys, old })
    }

    /// The old item that a new one of the same list is compared with.
    pub(crate) fn of(&self, item: &Value) -> Option<&'a Value> {
        self.old.get(&identity(self.keys, item)).copied()
    }
}

/// The values of an item's keys as text; a key may be missing.
fn identity(keys: &[Arc<str>], item: &Value) -> String {
    let mut text = String::new();
    for value in keys.iter().map(|key| item.get(&**key)) {
        let _ = match value {
            Some(value) => write!(text, "{value},"),
            None => write!(text, ","),
        };
    }
    text
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

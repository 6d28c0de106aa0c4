//! Taking owned fields out of a value, and naming the structs on the way to them.

use serde_json::{Map, Value};

use super::set::{Node, Set};
use super::types::{MapType, Type, View};

/// The object without the fields of `set`.
pub(super) fn remove_fields(ty: Type<'_>, object: Map<String, Value>, set: &Set) -> Map<String, Value> {
    match ty.view(None) {
        View::Map(map) => remove_from_map(map, object, set),
        _ => object,
    }
}

/// What is left of a value some of whose parts go. A map or list that is emptied by that stays, empty (upstream since
/// 1.35); so does one that is owned as a whole, of which nothing can stay.
fn remove(ty: Type<'_>, value: Value, set: &Set) -> Value {
    match (ty.view(Some(&value)), value) {
        (View::Map(map), Value::Object(entries)) if !map.atomic => Value::Object(remove_from_map(map, entries, set)),
        (View::List(list), Value::Array(items)) if !list.atomic() => {
            let mut left = Vec::with_capacity(items.len());
            for item in items {
                match list.step(&item).ok().and_then(|step| set.get(&step)) {
                    None => left.push(item),
                    Some(node) if node.member => {}
                    Some(node) => left.push(remove(list.item, item, &node.below)),
                }
            }
            Value::Array(left)
        }
        (View::Scalar(_), value) => value,
        (_, Value::Object(_)) => Value::Object(Map::new()),
        (_, Value::Array(_)) => Value::Array(Vec::new()),
        (_, _) => Value::Null,
    }
}

fn remove_from_map(map: MapType<'_>, entries: Map<String, Value>, set: &Set) -> Map<String, Value> {
    let mut out = Map::new();
    for (key, value) in entries {
        match set.get_field(&key) {
            None => {
                out.insert(key, value);
            }
            Some(node) if node.member => {}
            Some(node) => {
                let left = match map.entry(&key).ty {
                    Some(ty) => remove(ty, value, &node.below),
                    None => value,
                };
                out.insert(key, left);
            }
        }
    }
    out
}

/// The set with every named field on the way to a member made a member itself; map keys and list items are not.
pub(super) fn with_named_fields(ty: Type<'_>, set: Set) -> Set {
    with_named(Some(ty), set)
}

fn with_named(ty: Option<Type<'_>>, set: Set) -> Set {
    use super::path::PathElement;
    let view = ty.map(|ty| ty.view(None));
    let nodes = set.into_nodes().into_iter().map(|(step, node)| {
        let (below_ty, named) = match (&step, &view) {
            (PathElement::Field(name), Some(View::Map(map))) => {
                let entry = map.entry(name);
                (entry.ty, entry.declared)
            }
            (PathElement::Key(_), Some(View::List(list))) => (Some(list.item), false),
            _ => (None, false),
        };
        let member = node.member || (named && !node.below.is_empty());
        (step, Node { member, below: with_named(below_ty, node.below) })
    });
    Set::from_nodes(nodes.collect())
}

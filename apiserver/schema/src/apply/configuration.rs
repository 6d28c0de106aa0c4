//! An apply configuration laid over an object without owners: what mutating admission policies do.

use kubernel_meta::Object;
use serde_json::Value;

use super::check::check;
use super::merge::merge_objects;
use super::types::{Type, View};
use super::violation::describe;
use crate::shape::Schema;

/// The object with the configuration laid over it. Who owns what stays as it is. The error is upstream's text: the
/// configuration does not fit the schema, or says only a part of what can only be replaced as a whole.
pub fn lay_over(schema: &Schema, live: &Object, configuration: &Object) -> Result<Object, String> {
    let ty = Type::root(schema);
    let violations = check(ty, configuration.map());
    if !violations.is_empty() {
        return Err(format!("failed to convert patch object to typed object: {}", describe(&violations)));
    }
    let mut whole = Vec::new();
    for (key, value) in configuration.map() {
        if let View::Map(root) = ty.view(None) {
            let entry = root.entry(key);
            if let Some(ty) = entry.ty {
                atomics(ty, &format!("{}", entry.step), value, &mut whole);
            }
        }
    }
    if !whole.is_empty() {
        let places = whole.join(", ");
        return Err(format!("invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: {places}"));
    }
    let merged = merge_objects(ty, live.map(), configuration.map());
    merged.map(Object::new).map_err(|violation| format!("failed to merge patch: {violation}"))
}

/// The places of maps and lists that are owned as a whole.
fn atomics(ty: Type<'_>, path: &str, value: &Value, found: &mut Vec<String>) {
    match (ty.view(Some(value)), value) {
        (View::Map(map), Value::Object(entries)) => {
            if map.atomic {
                found.push(path.to_owned());
            }
            for (key, value) in entries {
                let entry = map.entry(key);
                if let Some(ty) = entry.ty.filter(|_| entry.declared) {
                    atomics(ty, &format!("{path}{}", entry.step), value, found);
                }
            }
        }
        (View::List(list), Value::Array(items)) => {
            if list.atomic() {
                found.push(path.to_owned());
            }
            for (at, item) in items.iter().enumerate() {
                atomics(list.item, &format!("{path}[{at}]"), item, found);
            }
        }
        _ => {}
    }
}

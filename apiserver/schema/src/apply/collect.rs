//! The set of all fields that a value sets: what an applied configuration claims.

use serde_json::Value;

use super::set::{Node, Set};
use super::types::{Type, View};
use super::violation::Violation;

/// The set of the fields of `value`.
pub(super) fn field_set(ty: Type<'_>, value: &Value) -> Result<Set, Violation> {
    let mut root = Node::default();
    collect(ty, value, &mut root)?;
    Ok(root.below)
}

fn collect(ty: Type<'_>, value: &Value, node: &mut Node) -> Result<(), Violation> {
    match ty.view(Some(value)) {
        View::Scalar(_) => node.member = true,
        View::Map(map) if map.atomic => node.member = true,
        View::List(list) if list.atomic() => node.member = true,
        View::Map(map) => {
            let Value::Object(entries) = value else { return Ok(()) };
            let mut nodes = Vec::with_capacity(entries.len());
            for (key, child) in entries {
                let entry = map.entry(key);
                let mut below = Node::default();
                if let Some(ty) = entry.ty {
                    collect(ty, child, &mut below).map_err(|violation| violation.under(&entry.step))?;
                }
                let empty = child.is_null() || child.as_object().is_some_and(serde_json::Map::is_empty);
                below.member |= empty || !entry.declared;
                nodes.push((entry.step, below));
            }
            node.below = Set::from_nodes(nodes);
        }
        View::List(list) => {
            let Value::Array(items) = value else { return Ok(()) };
            let mut nodes = Vec::with_capacity(items.len());
            for (at, item) in items.iter().enumerate() {
                let step = list.step(item).map_err(|text| Violation::element(at, &text))?;
                let mut below = Node::default();
                collect(list.item, item, &mut below).map_err(|violation| violation.under(&step))?;
                below.member = true;
                nodes.push((step, below));
            }
            node.below = Set::from_nodes(nodes);
        }
    }
    Ok(())
}

//! Owners after a custom resource's schema changed: what became atomic is owned as a whole by whoever owned a part.
//!
//! The other way round nothing is done, as upstream does nothing: who owned the whole goes on owning just that.

use super::path::PathElement;
use super::set::{Node, Set};
use super::types::{Type, View};

/// The set as the schema of today has it.
pub(super) fn reconcile(ty: Type<'_>, set: Set) -> Set {
    let view = ty.view(None);
    let nodes = set.into_nodes().into_iter().map(|(step, node)| {
        let below = match (&step, &view) {
            (PathElement::Field(name), View::Map(map)) => map.entry(name).ty,
            (PathElement::Key(_) | PathElement::Value(_), View::List(list)) => Some(list.item),
            _ => None,
        };
        let Some(ty) = below.filter(|_| !node.below.is_empty()) else { return (step, node) };
        let atomic = match ty.view(None) {
            View::Map(map) => map.atomic,
            View::List(list) => list.atomic(),
            View::Scalar(_) => false,
        };
        if atomic {
            return (step, Node { member: true, below: Set::default() });
        }
        (step, Node { member: node.member, below: reconcile(ty, node.below) })
    });
    Set::from_nodes(nodes.collect())
}

//! The order of a merged list: items of the patch in the patch's order, the others where they were among them.

use std::collections::HashMap;

use serde_json::Value;

/// How the items of a list are told apart: by a key, or by themselves.
#[derive(Clone, Copy)]
pub(super) struct ItemKey<'a>(pub(super) Option<&'a str>);

impl ItemKey<'_> {
    /// What tells the item apart; `None` where a map lacks the key.
    pub(super) fn of<'v>(&self, item: &'v Value) -> Option<&'v Value> {
        match self.0 {
            Some(key) => item.get(key),
            None => Some(item),
        }
    }

    /// Where each item comes first in a list, by what tells it apart.
    pub(super) fn positions<'v>(&self, list: &'v [Value]) -> HashMap<Option<&'v Value>, usize> {
        let mut positions = HashMap::with_capacity(list.len());
        for (at, item) in list.iter().enumerate() {
            positions.entry(self.of(item)).or_insert(at);
        }
        positions
    }
}

/// Sorts `patch_items` by `patch_order` and `server_items` by `server_order`, then puts each server item before the
/// first patch item that it preceded on the server.
pub(super) fn arrange(
    patch_items: Vec<Value>,
    server_items: Vec<Value>,
    patch_order: &[Value],
    server_order: &[Value],
    key: ItemKey<'_>,
) -> Vec<Value> {
    let mut out = Vec::with_capacity(patch_items.len() + server_items.len());
    let on_server = key.positions(server_order);
    let mut patch = sorted(patch_items, patch_order, key).into_iter().peekable();
    let mut server = sorted(server_items, server_order, key).into_iter().peekable();
    while let (Some(left), Some(right)) = (server.peek(), patch.peek()) {
        let before = match (on_server.get(&key.of(left)), on_server.get(&key.of(right))) {
            (Some(left), Some(right)) => left < right,
            _ => false,
        };
        out.extend(if before { server.next() } else { patch.next() });
    }
    out.extend(patch);
    out.extend(server);
    out
}

/// Deletion markers go to the end; what `order` does not name goes, in its own order, before what it does.
fn sorted(items: Vec<Value>, order: &[Value], key: ItemKey<'_>) -> Vec<Value> {
    let (deletions, mut rest): (Vec<Value>, Vec<Value>) =
        items.into_iter().partition(|item| item.get("$patch").and_then(Value::as_str) == Some("delete"));
    let wanted = key.positions(order);
    rest.sort_by_cached_key(|item| wanted.get(&key.of(item)).map_or(0, |at| at + 1));
    rest.extend(deletions);
    rest
}

//! The order of a merged list: items of the patch in the patch's order, the others where they were among them.

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

    fn position(&self, list: &[Value], item: &Value) -> Option<usize> {
        list.iter().position(|other| self.of(other) == self.of(item))
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
    let mut patch = sorted(patch_items, patch_order, key).into_iter().peekable();
    let mut server = sorted(server_items, server_order, key).into_iter().peekable();
    while let (Some(left), Some(right)) = (server.peek(), patch.peek()) {
        let before = match (key.position(server_order, left), key.position(server_order, right)) {
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
    rest.sort_by_key(|item| key.position(order, item).map_or(0, |at| at + 1));
    rest.extend(deletions);
    rest
}

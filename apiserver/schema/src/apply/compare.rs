//! What differs between two values of one type: the fields added, modified and removed.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::path::{PathElement, same};
use super::set::{Node, Set};
use super::types::{ListType, MapType, Type, View};
use super::violation::Violation;

/// The difference between two values.
#[derive(Debug, Default)]
pub(super) struct Difference {
    pub(super) added: Set,
    pub(super) modified: Set,
    pub(super) removed: Set,
}

impl Difference {
    /// Nothing differs.
    pub(super) fn is_empty(&self) -> bool {
        self.added.is_empty() && self.modified.is_empty() && self.removed.is_empty()
    }

    /// The same without what the filter takes away.
    #[must_use]
    pub(super) fn filter(self, mut filter: impl FnMut(Set) -> Set) -> Self {
        Self { added: filter(self.added), modified: filter(self.modified), removed: filter(self.removed) }
    }
}

/// What changes from `left` to `right`.
pub(super) fn compare(
    ty: Type<'_>,
    left: &Map<String, Value>,
    right: &Map<String, Value>,
) -> Result<Difference, Violation> {
    let View::Map(map) = ty.view(None) else { return Ok(Difference::default()) };
    let mut root = Nodes::default();
    compare_maps(map, Some(left), Some(right), &mut root)?;
    Ok(Difference { added: root.added.below, modified: root.modified.below, removed: root.removed.below })
}

#[derive(Default)]
struct Nodes {
    added: Node,
    modified: Node,
    removed: Node,
}

#[derive(Default)]
struct Lists {
    added: Vec<(PathElement, Node)>,
    modified: Vec<(PathElement, Node)>,
    removed: Vec<(PathElement, Node)>,
}

impl Lists {
    fn push(&mut self, step: PathElement, nodes: Nodes) {
        let lists =
            [(&mut self.added, nodes.added), (&mut self.modified, nodes.modified), (&mut self.removed, nodes.removed)];
        for (list, node) in lists {
            if !node.is_empty() {
                list.push((step.clone(), node));
            }
        }
    }

    fn finish(self, out: &mut Nodes) {
        out.added.below = Set::from_nodes(self.added);
        out.modified.below = Set::from_nodes(self.modified);
        out.removed.below = Set::from_nodes(self.removed);
    }
}

/// At least one side is there. A missing side takes the type of the other; free content whose kind changes is looked
/// at as what it was and as what it becomes.
fn walk(ty: Type<'_>, left: Option<&Value>, right: Option<&Value>, out: &mut Nodes) -> Result<(), Violation> {
    let view = ty.view(right.or(left));
    let mut leaf = false;
    if left.is_some() && right.is_some() {
        let before = ty.view(left);
        if std::mem::discriminant(&before) != std::mem::discriminant(&view) {
            leaf |= descend(before, left, right, out)?;
        }
    }
    leaf |= descend(view, left, right, out)?;
    match (left, right) {
        (None, _) => out.added.member = true,
        (_, None) => out.removed.member = true,
        (Some(left), Some(right)) if leaf => out.modified.member = !same(left, right),
        _ => {}
    }
    Ok(())
}

/// Compares the parts; `true` where there are none, or they are owned as a whole.
fn descend(view: View<'_>, left: Option<&Value>, right: Option<&Value>, out: &mut Nodes) -> Result<bool, Violation> {
    match view {
        View::Scalar(_) => Ok(true),
        View::Map(map) => {
            let (l, r) = (left.and_then(Value::as_object), right.and_then(Value::as_object));
            if map.atomic || (l.is_none_or(Map::is_empty) && r.is_none_or(Map::is_empty)) {
                return Ok(true);
            }
            compare_maps(map, l, r, out).map(|()| false)
        }
        View::List(list) => {
            let (l, r) = (left.and_then(Value::as_array), right.and_then(Value::as_array));
            if list.atomic() || (l.is_none_or(Vec::is_empty) && r.is_none_or(Vec::is_empty)) {
                return Ok(true);
            }
            compare_lists(list, l.map_or(&[], Vec::as_slice), r.map_or(&[], Vec::as_slice), out).map(|()| false)
        }
    }
}

fn compare_maps(
    map: MapType<'_>,
    left: Option<&Map<String, Value>>,
    right: Option<&Map<String, Value>>,
    out: &mut Nodes,
) -> Result<(), Violation> {
    let mut lists = Lists::default();
    let mut left = left.into_iter().flatten().peekable();
    let mut right = right.into_iter().flatten().peekable();
    loop {
        let (key, l, r) = match (left.peek(), right.peek()) {
            (None, None) => break,
            (Some((lk, _)), Some((rk, _))) if lk == rk => (*lk, left.next(), right.next()),
            (Some((lk, _)), Some((rk, _))) if lk > rk => (*rk, None, right.next()),
            (None, Some((rk, _))) => (*rk, None, right.next()),
            (Some((lk, _)), _) => (*lk, left.next(), None),
        };
        // Most of an object stays as it is, and need not be taken apart to see it.
        if let (Some((_, l)), Some((_, r))) = (l, r)
            && same(l, r)
        {
            continue;
        }
        let entry = map.entry(key);
        let mut nodes = Nodes::default();
        if let Some(ty) = entry.ty {
            walk(ty, l.map(|(_, value)| value), r.map(|(_, value)| value), &mut nodes)
                .map_err(|violation| violation.under(&entry.step))?;
        }
        lists.push(entry.step, nodes);
    }
    lists.finish(out);
    Ok(())
}

#[derive(Default)]
struct Sides<'a> {
    left: Vec<&'a Value>,
    right: Vec<&'a Value>,
}

fn compare_lists(list: ListType<'_>, left: &[Value], right: &[Value], out: &mut Nodes) -> Result<(), Violation> {
    let mut items: BTreeMap<PathElement, Sides<'_>> = BTreeMap::new();
    for (at, item) in left.iter().enumerate() {
        let step = list.step(item).map_err(|text| Violation::element(at, &text))?;
        items.entry(step).or_default().left.push(item);
    }
    for (at, item) in right.iter().enumerate() {
        let step = list.step(item).map_err(|text| Violation::element(at, &text))?;
        items.entry(step).or_default().right.push(item);
    }
    let mut lists = Lists::default();
    for (step, sides) in items {
        let mut nodes = Nodes::default();
        let result = match (sides.left.as_slice(), sides.right.as_slice()) {
            ([_, _, ..], [_, _, ..]) => {
                let (left, right) = (&sides.left, &sides.right);
                nodes.modified.member =
                    left.len() != right.len() || !left.iter().zip(right).all(|(left, right)| same(left, right));
                Ok(())
            }
            // The duplicates go: what is left of them is new.
            ([_, _, ..], rest) => {
                nodes.removed.member = true;
                rest.first().map_or(Ok(()), |item| walk(list.item, None, Some(item), &mut nodes))
            }
            // Duplicates come: the one item of before is gone.
            (rest, [_, _, ..]) => {
                let removed = rest.first().map_or(Ok(()), |item| walk(list.item, Some(item), None, &mut nodes));
                nodes.added.member = true;
                removed
            }
            (l, r) => walk(list.item, l.first().copied(), r.first().copied(), &mut nodes),
        };
        result.map_err(|violation| violation.under(&step))?;
        lists.push(step, nodes);
    }
    lists.finish(out);
    Ok(())
}

//! Lists: arrays of a JSON tree, or made by an expression.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::Value as Json;

use crate::declare::{DeclShape, DeclType, Topology};
use crate::value::{Value, equal, from_typed_json};

/// A list; cheap to clone.
#[derive(Clone, Debug)]
pub enum List<'a> {
    /// An array of a tree.
    Json {
        /// The items.
        items: &'a [Json],
        /// The declared type of the list (not of its items), if it has one.
        declared: Option<&'a DeclType>,
    },
    /// Made by an expression.
    Values {
        /// The items.
        items: Arc<[Value<'a>]>,
        /// How it is compared and added.
        kind: ListKind<'a>,
    },
}

/// How a list is compared and added.
#[derive(Clone, Copy, Debug)]
pub enum ListKind<'a> {
    /// By index.
    Atomic,
    /// As a set.
    Set,
    /// As a map with these key fields.
    Map(&'a [Arc<str>]),
}

impl<'a> List<'a> {
    /// The number of items.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            List::Json { items, .. } => items.len(),
            List::Values { items, .. } => items.len(),
        }
    }

    /// Whether it has no items.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The item at an index.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<Value<'a>> {
        match self {
            List::Json { items, declared } => Some(item(items.get(index)?, *declared)),
            List::Values { items, .. } => items.get(index).cloned(),
        }
    }

    /// The items.
    pub fn iter(&self) -> impl Iterator<Item = Value<'a>> + '_ {
        (0..self.len()).filter_map(|index| self.get(index))
    }

    /// How it is compared and added.
    #[must_use]
    pub fn kind(&self) -> ListKind<'a> {
        match self {
            List::Json { declared: Some(declared), .. } => match &declared.shape {
                DeclShape::List { topology: Topology::Set, .. } => ListKind::Set,
                DeclShape::List { topology: Topology::Map(keys), .. } => ListKind::Map(keys),
                _ => ListKind::Atomic,
            },
            List::Json { declared: None, .. } => ListKind::Atomic,
            List::Values { kind, .. } => *kind,
        }
    }

    /// Whether it holds an equal value.
    #[must_use]
    pub fn contains(&self, wanted: &Value<'_>) -> bool {
        match self {
            List::Json { .. } => self.iter().any(|item| equal(&item, wanted)),
            List::Values { items, .. } => items.iter().any(|item| equal(item, wanted)),
        }
    }

    /// `self + other`: the union of sets, replaced and added items of maps, one after the other else. The kind is the
    /// left list's.
    #[must_use]
    pub fn concat(&self, other: &List<'a>) -> List<'a> {
        let mut items: Vec<Value<'a>> = Vec::with_capacity(self.len() + other.len());
        items.extend(self.iter());
        let kind = self.kind();
        match kind {
            ListKind::Atomic => items.extend(other.iter()),
            ListKind::Set => {
                let mut seen: HashSet<String> = items.iter().map(set_key).collect();
                items.extend(other.iter().filter(|item| seen.insert(set_key(item))));
            }
            ListKind::Map(keys) => {
                let mut places: HashMap<String, usize> =
                    items.iter().enumerate().map(|(index, item)| (map_key(item, keys), index)).collect();
                for item in other.iter() {
                    let key = map_key(&item, keys);
                    match places.get(&key) {
                        Some(place) => items[*place] = item,
                        None => {
                            places.insert(key, items.len());
                            items.push(item);
                        }
                    }
                }
            }
        }
        List::Values { items: items.into(), kind }
    }
}

/// What makes an item of a list of type set the same as another.
pub(crate) fn set_key(item: &Value<'_>) -> String {
    item.to_json().map_or_else(|| format!("{item:?}"), |json| json.to_string())
}

/// What makes an item of a list of type map the same as another: its key fields.
pub(crate) fn map_key(item: &Value<'_>, keys: &[Arc<str>]) -> String {
    let Value::Map(map) = item else {
        return set_key(item);
    };
    let mut text = String::new();
    for key in keys {
        match map.get_json_key(key) {
            Some(value) => text.push_str(&set_key(&value)),
            None => text.push('-'),
        }
        text.push('\u{0}');
    }
    text
}

fn item<'a>(json: &'a Json, declared: Option<&'a DeclType>) -> Value<'a> {
    from_typed_json(json, declared.and_then(|declared| declared.step("@items")))
}

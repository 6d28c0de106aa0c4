//! The one object model: a JSON tree with typed access to its metadata.

use serde_json::{Map, Value};

/// An API object: a JSON tree whose top level is a map. Typed views are taken only where they are needed, because
/// they would lose unknown fields, cannot express a null that deletes, and carry neither defaults nor merge keys.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Object(Map<String, Value>);

/// One entry of `metadata.ownerReferences`, borrowed from the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnerReference<'a> {
    /// The owner's `apiVersion`.
    pub api_version: &'a str,
    /// The owner's kind.
    pub kind: &'a str,
    /// The owner's name.
    pub name: &'a str,
    /// The owner's uid.
    pub uid: &'a str,
    /// Whether this owner manages the object.
    pub controller: bool,
    /// Whether the owner's foreground deletion waits for the object.
    pub block_owner_deletion: bool,
}

impl Object {
    /// Wraps a JSON map.
    pub fn new(map: Map<String, Value>) -> Self {
        Self(map)
    }

    /// Wraps a JSON value; anything but a map comes back unchanged as the error.
    pub fn from_value(value: Value) -> Result<Self, Value> {
        match value {
            Value::Object(map) => Ok(Self(map)),
            other => Err(other),
        }
    }

    /// The tree as a map.
    pub fn map(&self) -> &Map<String, Value> {
        &self.0
    }

    /// The tree as a map, to be changed.
    pub fn map_mut(&mut self) -> &mut Map<String, Value> {
        &mut self.0
    }

    /// The tree as a JSON value.
    pub fn into_value(self) -> Value {
        Value::Object(self.0)
    }

    /// The value at a path of map keys, `["spec", "replicas"]`; `None` where any step is missing.
    pub fn at(&self, path: &[&str]) -> Option<&Value> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(self.0.get(*first)?, |value, key| value.get(*key))
    }

    /// The string at a path of map keys; empty where it is missing or no string (as Go's zero value is).
    pub fn str_at(&self, path: &[&str]) -> &str {
        self.at(path).and_then(Value::as_str).unwrap_or_default()
    }

    /// The integer at a path of map keys.
    pub fn int_at(&self, path: &[&str]) -> Option<i64> {
        self.at(path).and_then(Value::as_i64)
    }

    /// The list at a path of map keys; empty where it is missing.
    pub fn list_at(&self, path: &[&str]) -> &[Value] {
        self.at(path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// The map at a path of map keys.
    pub fn map_at(&self, path: &[&str]) -> Option<&Map<String, Value>> {
        self.at(path).and_then(Value::as_object)
    }

    /// The map at a path of map keys, made (empty) with everything on the way to it where it is missing; what is no
    /// map on the way is replaced.
    pub fn map_at_mut(&mut self, path: &[&str]) -> &mut Map<String, Value> {
        path.iter().fold(&mut self.0, |map, key| {
            let value = map.entry(*key).or_insert_with(|| Value::Object(Map::new()));
            if !value.is_object() {
                *value = Value::Object(Map::new());
            }
            match value {
                Value::Object(inner) => inner,
                _ => unreachable!("made a map above"),
            }
        })
    }

    /// Sets the value at a path of map keys, making the maps on the way.
    pub fn set(&mut self, path: &[&str], value: impl Into<Value>) {
        if let Some((last, parents)) = path.split_last() {
            self.map_at_mut(parents).insert((*last).to_owned(), value.into());
        }
    }

    /// Takes away and returns the value at a path of map keys.
    pub fn remove(&mut self, path: &[&str]) -> Option<Value> {
        let (last, parents) = path.split_last()?;
        let mut map = &mut self.0;
        for key in parents {
            map = map.get_mut(*key)?.as_object_mut()?;
        }
        map.remove(*last)
    }

    /// `apiVersion`.
    pub fn api_version(&self) -> &str {
        self.str_at(&["apiVersion"])
    }

    /// `kind`.
    pub fn kind(&self) -> &str {
        self.str_at(&["kind"])
    }

    /// `metadata.name`.
    pub fn name(&self) -> &str {
        self.str_at(&["metadata", "name"])
    }

    /// `metadata.namespace`; empty for cluster-scoped objects.
    pub fn namespace(&self) -> &str {
        self.str_at(&["metadata", "namespace"])
    }

    /// `metadata.uid`.
    pub fn uid(&self) -> &str {
        self.str_at(&["metadata", "uid"])
    }

    /// `metadata.resourceVersion`; empty where unset.
    pub fn resource_version(&self) -> &str {
        self.str_at(&["metadata", "resourceVersion"])
    }

    /// `metadata.generation`; 0 where unset.
    pub fn generation(&self) -> i64 {
        self.int_at(&["metadata", "generation"]).unwrap_or(0)
    }

    /// `metadata.deletionTimestamp` where set: the object is being deleted.
    pub fn deletion_timestamp(&self) -> Option<&str> {
        self.at(&["metadata", "deletionTimestamp"]).and_then(Value::as_str)
    }

    /// The labels as (key, value) pairs in key order.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        string_pairs(self.map_at(&["metadata", "labels"]))
    }

    /// The annotations as (key, value) pairs in key order.
    pub fn annotations(&self) -> impl Iterator<Item = (&str, &str)> {
        string_pairs(self.map_at(&["metadata", "annotations"]))
    }

    /// The finalizers, in order.
    pub fn finalizers(&self) -> impl Iterator<Item = &str> {
        self.list_at(&["metadata", "finalizers"]).iter().filter_map(Value::as_str)
    }

    /// The owner references, in order.
    pub fn owner_references(&self) -> impl Iterator<Item = OwnerReference<'_>> {
        self.list_at(&["metadata", "ownerReferences"]).iter().map(|value| {
            let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
            let flag = |key: &str| value.get(key).and_then(Value::as_bool).unwrap_or(false);
            OwnerReference {
                api_version: text("apiVersion"),
                kind: text("kind"),
                name: text("name"),
                uid: text("uid"),
                controller: flag("controller"),
                block_owner_deletion: flag("blockOwnerDeletion"),
            }
        })
    }
}

fn string_pairs(map: Option<&Map<String, Value>>) -> impl Iterator<Item = (&str, &str)> {
    map.into_iter().flatten().map(|(key, value)| (key.as_str(), value.as_str().unwrap_or_default()))
}

impl From<Object> for Value {
    fn from(object: Object) -> Self {
        object.into_value()
    }
}

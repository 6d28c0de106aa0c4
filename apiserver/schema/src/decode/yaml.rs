//! YAML text to [`Node`]s. Aliases are bounded, so that a small text cannot become a huge tree.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::{DuplicateKeyPolicy, Options};

use super::node::Node;
use crate::Error;

/// Reads one YAML document: the tree, and what is wrong with it strictly speaking.
pub(super) fn read(bytes: &[u8]) -> Result<(Node<'static>, Vec<String>), Error> {
    let text = std::str::from_utf8(bytes).map_err(|_| Error::Yaml("invalid UTF-8".to_owned()))?;
    let mut options = Options::default();
    options.duplicate_keys = DuplicateKeyPolicy::PassThrough;
    let read: Result<Owned, _> = serde_yaml::from_str_with_options(text, options);
    let Owned(mut node) = read.map_err(|error| Error::Yaml(describe(&error)))?;
    let mut strict = Vec::new();
    collapse(&mut node, &mut strict);
    Ok((node, strict))
}

/// Keeps the last of duplicate keys, and notes them.
fn collapse(node: &mut Node<'static>, strict: &mut Vec<String>) {
    match node {
        Node::List(items) => items.iter_mut().for_each(|item| collapse(item, strict)),
        Node::Map(entries) => {
            let mut places = std::collections::HashMap::with_capacity(entries.len());
            for (key, mut value) in std::mem::take(entries) {
                collapse(&mut value, strict);
                match places.get(&key) {
                    Some(place) => {
                        strict.push(format!("key {key:?} already set in map"));
                        let entry: &mut (Cow<'static, str>, Node<'static>) = &mut entries[*place];
                        entry.1 = value;
                    }
                    None => {
                        places.insert(key.clone(), entries.len());
                        entries.push((key, value));
                    }
                }
            }
        }
        Node::Null | Node::Bool(_) | Node::Number(_) | Node::Text(_) => {}
    }
}

fn describe(error: &serde_yaml::Error) -> String {
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default();
    match error.location() {
        Some(place) => format!("line {}: {first}", place.line()),
        None => first.to_owned(),
    }
}

struct Owned(Node<'static>);

impl<'de> Deserialize<'de> for Owned {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Build).map(Self)
    }
}

struct Build;

impl<'de> Visitor<'de> for Build {
    type Value = Node<'static>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Node::Number(Cow::Owned(value.to_string())))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Node::Number(Cow::Owned(value.to_string())))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        // A whole double is written without a fraction, as Go's JSON writes it.
        Ok(Node::Number(Cow::Owned(value.to_string())))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Node::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_string<E>(self, text: String) -> Result<Self::Value, E> {
        Ok(Node::Text(Cow::Owned(text)))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Node::Null)
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(Node::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(Owned(item)) = access.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(Owned(key)) = access.next_key()? {
            let key = match key {
                Node::Text(text) | Node::Number(text) => text,
                Node::Bool(value) => Cow::Owned(value.to_string()),
                _ => Cow::Borrowed("null"),
            };
            let Owned(value) = access.next_value()?;
            entries.push((key, value));
        }
        Ok(Node::Map(entries))
    }
}

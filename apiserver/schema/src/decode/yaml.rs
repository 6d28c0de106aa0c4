//! YAML text to [`Node`]s. Aliases are bounded, so that a small text cannot become a huge tree.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::fmt;

use kubernel_meta::field::go_quoted;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::{Budget, DuplicateKeyPolicy, Options, Spanned};

use super::json;
use super::node::Node;
use super::typed::STRICT_ERRORS_MAX;
use crate::Error;

/// How deep YAML may nest. The parser takes tens of kilobytes of stack for each level, so this stays well below
/// [`crate::DEPTH_MAX`]; JSON, which most clients send where YAML is asked for, is not read by it.
const YAML_DEPTH_MAX: usize = 40;
/// How many events aliases may stand for, all together: enough for a few shared blocks, too few for a bomb.
const ALIAS_EVENTS_MAX: usize = 10_000;
/// JSON up to this size is read a second time, slowly, to tell the lines of its duplicates.
const SLOW_BYTES_MAX: usize = 64 * 1024;

/// Reads one YAML document: the tree, and what is wrong with it strictly speaking.
pub(super) fn read(bytes: &[u8]) -> Result<(Node<'_>, Vec<String>), Error> {
    let text = std::str::from_utf8(bytes).map_err(|_| Error::Yaml("invalid UTF-8".to_owned()))?;
    // JSON is YAML as well, and what kubectl and Helm send for server-side apply: read as what it is, but for duplicates
    // on several lines, whose numbers only the slow reader knows.
    let small = text.len() <= SLOW_BYTES_MAX && text.trim_end().contains('\n');
    if text.trim_start().starts_with('{')
        && let Some(mut node) = json::read(bytes)
    {
        let mut strict = Vec::new();
        collapse(&mut node, &mut strict);
        if strict.is_empty() || !small {
            return Ok((node, strict));
        }
    }
    // Newer YAML than upstream's takes a tab for a space here.
    if text.starts_with('\t') {
        return Err(Error::Yaml("found character that cannot start any token".to_owned()));
    }
    let mut options = Options::default();
    options.duplicate_keys = DuplicateKeyPolicy::PassThrough;
    let mut budget = Budget::default();
    budget.max_depth = YAML_DEPTH_MAX;
    options.budget = Some(budget);
    options.alias_limits.max_total_replayed_events = ALIAS_EVENTS_MAX;
    let strict = RefCell::new(Vec::new());
    let read = serde_yaml::with_deserializer_from_str_with_options(text, options, |deserializer| {
        Build { strict: &strict }.deserialize(deserializer)
    });
    let node = read.map_err(|error| Error::Yaml(describe(&error)))?;
    Ok((node, strict.into_inner()))
}

/// Keeps the last of duplicate keys, as on the first line of a text.
fn collapse(node: &mut Node<'_>, strict: &mut Vec<String>) {
    match node {
        Node::List(items) => items.iter_mut().for_each(|item| collapse(item, strict)),
        Node::Map(entries) => {
            entries.iter_mut().for_each(|(_, value)| collapse(value, strict));
            let keys: HashSet<&str> = entries.iter().map(|(key, _)| &**key).collect();
            if keys.len() < entries.len() {
                let mut kept: Vec<(Cow<'_, str>, Node<'_>)> = Vec::new();
                let mut places: HashMap<Cow<'_, str>, usize> = HashMap::new();
                for (key, value) in std::mem::take(entries) {
                    match places.get(&key) {
                        Some(place) => {
                            note(strict, 1, &key);
                            kept[*place].1 = value;
                        }
                        None => {
                            places.insert(key.clone(), kept.len());
                            kept.push((key, value));
                        }
                    }
                }
                *entries = kept;
            }
        }
        Node::Null | Node::Bool(_) | Node::Number(_) | Node::Text(_) => {}
    }
}

/// Notes a duplicate key.
fn note(strict: &mut Vec<String>, line: u64, key: &str) {
    let message = format!("line {line}: key {} already set in map", go_quoted(key));
    if strict.len() < STRICT_ERRORS_MAX && !strict.contains(&message) {
        strict.push(message);
    }
}

/// An error in the words of Go's parser, as far as they are known: `line 3: …`, the first line without its number.
fn describe(error: &serde_yaml::Error) -> String {
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default();
    // The parser's own texts begin with the place.
    let message = match first.strip_prefix("error: ").unwrap_or(first).split_once(": ") {
        Some((place, message)) if place.starts_with("line ") => message,
        _ => first,
    };
    let line = error.location().map_or(0, |place| place.line());
    let (line, message) = match message {
        // Go counts a plain text that a tab follows to the line of the tab.
        tab if tab.contains("found a tab") && tab.contains("plain scalar") => {
            (line + 1, "found a tab character that violates indentation")
        }
        other => (line, other),
    };
    if line > 1 { format!("line {line}: {message}") } else { message.to_owned() }
}

/// Builds nodes, keeping the last of duplicate keys and noting them.
#[derive(Clone, Copy)]
struct Build<'s> {
    strict: &'s RefCell<Vec<String>>,
}

/// A key of a map: texts, and what YAML takes for something else but JSON has as text.
struct Key(Cow<'static, str>);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let strict = RefCell::new(Vec::new());
        Ok(Self(match (Build { strict: &strict }).deserialize(deserializer)? {
            Node::Text(text) | Node::Number(text) => text,
            Node::Bool(value) => Cow::Owned(value.to_string()),
            _ => Cow::Borrowed("null"),
        }))
    }
}

impl<'de> DeserializeSeed<'de> for Build<'_> {
    type Value = Node<'static>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Build<'_> {
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
        while let Some(item) = access.next_element_seed(self)? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut entries: Vec<(Cow<'static, str>, Node<'static>)> = Vec::new();
        let mut places: HashMap<Cow<'static, str>, usize> = HashMap::new();
        while let Some(key) = access.next_key::<Spanned<Key>>()? {
            let (line, Key(key)) = (key.referenced.line(), key.value);
            let value = access.next_value_seed(self)?;
            match places.get(&key) {
                Some(place) => {
                    note(&mut self.strict.borrow_mut(), line, &key);
                    entries[*place].1 = value;
                }
                None => {
                    places.insert(key.clone(), entries.len());
                    entries.push((key, value));
                }
            }
        }
        Ok(Node::Map(entries))
    }
}

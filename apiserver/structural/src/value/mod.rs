//! Validates values against schemas, in the order and words of kube-openapi's validator.

mod format;
mod number;

pub(crate) use format::is_known as is_known_format;

use kubernel_meta::field::{Error, Path, Reason};
use serde_json::{Map, Value};

use crate::lists;
use crate::node::{Additional, Kind, Node};
use crate::trail::{NOWHERE, Trail};

/// What is wrong with an object; `old` is what it was before an update: what did not change is let through.
pub(crate) fn object(
    node: &Node,
    map: &Map<String, Value>,
    old: Option<&Map<String, Value>>,
    trail: Trail<'_>,
) -> Vec<Error> {
    let mut found = Found::default();
    found.typed_kind(node, Given::Object, &trail);
    found.junctors(node, Thing::Map(map), &trail);
    found.map(node, map, old, &trail);
    if old == Some(map) { Vec::new() } else { found.errors }
}

/// What is wrong with a value.
pub(crate) fn value(node: &Node, value: &Value, trail: Trail<'_>) -> Vec<Error> {
    let mut found = Found::default();
    found.value(node, value, None, &trail);
    found.errors
}

/// What a validation found: the errors, and how many checks were passed (which alternative comes closest).
#[derive(Default)]
struct Found {
    errors: Vec<Error>,
    matches: usize,
}

/// A value, or the root object, which is a map without a value around it.
#[derive(Clone, Copy)]
enum Thing<'a> {
    Value(&'a Value),
    Map(&'a Map<String, Value>),
}

/// The types that values have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Given {
    Null,
    Boolean,
    Integer,
    /// A double; whether it is integral.
    Number(bool),
    String,
    Array,
    Object,
}

impl Found {
    fn value(&mut self, node: &Node, value: &Value, old: Option<&Value>, trail: &Trail<'_>) {
        let before = self.errors.len();
        self.typed_kind(node, Given::of(value), trail);
        if value.is_null() {
            self.listed(node, value, trail);
            return;
        }
        self.junctors(node, Thing::Value(value), trail);
        match value {
            Value::String(text) => self.text(node, text, trail),
            Value::Number(number) => number::check(node, number, trail, self),
            Value::Array(list) => self.list(node, list, old.and_then(Value::as_array), trail),
            _ => {}
        }
        self.listed(node, value, trail);
        if let Value::Object(map) = value {
            self.map(node, map, old.and_then(Value::as_object), trail);
        }
        self.matches += 2;
        if self.errors.len() > before && old == Some(value) {
            self.errors.truncate(before);
        }
    }

    fn typed_kind(&mut self, node: &Node, given: Given, trail: &Trail<'_>) {
        if fits(node, given) {
            self.matches += 1;
            return;
        }
        let wanted = if node.int_or_string { "integer,string" } else { node.kind.map_or("", Kind::name) };
        let detail = format!("{} in body must be of type {wanted}: \"{}\"", trail.name(), given.name());
        self.add(trail, Reason::TypeInvalid, given.name(), detail);
    }

    fn text(&mut self, node: &Node, text: &str, trail: &Trail<'_>) {
        let limits = &node.limits;
        let characters = || i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
        if let Some(max) = limits.length_max.filter(|max| characters() > *max) {
            let detail = format!("may not be more than {max} bytes");
            self.add(trail, Reason::TooLong, text, detail);
        } else if let Some(min) = limits.length_min.filter(|min| characters() < *min) {
            let detail = format!("{} in body should be at least {min} chars long", trail.name());
            self.add(trail, Reason::Invalid, text, detail);
        } else if let Some((pattern, _)) = limits.pattern.as_ref().filter(|(_, regex)| !regex.is_match(text)) {
            let detail = format!("{} in body should match '{pattern}'", trail.name());
            self.add(trail, Reason::Invalid, text, detail);
        }
        if let Some(format) = limits.format.as_deref().filter(|format| !format::fits(format, text)) {
            let detail = format!("{} in body must be of type {format}: {}", trail.name(), quoted(text));
            self.add(trail, Reason::TypeInvalid, text, detail);
        }
    }

    fn list(&mut self, node: &Node, list: &[Value], old: Option<&Vec<Value>>, trail: &Trail<'_>) {
        if let Some(items) = &node.items {
            let correlation = lists::Correlation::new(node, old);
            for (index, item) in list.iter().enumerate() {
                let old = correlation.as_ref().and_then(|correlation| correlation.of(item));
                self.value(items, item, old, &Trail::Index(trail, index));
            }
        }
        let count = i64::try_from(list.len()).unwrap_or(i64::MAX);
        if let Some(min) = node.limits.items_min.filter(|min| count < *min) {
            let detail = format!("{} in body should have at least {min} items", trail.name());
            self.add(trail, Reason::Invalid, count, detail);
        }
        if let Some(max) = node.limits.items_max.filter(|max| count > *max) {
            self.too_many(trail, count, max);
        }
    }

    fn listed(&mut self, node: &Node, value: &Value, trail: &Trail<'_>) {
        let values = &node.limits.values;
        if values.is_empty() || values.iter().any(|known| same(known, value)) {
            return;
        }
        let shown: Vec<String> =
            values.iter().map(|known| quoted(known.as_str().unwrap_or(&known.to_string()))).collect();
        self.add(trail, Reason::NotSupported, value.clone(), format!("supported values: {}", shown.join(", ")));
    }

    fn map(&mut self, node: &Node, map: &Map<String, Value>, old: Option<&Map<String, Value>>, trail: &Trail<'_>) {
        let count = i64::try_from(map.len()).unwrap_or(i64::MAX);
        if let Some(min) = node.limits.properties_min.filter(|min| count < *min) {
            let detail = format!("{} in body should have at least {min} properties", trail.name());
            self.add(trail, Reason::Invalid, count, detail);
            return;
        }
        if let Some(max) = node.limits.properties_max.filter(|max| count > *max) {
            self.too_many(trail, count, max);
            return;
        }
        let old = |key: &str| old.and_then(|old| old.get(key));
        match &node.additional {
            Some(Additional::Schema(schema)) => {
                for (key, value) in map.iter().filter(|(key, _)| node.property(key).is_none()) {
                    self.value(schema, value, old(key), &Trail::Key(trail, key));
                }
            }
            Some(Additional::Any(false)) => {
                for key in map.keys().filter(|key| node.property(key).is_none()) {
                    let detail = format!("{}.{key} in body is a forbidden property", trail.name());
                    self.add(trail, Reason::Invalid, "", detail);
                }
            }
            _ => {}
        }
        for (name, property) in &node.properties {
            if let Some(value) = map.get(&**name) {
                self.value(property, value, old(name), &Trail::Field(trail, name));
            }
        }
        for name in node.limits.required.iter().filter(|name| !map.contains_key(&***name)) {
            if node.property(name).is_none_or(|property| property.default.is_none()) {
                self.add(&Trail::Field(trail, name), Reason::Required, Value::Null, String::new());
            }
        }
    }

    /// `anyOf`, `oneOf`, `allOf` and `not`.
    fn junctors(&mut self, node: &Node, thing: Thing<'_>, trail: &Trail<'_>) {
        let limits = &node.limits;
        if !limits.any_of.is_empty() {
            let (valid, best) = alternatives(&limits.any_of, thing, trail);
            if valid == 0 {
                self.whole(trail, "must validate at least one schema (anyOf)".to_owned());
                self.merge(best);
            }
        }
        if !limits.one_of.is_empty() {
            let (valid, best) = alternatives(&limits.one_of, thing, trail);
            if valid != 1 {
                let found = if valid == 0 {
                    "Found none valid".to_owned()
                } else {
                    format!("Found {valid} valid alternatives")
                };
                self.whole(trail, format!("must validate one and only one schema (oneOf). {found}"));
                self.merge(best);
            }
        }
        if !limits.all_of.is_empty() {
            let valid = all(&limits.all_of, thing, trail, self);
            if valid != limits.all_of.len() {
                let none = if valid == 0 { ". None validated" } else { "" };
                self.whole(trail, format!("must validate all the schemas (allOf){none}"));
            }
        }
        if limits.not.as_ref().is_some_and(|not| thing.found(not, trail).errors.is_empty()) {
            self.whole(trail, "must not validate the schema (not)".to_owned());
        }
        self.matches += 1;
    }

    fn merge(&mut self, other: Found) {
        for error in other.errors {
            self.push(error);
        }
        self.matches += other.matches;
    }

    /// An error that upstream says about the object, with the place in the text only.
    fn whole(&mut self, trail: &Trail<'_>, text: String) {
        self.about_object(trail, format!("{} {text}", quoted(&trail.name())));
    }

    fn about_object(&mut self, trail: &Trail<'_>, detail: String) {
        let path = trail.base().cloned().unwrap_or_else(|| Path::root(NOWHERE));
        self.push(path.error(Reason::Invalid, "", detail));
    }

    fn too_many(&mut self, trail: &Trail<'_>, count: i64, max: i64) {
        let items = if max == 1 { "item" } else { "items" };
        self.add(trail, Reason::TooMany, count, format!("must have at most {max} {items}"));
    }

    fn add(&mut self, trail: &Trail<'_>, reason: Reason, value: impl Into<Value>, detail: String) {
        let name = trail.name();
        let path = match trail.base() {
            Some(base) if name.is_empty() => base.clone(),
            Some(base) => base.child(&name),
            None if name.is_empty() => Path::root(NOWHERE),
            None => Path::root(&name),
        };
        self.push(path.error(reason, value, detail));
    }

    /// The same error is said once.
    fn push(&mut self, error: Error) {
        if !self.errors.contains(&error) {
            self.errors.push(error);
        }
    }
}

impl Thing<'_> {
    fn found(self, node: &Node, trail: &Trail<'_>) -> Found {
        let mut found = Found::default();
        match self {
            Self::Value(value) => found.value(node, value, None, trail),
            Self::Map(map) => {
                found.typed_kind(node, Given::Object, trail);
                found.junctors(node, self, trail);
                found.map(node, map, None, trail);
                found.matches += 2;
            }
        }
        found
    }
}

impl Given {
    fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Boolean,
            Value::Number(number) if number.is_i64() => Self::Integer,
            Value::Number(number) => Self::Number(number.as_f64().is_some_and(|double| double.fract() == 0.0)),
            Value::String(_) => Self::String,
            Value::Array(_) => Self::Array,
            Value::Object(_) => Self::Object,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Number(_) => "number",
            Self::String => "string",
            Self::Array => "array",
            Self::Object => "object",
        }
    }
}

fn fits(node: &Node, given: Given) -> bool {
    if given == Given::Null {
        return node.nullable || (node.kind.is_none() && !node.int_or_string);
    }
    if node.int_or_string && node.kind.is_none() {
        return matches!(given, Given::Integer | Given::Number(true) | Given::String);
    }
    match node.kind {
        None => true,
        Some(Kind::Array) => given == Given::Array,
        Some(Kind::Boolean) => given == Given::Boolean,
        Some(Kind::Integer) => matches!(given, Given::Integer | Given::Number(true)),
        Some(Kind::Number) => matches!(given, Given::Integer | Given::Number(_)),
        Some(Kind::Object) => given == Given::Object,
        Some(Kind::String) => given == Given::String,
    }
}

/// How many alternatives are valid, and what is wrong with the first one if another should be, or with the closest.
fn alternatives(nodes: &[Node], thing: Thing<'_>, trail: &Trail<'_>) -> (usize, Found) {
    let (mut valid, mut best): (usize, Option<Found>) = (0, None);
    for node in nodes {
        let found = thing.found(node, trail);
        if found.errors.is_empty() {
            valid += 1;
        } else if best.as_ref().is_none_or(|best| found.matches > best.matches) {
            best = Some(found);
        }
    }
    (valid, if valid == 0 { best.unwrap_or_default() } else { Found::default() })
}

/// How many of all are valid; what is wrong goes into `into`.
fn all(nodes: &[Node], thing: Thing<'_>, trail: &Trail<'_>, into: &mut Found) -> usize {
    let mut valid = 0;
    for node in nodes {
        let found = thing.found(node, trail);
        valid += usize::from(found.errors.is_empty());
        into.merge(found);
    }
    valid
}

/// Whether two values are the same where numbers count, not how they are written.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Null, _) => false,
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        _ => a == b,
    }
}

fn quoted(text: &str) -> String {
    kubernel_meta::field::go_quoted(text)
}

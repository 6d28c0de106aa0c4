//! From structural schemas to the types of expressions, with how large values can get in one request.

use std::collections::HashMap;
use std::sync::Arc;

use kubernel_cel::declare::{DeclField, DeclShape, DeclType, Object};
use kubernel_cel::escape::escape;

use crate::node::{Kind, Node};

/// The largest request that the server reads: what bounds sizes that a schema does not.
const REQUEST_BYTES_MAX: u64 = 3 * 1024 * 1024;
/// The name of the root's type. Expressions cannot name it.
const ROOT_TYPE: &str = "selfType";

/// The fewest octets of values in JSON.
const STRING_MIN: u64 = 2;
const BOOL_MIN: u64 = 4;
const NUMBER_MIN: u64 = 1;
const OBJECT_MIN: u64 = 2;
const DURATION_MIN: u64 = 3;
const DURATION_MAX: u64 = 32;
const DATE: u64 = 12;
const DATE_TIME_MIN: u64 = 21;
const DATE_TIME_MAX: u64 = 32;
/// The most octets of one character.
const CHARACTER_MAX: u64 = 4;

/// The type of a node; `None` where nothing is known of its values. Roots of objects have `apiVersion`, `kind` and the
/// names in `metadata`, whatever their schema says.
pub fn declared(node: &Node, is_root: bool) -> Option<DeclType> {
    named(node, is_root, ROOT_TYPE)
}

/// How many values of a type fit into one request: how often a rule may run in an unbounded list or map.
pub fn cardinality_max(decl: &DeclType) -> u64 {
    REQUEST_BYTES_MAX / decl.serialized_min.saturating_add(1)
}

fn named(node: &Node, is_root: bool, name: &str) -> Option<DeclType> {
    if node.int_or_string {
        return Some(sized(DeclShape::Dyn, REQUEST_BYTES_MAX - 2, NUMBER_MIN));
    }
    let limits = &node.limits;
    let count = |limit: i64| u64::try_from(limit).unwrap_or(0);
    Some(match node.kind {
        None if is_root => object(node, is_root, name),
        None => return None,
        Some(Kind::Array) => {
            let element = named(node.items.as_deref()?, node.items.as_deref()?.embedded, &format!("{name}.@idx"))?;
            let fit = (REQUEST_BYTES_MAX - 2) / (element.serialized_min + 1);
            let shape = DeclShape::List { element: Arc::new(element), topology: node.list.clone().unwrap_or_default() };
            sized(shape, limits.items_max.map_or(fit, count), OBJECT_MIN)
        }
        Some(Kind::Object) => match node.additional_schema() {
            Some(schema) if !is_root => {
                let value = named(schema, schema.embedded, &format!("{name}.@elem"))?;
                let fit = (REQUEST_BYTES_MAX - 2) / (value.serialized_min + 6);
                let key = Arc::new(sized(DeclShape::String, REQUEST_BYTES_MAX - 2, STRING_MIN));
                sized(
                    DeclShape::Map { key, value: Arc::new(value) },
                    limits.properties_max.map_or(fit, count),
                    OBJECT_MIN,
                )
            }
            _ => object(node, is_root, name),
        },
        Some(Kind::String) => {
            let longest = limits.length_max.map(count);
            match limits.format.as_deref() {
                Some("byte") => sized(DeclShape::Bytes, longest.unwrap_or(REQUEST_BYTES_MAX - 2), STRING_MIN),
                Some("duration") => sized(DeclShape::Duration, DURATION_MAX, DURATION_MIN),
                Some("date") => sized(DeclShape::Timestamp, DATE, DATE),
                Some("date-time") => sized(DeclShape::Timestamp, DATE_TIME_MAX, DATE_TIME_MIN),
                _ => sized(DeclShape::String, text_max(node, longest), STRING_MIN),
            }
        }
        Some(Kind::Boolean) => DeclType::unbounded(DeclShape::Bool, BOOL_MIN),
        Some(Kind::Number) => DeclType::unbounded(DeclShape::Double, NUMBER_MIN),
        Some(Kind::Integer) => DeclType::unbounded(DeclShape::Int, NUMBER_MIN),
    })
}

fn object(node: &Node, is_root: bool, name: &str) -> DeclType {
    let mut fields = HashMap::with_capacity(node.properties.len());
    let mut serialized_min = OBJECT_MIN;
    for (key, property) in &node.properties {
        if is_root && matches!(&**key, "apiVersion" | "kind" | "metadata") {
            continue;
        }
        let Some(ty) = named(property, property.embedded, &format!("{name}.{key}")) else { continue };
        let required = node.limits.required.contains(key);
        if required && property.default.is_none() {
            serialized_min += key.len() as u64 + ty.serialized_min + 4;
        }
        if let Some(escaped) = escape(key) {
            fields.insert(escaped.into(), DeclField { json: key.clone(), ty: Arc::new(ty), required });
        }
    }
    if is_root {
        let text = || Arc::new(sized(DeclShape::String, REQUEST_BYTES_MAX - 2, STRING_MIN));
        let metadata = node.property("metadata");
        let of = |key: &str| {
            let said =
                metadata.and_then(|metadata| metadata.property(key)).filter(|said| said.kind == Some(Kind::String));
            said.and_then(|said| named(said, false, "")).map_or_else(text, Arc::new)
        };
        let names = ["name", "generateName"].map(|key| {
            let json: Arc<str> = key.into();
            (json.clone(), DeclField { json, ty: of(key), required: false })
        });
        let shape = Object { name: format!("{name}.metadata").into(), fields: names.into_iter().collect() };
        let metadata = Arc::new(DeclType::unbounded(DeclShape::Object(shape), OBJECT_MIN));
        for (key, ty) in [("apiVersion", text()), ("kind", text()), ("metadata", metadata)] {
            fields.insert(key.into(), DeclField { json: key.into(), ty, required: false });
        }
    }
    let shape = Object { name: name.into(), fields };
    DeclType::unbounded(DeclShape::Object(shape), serialized_min)
}

/// The most octets of a string: by its length in characters, its listed values, or its format.
fn text_max(node: &Node, longest: Option<u64>) -> u64 {
    let listed = || node.limits.values.iter().filter_map(|value| value.as_str()).map(|text| text.len() as u64).max();
    match longest {
        Some(characters) => characters.saturating_mul(CHARACTER_MAX),
        None => listed().unwrap_or(REQUEST_BYTES_MAX - 2),
    }
}

fn sized(shape: DeclShape, elements_max: u64, serialized_min: u64) -> DeclType {
    DeclType { shape, elements_max, serialized_min }
}

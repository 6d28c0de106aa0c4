//! The types with which mutating policies say what they change: `Object{spec: Object.spec{…}}`, an apply configuration,
//! and `JSONPatch{op: "add", path: "/a", value: 1}`.
//!
//! Nothing is known of the fields of `Object` types; their names must say where they stand ([`check_type_names`]).

use std::any::Any;

use serde_json::{Map, Value as Json};

use crate::declare::TypeProvider;
use crate::error::EvalError;
use crate::types::Type;
use crate::value::{List, Opaque, Value, equal};

pub(super) const OBJECT: &str = "Object";
pub(super) const JSON_PATCH: &str = "JSONPatch";

/// Provides the types.
pub(super) struct PatchTypes;

/// An object that an expression made.
#[derive(Debug)]
struct Made {
    type_name: String,
    fields: Vec<(String, Value<'static>)>,
}

impl TypeProvider for PatchTypes {
    fn find_type(&self, name: &str) -> Option<Type> {
        (name == JSON_PATCH || is_object(name)).then(|| Type::object(name))
    }

    fn find_field(&self, type_name: &str, field: &str) -> Option<Type> {
        match (type_name, field) {
            (JSON_PATCH, "op" | "path" | "from") => Some(Type::String),
            (JSON_PATCH, "value") => Some(Type::Dyn),
            (name, _) if is_object(name) => Some(Type::Dyn),
            _ => None,
        }
    }

    fn construct<'a>(
        &self,
        type_name: &str,
        fields: Vec<(&'a str, Value<'a>)>,
    ) -> Option<Result<Value<'a>, EvalError>> {
        self.find_type(type_name)?;
        let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value.into_owned())).collect();
        Some(Ok(Value::opaque(Made { type_name: type_name.to_owned(), fields })))
    }
}

fn is_object(name: &str) -> bool {
    name.strip_prefix(OBJECT).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

impl Opaque for Made {
    fn ty(&self) -> Type {
        Type::object(&self.type_name)
    }

    fn equal(&self, other: &dyn Opaque) -> bool {
        let Some(other) = other.as_any().downcast_ref::<Made>() else { return false };
        let has = |(name, value): &(String, Value<'static>)| {
            other.fields.iter().any(|(theirs, its)| theirs == name && equal(value, its))
        };
        self.type_name == other.type_name && self.fields.len() == other.fields.len() && self.fields.iter().all(has)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn field(&self, name: &str) -> Option<Value<'static>> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    }

    fn to_json(&self) -> Option<Json> {
        let mut map = Map::new();
        for (name, value) in &self.fields {
            if !matches!(value, Value::Optional(None)) {
                let name = crate::escape::unescape(name).unwrap_or_else(|| name.clone());
                map.insert(name, value.to_json()?);
            }
        }
        Some(Json::Object(map))
    }
}

/// Whether the objects within a value are of the types that their places ask for: `Object.spec` in the field `spec` of
/// an `Object`. The error is upstream's text.
pub fn check_type_names(value: &Value<'_>) -> Result<(), String> {
    match value.downcast::<Made>() {
        Some(made) => check(value, &made.type_name),
        None => Ok(()),
    }
}

fn check(value: &Value<'_>, expected: &str) -> Result<(), String> {
    match value {
        Value::List(List::Values { items, .. }) => items.iter().try_for_each(|item| check(item, expected)),
        Value::Optional(Some(value)) => check(value, expected),
        _ => {
            let Some(made) = value.downcast::<Made>() else { return Ok(()) };
            if made.type_name != expected {
                return Err(format!(
                    "unexpected type name {:?}, expected {expected:?}, which matches field name path from root Object type",
                    made.type_name
                ));
            }
            made.fields.iter().try_for_each(|(name, value)| check(value, &format!("{expected}.{name}")))
        }
    }
}

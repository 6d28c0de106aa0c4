//! Values of the language. A JSON tree is looked at where it lies: nothing is copied, and a declared type says, when a
//! part of it is reached, what that part is ([`json`]).
//!
//! Equality and order are in [`equal`], the way back to JSON in [`json`], what lists and maps can do in [`list`] and
//! [`map`].

mod equal;
mod json;
mod list;
mod map;
mod owned;
mod show;
mod text;
pub mod time;

use std::any::Any;
use std::fmt;
use std::sync::Arc;

pub use equal::{compare, equal};
pub use json::{from_json, from_typed_json};
pub use list::{List, ListKind};
pub use map::{Entries, Key, LazyFields, Map};
pub use show::show;
pub use text::{Text, double_text};
pub use time::{Duration, Timestamp};

use crate::types::Type;

/// A value. `'a` is how long the program and the trees that it looks at live.
#[derive(Clone, Debug)]
pub enum Value<'a> {
    /// `null`.
    Null,
    /// A truth value.
    Bool(bool),
    /// A signed integer.
    Int(i64),
    /// An unsigned integer.
    Uint(u64),
    /// A floating point number.
    Double(f64),
    /// Text.
    String(Text<'a>),
    /// Octets.
    Bytes(Arc<[u8]>),
    /// A point in time.
    Timestamp(Timestamp),
    /// A span of time.
    Duration(Duration),
    /// A list.
    List(List<'a>),
    /// A map, or an object with declared fields.
    Map(Map<'a>),
    /// A type.
    Type(Type),
    /// An optional value.
    Optional(Option<Arc<Value<'a>>>),
    /// What a library defines.
    Opaque(Arc<dyn Opaque>),
}

/// A value that a library defines.
pub trait Opaque: Any + Send + Sync + fmt::Debug {
    /// Its type.
    fn ty(&self) -> Type;

    /// Whether it equals another value of any opaque type.
    fn equal(&self, other: &dyn Opaque) -> bool;

    /// For libraries to get their own type back: `opaque.as_any().downcast_ref::<T>()`.
    fn as_any(&self) -> &dyn Any;

    /// The value of a declared field.
    fn field(&self, name: &str) -> Option<Value<'static>> {
        let _ = name;
        None
    }

    /// Its JSON form.
    fn to_json(&self) -> Option<serde_json::Value> {
        None
    }
}

impl<'a> Value<'a> {
    /// Text that is borrowed.
    #[must_use]
    pub fn text(text: &'a str) -> Value<'a> {
        Value::String(Text::Borrowed(text))
    }

    /// Text that was made.
    #[must_use]
    pub fn string(text: impl Into<Arc<str>>) -> Value<'a> {
        Value::String(Text::Owned(text.into()))
    }

    /// A list of values.
    #[must_use]
    pub fn list(items: impl Into<Arc<[Value<'a>]>>) -> Value<'a> {
        Value::List(List::Values { items: items.into(), kind: ListKind::Atomic })
    }

    /// A library's value.
    #[must_use]
    pub fn opaque(value: impl Opaque) -> Value<'a> {
        Value::Opaque(Arc::new(value))
    }

    /// `optional.of(value)`.
    #[must_use]
    pub fn some(value: Value<'a>) -> Value<'a> {
        Value::Optional(Some(Arc::new(value)))
    }

    /// `optional.none()`.
    #[must_use]
    pub fn none() -> Value<'a> {
        Value::Optional(None)
    }

    /// The type at run time: `list` and `map` without parameters, objects are maps.
    #[must_use]
    pub fn ty(&self) -> Type {
        match self {
            Value::Null => Type::Null,
            Value::Bool(_) => Type::Bool,
            Value::Int(_) => Type::Int,
            Value::Uint(_) => Type::Uint,
            Value::Double(_) => Type::Double,
            Value::String(_) => Type::String,
            Value::Bytes(_) => Type::Bytes,
            Value::Timestamp(_) => Type::Timestamp,
            Value::Duration(_) => Type::Duration,
            Value::List(_) => Type::list(Type::Dyn),
            Value::Map(_) => Type::map(Type::Dyn, Type::Dyn),
            Value::Type(_) => Type::Type(None),
            Value::Optional(_) => Type::optional(Type::Dyn),
            Value::Opaque(opaque) => opaque.ty(),
        }
    }

    /// The text of a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The truth value.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// A library's own value.
    #[must_use]
    pub fn downcast<T: Opaque>(&self) -> Option<&T> {
        match self {
            Value::Opaque(opaque) => (**opaque).as_any().downcast_ref(),
            _ => None,
        }
    }

    /// `size()`: characters, octets, items or entries; `None` for what has no size.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        let size = match self {
            Value::String(text) => text.chars().count(),
            Value::Bytes(bytes) => bytes.len(),
            Value::List(list) => list.len(),
            Value::Map(map) => map.len(),
            _ => return None,
        };
        Some(size as u64)
    }
}

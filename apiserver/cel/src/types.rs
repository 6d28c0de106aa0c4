//! The types of the language, as the checker sees them and as messages print them.
//!
//! What a value of a declared (schema) type looks like is said in [`crate::declare`]; here a declared type is a name.

use std::fmt;
use std::sync::Arc;

/// A type. Cheap to clone: what is nested is shared.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    /// The type of an expression in which an error was found already; fits everywhere.
    Error,
    /// Known at run time only; fits everywhere.
    Dyn,
    /// `google.protobuf.Any`; like `dyn`.
    Any,
    /// The type of `null`.
    Null,
    /// `bool`.
    Bool,
    /// 64 bits, signed.
    Int,
    /// 64 bits, unsigned.
    Uint,
    /// IEEE 754, 64 bits.
    Double,
    /// Unicode text.
    String,
    /// Octets.
    Bytes,
    /// `google.protobuf.Timestamp`.
    Timestamp,
    /// `google.protobuf.Duration`.
    Duration,
    /// `list(element)`.
    List(Arc<Type>),
    /// `map(key, value)`.
    Map(Arc<Type>, Arc<Type>),
    /// The type of types: `type(target)`, or `type` alone.
    Type(Option<Arc<Type>>),
    /// A parameter of a generic overload.
    Param(Arc<str>),
    /// A type that libraries define, possibly generic: `optional_type(int)`, `net.IP`.
    Opaque(Arc<str>, Arc<[Type]>),
    /// A type with declared fields, by name.
    Object(Arc<str>),
}

/// The name of the type of optional values.
pub const OPTIONAL: &str = "optional_type";

impl Type {
    /// `list(element)`.
    #[must_use]
    pub fn list(element: Type) -> Type {
        Type::List(Arc::new(element))
    }

    /// `map(key, value)`.
    #[must_use]
    pub fn map(key: Type, value: Type) -> Type {
        Type::Map(Arc::new(key), Arc::new(value))
    }

    /// `type(target)`.
    #[must_use]
    pub fn type_of(target: Type) -> Type {
        Type::Type(Some(Arc::new(target)))
    }

    /// A type parameter.
    #[must_use]
    pub fn param(name: &str) -> Type {
        Type::Param(name.into())
    }

    /// An opaque type without parameters.
    #[must_use]
    pub fn opaque(name: &str) -> Type {
        Type::Opaque(name.into(), Arc::from([]))
    }

    /// `optional_type(target)`.
    #[must_use]
    pub fn optional(target: Type) -> Type {
        Type::Opaque(OPTIONAL.into(), Arc::from([target]))
    }

    /// A type with declared fields.
    #[must_use]
    pub fn object(name: &str) -> Type {
        Type::Object(name.into())
    }

    /// What an optional type may hold.
    #[must_use]
    pub fn optional_target(&self) -> Option<&Type> {
        match self {
            Type::Opaque(name, parameters) if &**name == OPTIONAL => parameters.first(),
            _ => None,
        }
    }

    /// Whether everything fits it: `dyn` and `any`.
    #[must_use]
    pub fn is_dyn(&self) -> bool {
        matches!(self, Type::Dyn | Type::Any)
    }

    /// The name of the type without its parameters, as `type(x)` and run time errors say it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Type::Error => "error",
            Type::Dyn => "dyn",
            Type::Any => "google.protobuf.Any",
            Type::Null => "null_type",
            Type::Bool => "bool",
            Type::Int => "int",
            Type::Uint => "uint",
            Type::Double => "double",
            Type::String => "string",
            Type::Bytes => "bytes",
            Type::Timestamp => "google.protobuf.Timestamp",
            Type::Duration => "google.protobuf.Duration",
            Type::List(_) => "list",
            Type::Map(..) => "map",
            Type::Type(_) => "type",
            Type::Param(name) | Type::Opaque(name, _) | Type::Object(name) => name,
        }
    }
}

impl fmt::Display for Type {
    /// As the checker's messages print it.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Error => out.write_str("!error!"),
            Type::Any => out.write_str("any"),
            Type::Null => out.write_str("null"),
            Type::Timestamp => out.write_str("timestamp"),
            Type::Duration => out.write_str("duration"),
            Type::List(element) => write!(out, "list({element})"),
            Type::Map(key, value) => write!(out, "map({key}, {value})"),
            Type::Type(None) => out.write_str("type"),
            Type::Type(Some(target)) => write!(out, "type({target})"),
            Type::Opaque(name, parameters) if !parameters.is_empty() => {
                write!(out, "{name}(")?;
                for (index, parameter) in parameters.iter().enumerate() {
                    write!(out, "{}{parameter}", if index == 0 { "" } else { ", " })?;
                }
                out.write_str(")")
            }
            other => out.write_str(other.name()),
        }
    }
}

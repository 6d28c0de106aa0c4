//! Declared types: what a schema says about a JSON tree, so that expressions over it can be checked, estimated, and
//! evaluated without converting the tree.
//!
//! Made from structural schemas by `kubernel-structural` and from the schema IR by this crate's libraries.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use crate::error::EvalError;
use crate::types::Type;
use crate::value::Value;

/// A declared type.
#[derive(Clone, Debug)]
pub struct DeclType {
    /// What kind of value it is.
    pub shape: DeclShape,
    /// The greatest `size()` of a value: characters, octets, items or entries; `u64::MAX` where nothing bounds it. For
    /// times, the characters of their JSON form. 0 for what has no size, which costs count as nothing.
    pub elements_max: u64,
    /// The fewest octets that a value takes in JSON; what bounds the number of items of a list around it.
    pub serialized_min: u64,
}

/// The kinds of declared types.
#[derive(Clone, Debug)]
pub enum DeclShape {
    /// Anything, including what an int-or-string field holds: the JSON value says.
    Dyn,
    /// `null` alone.
    Null,
    /// true or false.
    Bool,
    /// A JSON integer.
    Int,
    /// An unsigned integer.
    Uint,
    /// A JSON number; integers are read as doubles.
    Double,
    /// A JSON string.
    String,
    /// A JSON string in base64.
    Bytes,
    /// A JSON string in RFC 3339 (format `date-time`) or a day alone (format `date`).
    Timestamp,
    /// A JSON string that Go's `ParseDuration` reads.
    Duration,
    /// A JSON array.
    List {
        /// The type of all items.
        element: Arc<DeclType>,
        /// How two lists are compared and added.
        topology: Topology,
    },
    /// A JSON object with arbitrary keys.
    Map {
        /// The type of keys: a string.
        key: Arc<DeclType>,
        /// The type of all values.
        value: Arc<DeclType>,
    },
    /// A JSON object with declared fields.
    Object(Object),
    /// A type without a JSON form, such as `kubernetes.authorization.Authorizer`.
    Opaque(Type),
}

/// How two lists are compared and added (`x-kubernetes-list-type`).
#[derive(Clone, Debug, Default)]
pub enum Topology {
    /// By index.
    #[default]
    Atomic,
    /// As sets: order does not count, `+` is the union.
    Set,
    /// As maps with these (JSON) key fields: order does not count, `+` replaces items with the same keys.
    Map(Arc<[Arc<str>]>),
}

/// The declared fields of an object, by their escaped names.
#[derive(Clone, Debug)]
pub struct Object {
    /// The name of the type: `selfType.spec`.
    pub name: Arc<str>,
    /// The fields by the names that expressions use.
    pub fields: HashMap<Arc<str>, DeclField>,
}

/// A declared field.
#[derive(Clone, Debug)]
pub struct DeclField {
    /// Its key in JSON.
    pub json: Arc<str>,
    /// Its type.
    pub ty: Arc<DeclType>,
    /// Whether an object without it is invalid.
    pub required: bool,
}

impl DeclType {
    /// A type whose size, if its values have one, is not bounded.
    #[must_use]
    pub fn unbounded(shape: DeclShape, serialized_min: u64) -> DeclType {
        let elements_max = match shape {
            DeclShape::Null | DeclShape::Bool | DeclShape::Int | DeclShape::Uint | DeclShape::Double => 0,
            DeclShape::Object(_) | DeclShape::Opaque(_) => 0,
            _ => u64::MAX,
        };
        DeclType { shape, elements_max, serialized_min }
    }

    /// The type for the checker.
    #[must_use]
    pub fn cel_type(&self) -> Type {
        match &self.shape {
            DeclShape::Dyn => Type::Dyn,
            DeclShape::Null => Type::Null,
            DeclShape::Bool => Type::Bool,
            DeclShape::Int => Type::Int,
            DeclShape::Uint => Type::Uint,
            DeclShape::Double => Type::Double,
            DeclShape::String => Type::String,
            DeclShape::Bytes => Type::Bytes,
            DeclShape::Timestamp => Type::Timestamp,
            DeclShape::Duration => Type::Duration,
            DeclShape::List { element, .. } => Type::list(element.cel_type()),
            DeclShape::Map { key, value } => Type::map(key.cel_type(), value.cel_type()),
            DeclShape::Object(object) => Type::Object(object.name.clone()),
            DeclShape::Opaque(ty) => ty.clone(),
        }
    }

    /// The declared fields, if it is an object with some.
    #[must_use]
    pub fn as_object(&self) -> Option<&Object> {
        match &self.shape {
            DeclShape::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The type of what is reached by one step of a path (see [`crate::cost::SizeEstimator`]): a field's escaped name,
    /// `@items`, `@keys` or `@values`.
    #[must_use]
    pub fn step(&self, step: &str) -> Option<&DeclType> {
        match (&self.shape, step) {
            (DeclShape::List { element, .. }, "@items" | "@values") => Some(element),
            (DeclShape::Map { value, .. }, "@items" | "@values") => Some(value),
            (DeclShape::Map { key, .. }, "@keys") => Some(key),
            (DeclShape::Object(object), name) => Some(&object.fields.get(name)?.ty),
            _ => None,
        }
    }
}

/// Where the checker finds types that are not built in, and the evaluator those that expressions construct.
pub trait TypeProvider: Send + Sync {
    /// The type with this name.
    fn find_type(&self, name: &str) -> Option<Type>;

    /// The type of a field of the object type with this name.
    fn find_field(&self, type_name: &str, field: &str) -> Option<Type>;

    /// The value of `Name{field: value, …}`; `None` where expressions cannot construct the type.
    fn construct<'a>(
        &self,
        type_name: &str,
        fields: Vec<(&'a str, Value<'a>)>,
    ) -> Option<Result<Value<'a>, EvalError>> {
        let _ = (type_name, fields);
        None
    }
}

/// All object types that are reachable from some declared types, by name.
#[derive(Clone, Default)]
pub struct DeclTypes {
    by_name: BTreeMap<Arc<str>, Arc<DeclType>>,
}

impl DeclTypes {
    /// Adds a type and what is reachable from it.
    pub fn add(&mut self, ty: &Arc<DeclType>) {
        match &ty.shape {
            DeclShape::List { element, .. } => self.add(element),
            DeclShape::Map { key, value } => {
                self.add(key);
                self.add(value);
            }
            DeclShape::Object(object) if !self.by_name.contains_key(&object.name) => {
                self.by_name.insert(object.name.clone(), ty.clone());
                object.fields.values().for_each(|field| self.add(&field.ty));
            }
            _ => {}
        }
    }

    /// The object type with this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<DeclType>> {
        self.by_name.get(name)
    }
}

impl TypeProvider for DeclTypes {
    fn find_type(&self, name: &str) -> Option<Type> {
        self.by_name.get(name).map(|ty| ty.cel_type())
    }

    fn find_field(&self, type_name: &str, field: &str) -> Option<Type> {
        Some(self.by_name.get(type_name)?.as_object()?.fields.get(field)?.ty.cel_type())
    }
}

impl fmt::Debug for DeclTypes {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_set().entries(self.by_name.keys()).finish()
    }
}

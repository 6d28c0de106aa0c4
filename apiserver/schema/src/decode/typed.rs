//! Nodes against a schema: what is kept, what is reported, what is refused.

use kubernel_meta::Object;
use serde_json::{Map, Value};

use super::node::Node;
use super::{Decoded, scalar};
use crate::shape::{Field, Presence, SchemaAlternative, Shape, Struct, Types, Unknown};
use crate::{Error, Schema};

/// Beyond this many, strict decoding stops listing what it finds.
pub(super) const STRICT_ERRORS_MAX: usize = 100;
/// Up to this many fields of a struct are watched for duplicates by a bit each.
const FIELDS_WATCHED: usize = 128;

/// Holds a body against a schema.
pub(super) fn decode(schema: &Schema, node: Node<'_>) -> Result<Decoded, Error> {
    let root = schema.root();
    let mut walk = Walk { types: &schema.types, path: Vec::new(), strict: Vec::new(), holder: None };
    let map = match node {
        Node::Map(entries) => walk.fields(root, entries)?,
        Node::Null => Map::new(),
        other => {
            let (kind, name) = (other.kind(), root.go_name());
            return Err(Error::Value(format!("json: cannot unmarshal {kind} into Go value of type {name}")));
        }
    };
    Ok(Decoded { object: Object::new(map), strict: walk.strict })
}

/// One step of the way to a value.
enum Step<'a> {
    Field(&'a str),
    Key(String),
    Index(usize),
}

struct Walk<'a> {
    types: &'a Types,
    path: Vec<Step<'a>>,
    strict: Vec<String>,
    /// The innermost struct that the walk stands in, which Go's errors name.
    holder: Option<&'a Struct>,
}

impl<'a> Walk<'a> {
    /// The fields of a struct.
    fn fields(
        &mut self,
        item: &'a Struct,
        entries: Vec<(std::borrow::Cow<'_, str>, Node<'_>)>,
    ) -> Result<Map<String, Value>, Error> {
        let outer = self.holder.replace(item);
        let mut out = Map::new();
        let mut seen = 0_u128;
        let mut next = 0;
        for (key, node) in entries {
            let Some(index) = item.position_from(next, &key) else {
                match item.unknown {
                    Unknown::Keep => {
                        if out.insert(key.to_string(), node.into_value()).is_some() {
                            self.report("duplicate", &key);
                        }
                    }
                    Unknown::Prune => self.report("unknown", &key),
                }
                continue;
            };
            let field = &item.fields[index];
            next = index + 1;
            if index < FIELDS_WATCHED {
                if seen & (1 << index) != 0 {
                    self.report("duplicate", &key);
                }
                seen |= 1 << index;
            }
            self.path.push(Step::Field(&field.name));
            let value = self.field(field, node)?;
            self.path.pop();
            match value {
                Some(value) => out.insert(key.into_owned(), value),
                None => out.remove(&*key),
            };
        }
        self.holder = outer;
        Ok(out)
    }

    /// A field's value; `None` where Go would not write it.
    fn field(&mut self, field: &'a Field, node: Node<'_>) -> Result<Option<Value>, Error> {
        if matches!(node, Node::Null) {
            return Ok(field.nullable.then_some(Value::Null));
        }
        let value = self.value(&field.shape, node, field.go.as_deref())?;
        // An empty list of managedFields is a request to forget all owners.
        let dropped = field.presence == Presence::OmitZero && is_zero(&value) && &*field.name != "managedFields";
        Ok((!dropped).then_some(value))
    }

    fn value(&mut self, shape: &'a Shape, node: Node<'_>, go: Option<&str>) -> Result<Value, Error> {
        match (shape, node) {
            (Shape::Any, node) => Ok(node.into_value()),
            (Shape::Quantity, Node::Null) => Ok(Value::from("0")),
            (Shape::Quantity, Node::Text(text) | Node::Number(text)) => scalar::quantity_text(&text).map(Value::String),
            (Shape::Quantity, _) => scalar::quantity_text("x").map(Value::String),
            (shape, Node::Null) => Ok(zero(shape)),
            (Shape::Time, node) => scalar::time_text(&scalar::text_of_time(&node)?).map(Value::String),
            (Shape::MicroTime, node) => scalar::micro_time_text(&scalar::text_of_time(&node)?).map(Value::String),
            (Shape::IntOrString, node) => scalar::int_or_string(node),
            (Shape::Bool, Node::Bool(value)) => Ok(Value::Bool(value)),
            (Shape::Text, Node::Text(text)) => Ok(Value::String(text.into_owned())),
            (Shape::Int32, Node::Number(text)) => match text.parse::<i32>() {
                Ok(value) => Ok(Value::from(value)),
                Err(_) => Err(self.mismatch(&format!("number {text}"), shape, go)),
            },
            (Shape::Int64, Node::Number(text)) => match text.parse::<i64>() {
                Ok(value) => Ok(Value::from(value)),
                Err(_) => Err(self.mismatch(&format!("number {text}"), shape, go)),
            },
            (Shape::Double, Node::Number(text)) => match text.parse::<f64>() {
                Ok(value) if value.is_finite() => Ok(scalar::double_value(value)),
                _ => Err(self.mismatch(&format!("number {text}"), shape, go)),
            },
            (Shape::Bytes, Node::Text(text)) => {
                let bytes = scalar::value_to_bytes(&text)?;
                Ok(if text.contains(['\r', '\n']) {
                    scalar::bytes_to_value(&bytes)
                } else {
                    Value::String(text.into_owned())
                })
            }
            (Shape::Struct(id), Node::Map(entries)) => self.fields(self.types.get(*id), entries).map(Value::Object),
            (Shape::List(list), Node::List(items)) => self.list(&list.item, items, go),
            (Shape::Map(map), Node::Map(entries)) => self.map(&map.value, entries, go),
            (Shape::SchemaOr(alternative, id), node) => self.schema_or(*alternative, self.types.get(*id), node),
            (shape, node) => Err(self.mismatch(node.kind(), shape, go)),
        }
    }

    fn list(&mut self, item: &'a Shape, nodes: Vec<Node<'_>>, go: Option<&str>) -> Result<Value, Error> {
        let go = go.and_then(|go| go.strip_prefix("[]"));
        let mut out = Vec::with_capacity(nodes.len());
        for (index, node) in nodes.into_iter().enumerate() {
            self.path.push(Step::Index(index));
            out.push(self.value(item, node, go)?);
            self.path.pop();
        }
        Ok(Value::Array(out))
    }

    fn map(
        &mut self,
        shape: &'a Shape,
        entries: Vec<(std::borrow::Cow<'_, str>, Node<'_>)>,
        go: Option<&str>,
    ) -> Result<Value, Error> {
        let go = go.and_then(|go| go.split_once(']')).map(|(_, value)| value);
        let nested = matches!(shape, Shape::Struct(_) | Shape::Map(_) | Shape::List(_) | Shape::SchemaOr(..));
        let mut out = Map::new();
        for (key, node) in entries {
            if out.contains_key(&*key) {
                self.report("duplicate", &key);
            }
            if nested {
                self.path.push(Step::Key(key.to_string()));
            }
            let value = self.value(shape, node, go)?;
            if nested {
                self.path.pop();
            }
            out.insert(key.into_owned(), value);
        }
        Ok(Value::Object(out))
    }

    fn schema_or(
        &mut self,
        alternative: SchemaAlternative,
        schema: &'a Struct,
        node: Node<'_>,
    ) -> Result<Value, Error> {
        match (alternative, node) {
            (_, Node::Map(entries)) => self.fields(schema, entries).map(Value::Object),
            (SchemaAlternative::Bool, Node::Bool(value)) => Ok(Value::Bool(value)),
            (SchemaAlternative::Schemas, Node::List(items)) => {
                let mut out = Vec::with_capacity(items.len());
                for (index, item) in items.into_iter().enumerate() {
                    self.path.push(Step::Index(index));
                    match item {
                        Node::Map(entries) => out.push(Value::Object(self.fields(schema, entries)?)),
                        other => return Err(self.refused(other.kind(), schema.go_name())),
                    }
                    self.path.pop();
                }
                Ok(Value::Array(out))
            }
            (SchemaAlternative::Texts, Node::List(items)) => {
                let texts = items.into_iter().map(|item| match item {
                    Node::Text(text) => Ok(Value::String(text.into_owned())),
                    other => Err(self.refused(other.kind(), "string")),
                });
                texts.collect::<Result<_, _>>().map(Value::Array)
            }
            (SchemaAlternative::Bool, _) => Err(Error::Value("boolean or JSON schema expected".to_owned())),
            (_, other) => Err(self.refused(other.kind(), schema.go_name())),
        }
    }

    /// Notes an unknown or duplicate field here.
    fn report(&mut self, what: &str, key: &str) {
        if self.strict.len() >= STRICT_ERRORS_MAX {
            return;
        }
        let mut path = String::new();
        for step in &self.path {
            match step {
                Step::Index(index) => path.push_str(&format!("[{index}]")),
                Step::Field(name) => push_name(&mut path, name),
                Step::Key(name) => push_name(&mut path, name),
            }
        }
        push_name(&mut path, key);
        let message = format!("{what} field {path:?}");
        if !self.strict.contains(&message) {
            self.strict.push(message);
        }
    }

    fn mismatch(&self, found: &str, shape: &Shape, go: Option<&str>) -> Error {
        self.refused(found, &self.go_type(shape, go))
    }

    /// `json: cannot unmarshal string into Go struct field PodSpec.spec.hostNetwork of type bool`.
    fn refused(&self, found: &str, wanted: &str) -> Error {
        let names: Vec<&str> = self
            .path
            .iter()
            .filter_map(|step| match step {
                Step::Field(name) => Some(*name),
                Step::Key(_) | Step::Index(_) => None,
            })
            .collect();
        let holder = self.holder.map_or("", Struct::kind);
        let path = names.join(".");
        Error::Value(format!("json: cannot unmarshal {found} into Go struct field {holder}.{path} of type {wanted}"))
    }

    /// The Go type of a shape, as its errors print it.
    fn go_type(&self, shape: &Shape, go: Option<&str>) -> String {
        if let Some(go) = go {
            return go.to_owned();
        }
        match shape {
            Shape::Bool => "bool".to_owned(),
            Shape::Int32 => "int32".to_owned(),
            Shape::Int64 => "int64".to_owned(),
            Shape::Double => "float64".to_owned(),
            Shape::Bytes => "[]uint8".to_owned(),
            Shape::Quantity => "resource.Quantity".to_owned(),
            Shape::Struct(id) | Shape::SchemaOr(_, id) => self.types.get(*id).go_name().to_owned(),
            Shape::Map(map) => format!("map[string]{}", self.go_type(&map.value, None)),
            Shape::List(list) => format!("[]{}", self.go_type(&list.item, None)),
            Shape::Text | Shape::IntOrString | Shape::Time | Shape::MicroTime | Shape::Any => "string".to_owned(),
        }
    }
}

fn push_name(path: &mut String, name: &str) {
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(name);
}

/// Whether a value is Go's zero value of its type.
pub(crate) fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
    }
}

/// What Go holds where JSON says `null` inside a list or map.
fn zero(shape: &Shape) -> Value {
    match shape {
        Shape::Bool => Value::Bool(false),
        Shape::Int32 | Shape::Int64 | Shape::Double | Shape::IntOrString => Value::from(0),
        Shape::Text | Shape::Bytes => Value::from(""),
        Shape::Quantity => Value::from("0"),
        Shape::Struct(_) => Value::Object(Map::new()),
        _ => Value::Null,
    }
}

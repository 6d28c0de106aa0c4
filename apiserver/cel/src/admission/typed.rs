//! Checks the expressions of a policy against the types of the objects that it is about: what admission does not do,
//! because a policy may be about several kinds, but tells whoever writes one.

use std::collections::HashMap;
use std::sync::Arc;

use kubernel_schema::{Schema, Shape, Struct, StructId, Types, Unknown};
use serde_json::Value as Json;

use super::{VARIABLES, VARIABLES_TYPE, Variables, declared};
use crate::declare::{DeclField, DeclShape, DeclType, Object, Topology};
use crate::environment::Environment;
use crate::escape::escape;
use crate::library::authz;
use crate::types::Type;

/// A kind that a policy is about, or that of its parameters.
#[derive(Clone, Debug)]
pub struct Kind {
    /// As messages name it: `apps/v1, Kind=Deployment`.
    pub name: String,
    /// The type of its objects.
    pub ty: Arc<DeclType>,
}

/// A complaint about an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Where the expression stands: `spec.validations[0].expression`.
    pub field: String,
    /// The complaints of all kinds.
    pub text: String,
}

/// Checks the validations of a policy's spec, and their messages, against every kind; the texts are upstream's.
#[must_use]
pub fn warnings(spec: &Json, kinds: &[Kind], params: Option<&Arc<DeclType>>) -> Vec<Warning> {
    let environments: Vec<(&str, Environment)> =
        kinds.iter().map(|kind| (kind.name.as_str(), environment(spec, &kind.ty, params))).collect();
    let mut warnings = Vec::new();
    let validations = spec.get("validations").and_then(Json::as_array).into_iter().flatten();
    for (at, validation) in validations.enumerate() {
        for part in ["expression", "messageExpression"] {
            let expression = validation.get(part).and_then(Json::as_str).unwrap_or_default();
            if expression.is_empty() {
                continue;
            }
            let complaints: Vec<String> = environments
                .iter()
                .filter_map(|(name, environment)| Some(format!("{name}: {}\n", environment.compile(expression).err()?)))
                .collect();
            if !complaints.is_empty() {
                let field = format!("spec.validations[{at}].{part}");
                warnings.push(Warning { field, text: complaints.join("\n") });
            }
        }
    }
    warnings
}

/// The environment for one kind, with the policy's variables as far as they compile.
fn environment(spec: &Json, object: &Arc<DeclType>, params: Option<&Arc<DeclType>>) -> Environment {
    let mut made = Environment::base()
        .with_declared("namespaceObject", &declared::namespace())
        .with_declared("request", &declared::request())
        .with_declared("object", object)
        .with_declared("oldObject", object)
        .with_variable("authorizer", authz::authorizer_type());
    if let Some(params) = params {
        made = made.with_declared("params", params);
    }
    let mut known: Vec<(Arc<str>, Type)> = Vec::new();
    let with_known = |made: &Environment, known: &[(Arc<str>, Type)]| {
        let fields = Arc::new(Variables(known.to_vec()));
        made.clone().with_variable(VARIABLES, Type::object(VARIABLES_TYPE)).with_types(fields)
    };
    for variable in spec.get("variables").and_then(Json::as_array).into_iter().flatten() {
        let text = |field: &str| variable.get(field).and_then(Json::as_str).unwrap_or_default();
        let checked = with_known(&made, &known).compile(text("expression"));
        known.push((text("name").into(), checked.map_or(Type::Dyn, |checked| checked.output().clone())));
    }
    with_known(&made, &known)
}

/// The declared type of the objects of a schema.
#[must_use]
pub fn of_schema(schema: &Schema) -> Arc<DeclType> {
    let mut walk = Walk { types: &schema.types, known: HashMap::new() };
    walk.of_struct(schema.root)
}

struct Walk<'a> {
    types: &'a Types,
    /// `None` while a struct is being walked: what refers to itself is not followed.
    known: HashMap<StructId, Option<Arc<DeclType>>>,
}

impl Walk<'_> {
    fn of_struct(&mut self, id: StructId) -> Arc<DeclType> {
        match self.known.get(&id) {
            Some(Some(known)) => return known.clone(),
            Some(None) => return plain(DeclShape::Dyn),
            None => {}
        }
        self.known.insert(id, None);
        let Struct { name, fields, unknown, .. } = self.types.get(id);
        let shape = if fields.is_empty() && *unknown == Unknown::Keep {
            DeclShape::Dyn
        } else {
            let mut declared = HashMap::with_capacity(fields.len());
            for field in fields {
                let Some(escaped) = escape(&field.name) else { continue };
                let ty = self.of(&field.shape);
                let required = field.required;
                declared.insert(escaped.into(), DeclField { json: field.name.clone(), ty, required });
            }
            DeclShape::Object(Object { name: name.clone(), fields: declared })
        };
        let made = plain(shape);
        self.known.insert(id, Some(made.clone()));
        made
    }

    fn of(&mut self, shape: &Shape) -> Arc<DeclType> {
        match shape {
            Shape::Bool => plain(DeclShape::Bool),
            Shape::Int32 | Shape::Int64 => plain(DeclShape::Int),
            Shape::Double => plain(DeclShape::Double),
            Shape::Text => plain(DeclShape::String),
            Shape::Bytes => plain(DeclShape::Bytes),
            Shape::Time | Shape::MicroTime => plain(DeclShape::Timestamp),
            Shape::Struct(id) => self.of_struct(*id),
            Shape::Map(map) => {
                let value = self.of(&map.value);
                plain(DeclShape::Map { key: plain(DeclShape::String), value })
            }
            Shape::List(list) => {
                let element = self.of(&list.item);
                plain(DeclShape::List { element, topology: Topology::Atomic })
            }
            Shape::Quantity | Shape::IntOrString | Shape::Any | Shape::SchemaOr(..) => plain(DeclShape::Dyn),
        }
    }
}

fn plain(shape: DeclShape) -> Arc<DeclType> {
    Arc::new(DeclType::unbounded(shape, 0))
}

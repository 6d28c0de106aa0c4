//! Types as OpenAPI schemas, each with everything it refers to.

use std::collections::BTreeMap;
use std::sync::Arc;

use kubernel_meta::GroupVersion;
use serde_json::{Map, Value, json};

use super::{Dialect, descriptions};
use crate::shape::{
    Field, ListPatch, ListShape, ListTopology, Presence, SchemaAlternative, Shape, Struct, Types, Unknown,
};
use crate::{Schema, StructId};

const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1";
const EXTENSIONS: &str = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1";
const QUANTITY: &str = "io.k8s.apimachinery.pkg.api.resource.Quantity";
const INT_OR_STRING: &str = "io.k8s.apimachinery.pkg.util.intstr.IntOrString";

/// The schemas of a document, gathered as its paths ask for them.
pub(super) struct Components {
    pub(super) dialect: Dialect,
    versions: Vec<GroupVersion>,
    schemas: BTreeMap<String, Value>,
    open: Vec<(Arc<Types>, StructId)>,
}

impl Components {
    pub(super) fn new(dialect: Dialect, versions: &[GroupVersion]) -> Self {
        Self { dialect, versions: versions.to_vec(), schemas: BTreeMap::new(), open: Vec::new() }
    }

    /// All schemas that were asked for, with those that they refer to.
    pub(super) fn finish(mut self) -> Value {
        while let Some((types, id)) = self.open.pop() {
            let item = types.get(id);
            if !self.schemas.contains_key(&*item.name) {
                self.schemas.insert(item.name.to_string(), Value::Null);
                let schema = self.item(&types, item);
                self.schemas.insert(item.name.to_string(), schema);
            }
        }
        Value::Object(self.schemas.into_iter().collect())
    }

    /// `{"$ref": …}` to a type.
    pub(super) fn reference(&mut self, schema: &Schema) -> Value {
        self.reference_to(&schema.types, schema.root)
    }

    /// `{"$ref": …}` to a built-in type of this definition name.
    pub(super) fn reference_to_builtin(&mut self, definition: &str) -> Value {
        match super::builtin_schema(definition) {
            Some(schema) => self.reference(&schema),
            None => self.leaf(definition),
        }
    }

    /// `{"$ref": …}` to `meta/v1` Patch, which is any object.
    pub(super) fn reference_to_patch(&mut self) -> Value {
        self.leaf(&format!("{META}.Patch"))
    }

    fn reference_to(&mut self, types: &Arc<Types>, id: StructId) -> Value {
        self.open.push((Arc::clone(types), id));
        self.pointer(&types.get(id).name)
    }

    fn pointer(&self, name: &str) -> Value {
        let place = match self.dialect {
            Dialect::V2 => "#/definitions/",
            Dialect::V3 => "#/components/schemas/",
        };
        json!({ "$ref": format!("{place}{name}") })
    }

    /// `{"$ref": …}` to a type that is not a struct.
    fn leaf(&mut self, name: &str) -> Value {
        let v3 = self.dialect == Dialect::V3;
        let schema = match name {
            QUANTITY if v3 => json!({ "oneOf": [{ "type": "string" }, { "type": "number" }] }),
            QUANTITY => json!({ "type": "string" }),
            INT_OR_STRING if v3 => {
                json!({ "format": "int-or-string", "oneOf": [{ "type": "integer" }, { "type": "string" }] })
            }
            INT_OR_STRING => json!({ "type": "string", "format": "int-or-string" }),
            _ if name.ends_with("Time") => json!({ "type": "string", "format": "date-time" }),
            // kubectl explain stumbles over a schema that says nothing at all.
            _ if name.starts_with(EXTENSIONS) => json!({ "description": "Any value, or a schema of its own." }),
            _ => json!({ "type": "object" }),
        };
        self.schemas.insert(name.to_owned(), schema);
        self.pointer(name)
    }

    fn item(&mut self, types: &Arc<Types>, item: &Struct) -> Value {
        let mut out = Map::new();
        out.insert("type".to_owned(), json!("object"));
        if let Some(text) = descriptions::of_kind(item.kind()) {
            out.insert("description".to_owned(), json!(text));
        }
        if !item.fields.is_empty() {
            let fields = item.fields.iter().map(|field| (field.name.to_string(), self.field(types, item, field)));
            out.insert("properties".to_owned(), Value::Object(fields.collect()));
        }
        let mut required: Vec<&str> =
            item.fields.iter().filter(|field| field.required).map(|field| &*field.name).collect();
        required.sort_unstable();
        if !required.is_empty() {
            out.insert("required".to_owned(), json!(required));
        }
        if item.atomic {
            out.insert("x-kubernetes-map-type".to_owned(), json!("atomic"));
        }
        if item.unknown == Unknown::Keep {
            out.insert("x-kubernetes-preserve-unknown-fields".to_owned(), json!(true));
        }
        let kinds = self.kinds(item);
        if !kinds.is_empty() {
            out.insert("x-kubernetes-group-version-kind".to_owned(), Value::Array(kinds));
        }
        Value::Object(out)
    }

    /// `x-kubernetes-group-version-kind`: one for a kind, one for each version where every group has the kind.
    fn kinds(&self, item: &Struct) -> Vec<Value> {
        let kind =
            |version: &GroupVersion| json!({ "group": version.group, "version": version.version, "kind": item.kind() });
        match item.api_version.as_deref() {
            None => Vec::new(),
            Some("*") => self.versions.iter().map(kind).collect(),
            Some(text) => GroupVersion::parse(text).iter().map(kind).collect(),
        }
    }

    fn field(&mut self, types: &Arc<Types>, item: &Struct, field: &Field) -> Value {
        let mut schema = self.shape(types, item, &field.shape);
        let by_value = field.presence == Presence::Always;
        let default = match (&field.default, &field.shape) {
            (Some(default), _) => Some(default.clone()),
            (None, Shape::Struct(_)) if by_value => Some(json!({})),
            (None, Shape::Text) if by_value => Some(json!("")),
            (None, Shape::Int32 | Shape::Int64 | Shape::Double) if by_value => Some(json!(0)),
            (None, Shape::Bool) if by_value => Some(json!(false)),
            _ => None,
        };
        // A reference has no room for anything beside it in v3.
        if self.dialect == Dialect::V3 && schema.get("$ref").is_some() {
            schema = json!({ "allOf": [schema] });
        }
        let Value::Object(out) = &mut schema else { return schema };
        if let Some(text) = descriptions::of_field(item, &field.name) {
            out.insert("description".to_owned(), json!(text));
        }
        if let Some(default) = default.filter(|_| self.dialect == Dialect::V3 || field.default.is_some()) {
            out.insert("default".to_owned(), default);
        }
        if self.dialect == Dialect::V3 && !field.values.is_empty() {
            out.insert("enum".to_owned(), json!(field.values));
        }
        if field.nullable {
            out.insert("nullable".to_owned(), json!(true));
        }
        if field.atomic {
            out.insert("x-kubernetes-map-type".to_owned(), json!("atomic"));
        }
        if let Shape::List(list) = &field.shape {
            list_extensions(list, field.retain_keys, out);
        } else if field.retain_keys {
            out.insert("x-kubernetes-patch-strategy".to_owned(), json!("retainKeys"));
        }
        schema
    }

    fn shape(&mut self, types: &Arc<Types>, item: &Struct, shape: &Shape) -> Value {
        match shape {
            Shape::Bool => json!({ "type": "boolean" }),
            Shape::Int32 => json!({ "type": "integer", "format": "int32" }),
            Shape::Int64 => json!({ "type": "integer", "format": "int64" }),
            Shape::Double => json!({ "type": "number", "format": "double" }),
            Shape::Text => json!({ "type": "string" }),
            Shape::Bytes => json!({ "type": "string", "format": "byte" }),
            Shape::Quantity => self.leaf(QUANTITY),
            Shape::IntOrString => self.leaf(INT_OR_STRING),
            Shape::Time => self.leaf(&format!("{META}.Time")),
            Shape::MicroTime => self.leaf(&format!("{META}.MicroTime")),
            // In a JSON schema any value can stand; elsewhere it is an object of somebody else's kind.
            Shape::Any if item.kind() == "JSONSchemaProps" => self.leaf(&format!("{EXTENSIONS}.JSON")),
            Shape::Any => json!({ "type": "object" }),
            Shape::SchemaOr(SchemaAlternative::Schemas, _) => {
                self.leaf(&format!("{EXTENSIONS}.JSONSchemaPropsOrArray"))
            }
            Shape::SchemaOr(SchemaAlternative::Bool, _) => self.leaf(&format!("{EXTENSIONS}.JSONSchemaPropsOrBool")),
            Shape::SchemaOr(SchemaAlternative::Texts, _) => {
                self.leaf(&format!("{EXTENSIONS}.JSONSchemaPropsOrStringArray"))
            }
            Shape::Struct(id) => self.reference_to(types, *id),
            Shape::Map(map) => {
                json!({ "type": "object", "additionalProperties": self.shape(types, item, &map.value) })
            }
            Shape::List(list) => json!({ "type": "array", "items": self.shape(types, item, &list.item) }),
        }
    }
}

fn list_extensions(list: &ListShape, retain_keys: bool, out: &mut Map<String, Value>) {
    match &list.topology {
        ListTopology::Map(keys) => {
            out.insert("x-kubernetes-list-type".to_owned(), json!("map"));
            out.insert("x-kubernetes-list-map-keys".to_owned(), json!(keys));
        }
        ListTopology::Set => {
            out.insert("x-kubernetes-list-type".to_owned(), json!("set"));
        }
        ListTopology::Atomic => {
            out.insert("x-kubernetes-list-type".to_owned(), json!("atomic"));
        }
    }
    let strategy = match (&list.patch, retain_keys) {
        (ListPatch::Replace, false) => return,
        (ListPatch::Replace, true) => "retainKeys",
        (_, false) => "merge",
        (_, true) => "merge,retainKeys",
    };
    out.insert("x-kubernetes-patch-strategy".to_owned(), json!(strategy));
    if let ListPatch::MergeByKey(key) = &list.patch {
        out.insert("x-kubernetes-patch-merge-key".to_owned(), json!(key));
    }
}

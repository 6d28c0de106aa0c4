//! Types as OpenAPI schemas, each with everything it refers to.

use std::collections::BTreeMap;
use std::sync::Arc;

use kubernel_meta::{GroupVersion, Gvk};
use serde_json::{Map, Value, json};

use super::operation::capital;
use super::{Definition, Dialect, META, Resource, descriptions};
use crate::StructId;
use crate::shape::{
    Field, ListPatch, ListShape, ListTopology, Presence, SchemaAlternative, Shape, Struct, Types, Union, Unknown,
};

const EXTENSIONS: &str = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1";
const QUANTITY: &str = "io.k8s.apimachinery.pkg.api.resource.Quantity";
const INT_OR_STRING: &str = "io.k8s.apimachinery.pkg.util.intstr.IntOrString";
const RAW_EXTENSION: &str = "io.k8s.apimachinery.pkg.runtime.RawExtension";
/// The groups and versions that upstream knows, served or not: v2 names them where a kind belongs to every group.
const KNOWN_VERSIONS: &str = include_str!("../../tables/versions.txt");

/// The schemas of a document, gathered as its paths ask for them.
pub(super) struct Components {
    pub(super) dialect: Dialect,
    versions: Vec<GroupVersion>,
    schemas: BTreeMap<String, Value>,
    open: Vec<(Arc<Types>, StructId)>,
    /// The parameters that v2 writes once.
    pub(super) parameters: BTreeMap<String, Value>,
}

impl Components {
    pub(super) fn new(dialect: Dialect, versions: &[GroupVersion]) -> Self {
        let mut all = versions.to_vec();
        match dialect {
            Dialect::V2 => all.extend(KNOWN_VERSIONS.lines().filter_map(GroupVersion::parse)),
            Dialect::V3 => all.push(GroupVersion::new("", "v1")),
        }
        all.sort();
        all.dedup();
        Self { dialect, versions: all, schemas: BTreeMap::new(), open: Vec::new(), parameters: BTreeMap::new() }
    }

    /// All schemas that were asked for, with those that they refer to; and the parameters that are written once.
    pub(super) fn finish(mut self) -> (Map<String, Value>, Map<String, Value>) {
        while let Some((types, id)) = self.open.pop() {
            let item = types.get(id);
            if !self.schemas.contains_key(&*item.name) {
                self.schemas.insert(item.name.to_string(), Value::Null);
                let schema = self.item(&types, item);
                self.schemas.insert(item.name.to_string(), schema);
            }
        }
        (self.schemas.into_iter().collect(), self.parameters.into_iter().collect())
    }

    /// `{"$ref": …}` to a resource's kind.
    pub(super) fn reference_to_kind(&mut self, resource: &Resource) -> Value {
        match &resource.definition {
            Definition::BuiltIn(schema) => self.reference_to(&schema.types, schema.root),
            Definition::Custom { name, published, .. } => {
                if !self.schemas.contains_key(name) {
                    let own = if self.dialect == Dialect::V3 { published.v3() } else { published.v2() };
                    let schema = self.custom(&resource.gvk, own, "ObjectMeta");
                    self.schemas.insert(name.clone(), schema);
                }
                self.pointer(name)
            }
        }
    }

    /// `{"$ref": …}` to the list kind of a resource, where there is one.
    pub(super) fn reference_to_list(&mut self, resource: &Resource) -> Value {
        match &resource.definition {
            Definition::BuiltIn(schema) => match schema.types.find(&format!("{}List", schema.root().name)) {
                Some(root) => self.reference_to(&schema.types, root),
                None => json!({ "type": "object" }),
            },
            Definition::Custom { name, list_kind, .. } => {
                let list_name = format!("{name}List");
                let mut items = json!({ "type": "array", "items": self.reference_to_kind(resource) });
                describe(&mut items, descriptions::of_every_kind("items"));
                let own = json!({ "type": "object", "required": ["items"], "properties": { "items": items } });
                let gvk = Gvk::new(&*resource.gvk.group, &*resource.gvk.version, &**list_kind);
                let schema = self.custom(&gvk, own, "ListMeta");
                self.schemas.insert(list_name.clone(), schema);
                self.pointer(&list_name)
            }
        }
    }

    /// A kind's own schema with what every kind has.
    fn custom(&mut self, gvk: &Gvk, mut schema: Value, meta: &str) -> Value {
        let keeps_all = self.dialect == Dialect::V2 && schema.get("properties").is_none();
        if let Value::Object(out) = &mut schema {
            let properties = out.entry("properties").or_insert_with(|| json!({}));
            if keeps_all {
                // v2 has no room for unknown fields beside known ones.
                out.remove("properties");
            } else if let Value::Object(properties) = properties {
                for name in ["apiVersion", "kind"] {
                    let mut field = json!({ "type": "string" });
                    describe(&mut field, descriptions::of_every_kind(name));
                    properties.insert(name.to_owned(), field);
                }
                let mut metadata = self.reference_to_builtin(&format!("{META}.{meta}"));
                self.beside(&mut metadata, descriptions::of_every_kind("metadata").is_some());
                describe(&mut metadata, descriptions::of_every_kind("metadata"));
                properties.insert("metadata".to_owned(), metadata);
            }
            let kind = json!([{ "group": gvk.group, "version": gvk.version, "kind": gvk.kind }]);
            out.insert("x-kubernetes-group-version-kind".to_owned(), kind);
        }
        schema
    }

    /// `{"$ref": …}` to a built-in kind.
    pub(super) fn reference_to_builtin_kind(&mut self, gvk: &Gvk) -> Value {
        let types = crate::builtin();
        match types.find_kind(&gvk.api_version(), &gvk.kind) {
            Some(root) => self.reference_to(types, root),
            None => json!({ "type": "string" }),
        }
    }

    /// `{"$ref": …}` to a built-in type of this definition name.
    pub(super) fn reference_to_builtin(&mut self, definition: &str) -> Value {
        let types = crate::builtin();
        match types.find(definition) {
            Some(root) => self.reference_to(types, root),
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
        if let Some(union) = &item.union {
            out.insert("x-kubernetes-unions".to_owned(), json!([written_union(union)]));
        }
        if !item.fields.is_empty() {
            let fields = item.fields.iter().map(|field| (field.name.to_string(), self.field(types, item, field)));
            out.insert("properties".to_owned(), Value::Object(fields.collect()));
        }
        let required: Vec<&str> = item.fields.iter().filter(|field| field.required).map(|field| &*field.name).collect();
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
        let description = descriptions::of_field(item, &field.name);
        let default = default.filter(|_| self.dialect == Dialect::V3);
        let says_more = description.is_some() || default.is_some() || field.nullable || field.granular;
        self.beside(&mut schema, says_more || field.atomic || field.replaced);
        describe(&mut schema, description);
        let Value::Object(out) = &mut schema else { return schema };
        if let Some(default) = default {
            out.insert("default".to_owned(), default);
        }
        if !field.values.is_empty() {
            let place = ["items", "additionalProperties"].into_iter().find(|name| out.contains_key(*name));
            match place.and_then(|name| out.get_mut(name)) {
                Some(inner) => inner["enum"] = json!(field.values),
                None => drop(out.insert("enum".to_owned(), json!(field.values))),
            }
        }
        if field.nullable {
            out.insert("nullable".to_owned(), json!(true));
        }
        if field.atomic || field.granular {
            let map_type = if field.atomic { "atomic" } else { "granular" };
            out.insert("x-kubernetes-map-type".to_owned(), json!(map_type));
        }
        match &field.shape {
            // The items of a list kind are never owned by anybody.
            Shape::List(_) if item.kind().ends_with("List") && &*field.name == "items" => {}
            Shape::List(list) => list_extensions(list, field.retain_keys, out),
            _ if field.retain_keys => {
                out.insert("x-kubernetes-patch-strategy".to_owned(), json!("retainKeys"));
            }
            _ if field.replaced => {
                out.insert("x-kubernetes-patch-strategy".to_owned(), json!("replace"));
            }
            _ => {}
        }
        schema
    }

    /// Makes room for something beside a reference, which has none in v3.
    fn beside(&self, schema: &mut Value, something: bool) {
        if something && self.dialect == Dialect::V3 && schema.get("$ref").is_some() {
            *schema = json!({ "allOf": [schema.take()] });
        }
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
            Shape::Any if item.kind() == "ManagedFieldsEntry" => self.leaf(&format!("{META}.FieldsV1")),
            Shape::Any => self.leaf(RAW_EXTENSION),
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

fn describe(schema: &mut Value, text: Option<&str>) {
    if let (Value::Object(out), Some(text)) = (schema, text) {
        out.insert("description".to_owned(), json!(text));
    }
}

fn written_union(union: &Union) -> Value {
    let fields: Map<String, Value> = union.fields.iter().map(|name| (name.to_string(), json!(capital(name)))).collect();
    let mut out = json!({ "fields-to-discriminateBy": fields });
    if !union.discriminator.is_empty() {
        out["discriminator"] = json!(union.discriminator);
    }
    out
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

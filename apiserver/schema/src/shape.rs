//! The intermediate representation of a type: what every other module of this crate walks.
//!
//! One IR serves built-in kinds (read from the tables of this crate) and custom resources (built at run time from a
//! structural schema). It carries what OpenAPI, protobuf, strategic merge and server-side apply each need to know of a
//! field, so that none of them has tables of its own.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use serde_json::Value;

/// A type together with the table its references point into: what a kind's descriptor holds.
#[derive(Clone, Debug)]
pub struct Schema {
    /// The table.
    pub types: Arc<Types>,
    /// The struct that describes the whole object.
    pub root: StructId,
}

/// All structs that refer to one another.
#[derive(Debug, Default)]
pub struct Types {
    structs: Vec<Struct>,
    by_name: HashMap<Arc<str>, StructId>,
    by_kind: HashMap<(Arc<str>, Arc<str>), StructId>,
    /// For each struct the places of its fields in the order of their protobuf numbers.
    proto_orders: Vec<Box<[usize]>>,
    /// For each struct the places of the fields that Go writes although nobody set them, or that hold such; worked out
    /// when it is first asked for.
    zeroed: OnceLock<Box<[Box<[usize]>]>>,
}

/// The place of a struct in its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StructId(u32);

/// A JSON map with known fields.
#[derive(Debug, Default)]
pub struct Struct {
    /// The OpenAPI definition's name, for example `io.k8s.api.core.v1.PodSpec`.
    pub name: Arc<str>,
    /// The fields in the order in which Go declares them (protobuf writes them by number).
    pub fields: Vec<Field>,
    /// What happens to fields that are not in `fields`.
    pub unknown: Unknown,
    /// Server-side apply owns the struct as a whole (`x-kubernetes-map-type: atomic`).
    pub atomic: bool,
    /// The `apiVersion` under which the struct is a kind of its own.
    pub api_version: Option<Arc<str>>,
    /// The fields of which one is set at a time (`x-kubernetes-unions`).
    pub union: Option<Union>,
}

/// Fields of which one is set at a time.
#[derive(Debug)]
pub struct Union {
    /// The field that says which; empty where none does.
    pub discriminator: Arc<str>,
    /// The fields.
    pub fields: Vec<Arc<str>>,
}

/// What a struct does with fields it does not declare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Unknown {
    /// They are reported by strict decoding and dropped.
    #[default]
    Prune,
    /// They are kept (`x-kubernetes-preserve-unknown-fields`).
    Keep,
}

/// One field of a struct.
#[derive(Debug, Default)]
pub struct Field {
    /// The JSON name.
    pub name: Arc<str>,
    /// What it holds.
    pub shape: Shape,
    /// OpenAPI lists it as required.
    pub required: bool,
    /// The default that the schema itself carries.
    pub default: Option<Value>,
    /// The protobuf field numbers from the struct's message down to the value: one number, or more where Go inlines a
    /// struct that protobuf nests (`Volume.volumeSource`); empty where the type has no protobuf form.
    pub proto: Vec<u32>,
    /// `null` is a value of its own (custom resources' `nullable`).
    pub nullable: bool,
    /// Server-side apply owns the field's map or struct as a whole, whatever its type says.
    pub atomic: bool,
    /// OpenAPI says that server-side apply merges the field's map, which it does anyway (`granular`).
    pub granular: bool,
    /// Strategic merge puts the patch's map in the place of the old one (`replace`).
    pub replaced: bool,
    /// Strategic merge keeps only the keys that the patch names (`retainKeys`).
    pub retain_keys: bool,
    /// How upstream's Go struct holds the field: what its zero value looks like on the wire.
    pub presence: Presence,
    /// The values that OpenAPI lists (`enum`), of a list or map those of its items; empty where any are allowed.
    pub values: Vec<Arc<str>>,
    /// The Go type's name where the shape does not tell it (`v1.PullPolicy`), for the texts of decoding errors.
    pub go: Option<Arc<str>>,
}

/// How a Go struct holds a field, which says when the wire shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Presence {
    /// A pointer with `omitempty`: JSON and protobuf show it where it is set, zero or not.
    #[default]
    Pointer,
    /// A pointer without `omitempty`: JSON shows `null` where it is not set; protobuf nothing.
    NullPointer,
    /// A value with `omitempty` (or `omitzero`): JSON leaves out the zero value; protobuf always writes it.
    OmitZero,
    /// A value without `omitempty`, or a struct by value: always shown, `""`, `0`, `{}`, or `null` for lists and maps.
    Always,
}

/// What a field, a list item or a map entry holds.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "the names of the OpenAPI and Go types")]
pub enum Shape {
    Bool,
    Int32,
    Int64,
    Double,
    Text,
    /// Base64 in JSON, raw in protobuf.
    Bytes,
    /// `resource.Quantity`: a number or string, made canonical on decoding.
    Quantity,
    /// `intstr.IntOrString`.
    IntOrString,
    /// `metav1.Time`: RFC 3339 with seconds.
    Time,
    /// `metav1.MicroTime`: RFC 3339 with six digits of fraction.
    MicroTime,
    /// Any JSON value (`runtime.RawExtension`, `apiextensions.JSON`, `FieldsV1`).
    #[default]
    Any,
    /// `JSONSchemaProps`, or something simpler in its place.
    SchemaOr(SchemaAlternative, StructId),
    Struct(StructId),
    Map(Box<MapShape>),
    List(Box<ListShape>),
}

/// What may stand in the place of a `JSONSchemaProps`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemaAlternative {
    /// A list of schemas (`JSONSchemaPropsOrArray`).
    Schemas,
    /// `true` or `false` (`JSONSchemaPropsOrBool`).
    Bool,
    /// A list of strings (`JSONSchemaPropsOrStringArray`).
    Texts,
}

/// A JSON map with string keys that are data.
#[derive(Debug, Clone)]
pub struct MapShape {
    /// What each entry holds.
    pub value: Shape,
}

/// A JSON list.
#[derive(Debug, Clone)]
pub struct ListShape {
    /// What each item holds.
    pub item: Shape,
    /// How server-side apply merges it (`x-kubernetes-list-type`).
    pub topology: ListTopology,
    /// How strategic merge patches it (`x-kubernetes-patch-strategy`).
    pub patch: ListPatch,
}

/// `x-kubernetes-list-type` with `x-kubernetes-list-map-keys`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListTopology {
    /// Owned as a whole (also the default where nothing is said).
    Atomic,
    /// Each scalar is owned on its own.
    Set,
    /// Each item is found by the values of these keys.
    Map(Vec<Arc<str>>),
}

/// `x-kubernetes-patch-strategy` with `x-kubernetes-patch-merge-key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListPatch {
    /// The patch's list takes the place of the old one.
    Replace,
    /// Scalars are added to the list.
    Merge,
    /// Items are merged by the value of this key.
    MergeByKey(Arc<str>),
}

impl Shape {
    /// The struct that it is, or that the items of its lists and maps are.
    fn innermost_struct(&self) -> Option<StructId> {
        match self {
            Self::Struct(id) => Some(*id),
            Self::List(list) => list.item.innermost_struct(),
            Self::Map(map) => map.value.innermost_struct(),
            _ => None,
        }
    }
}

impl Types {
    /// Adds a struct, or completes the one that [`Types::declare`] made room for under that name.
    pub fn insert(&mut self, item: Struct) -> StructId {
        let id = self.declare(&item.name);
        self.zeroed = OnceLock::new();
        if let Some(api_version) = &item.api_version {
            self.by_kind.insert((api_version.clone(), item.kind().into()), id);
        }
        let mut order: Vec<usize> = (0..item.fields.len()).filter(|at| !item.fields[*at].proto.is_empty()).collect();
        order.sort_by(|a, b| item.fields[*a].proto.cmp(&item.fields[*b].proto));
        self.proto_orders[id.0 as usize] = order.into();
        self.structs[id.0 as usize] = item;
        id
    }

    /// Makes room for a struct of this name, so that others may refer to it before it is known.
    pub fn declare(&mut self, name: &str) -> StructId {
        if let Some(id) = self.by_name.get(name) {
            return *id;
        }
        let id = StructId(u32::try_from(self.structs.len()).unwrap_or(u32::MAX));
        let name: Arc<str> = name.into();
        self.structs.push(Struct { name: name.clone(), ..Struct::default() });
        self.proto_orders.push(Box::default());
        self.by_name.insert(name, id);
        id
    }

    /// The struct of this OpenAPI definition name.
    pub fn find(&self, name: &str) -> Option<StructId> {
        self.by_name.get(name).copied()
    }

    /// The struct that is this kind. The kinds that belong to every group (`DeleteOptions`, `Status`, `WatchEvent`) are
    /// found under any `apiVersion`.
    pub fn find_kind(&self, api_version: &str, kind: &str) -> Option<StructId> {
        let key = (Arc::from(api_version), Arc::from(kind));
        self.by_kind.get(&key).copied().or_else(|| self.by_kind.get(&(Arc::from("*"), key.1)).copied())
    }

    /// The struct at this place.
    pub fn get(&self, id: StructId) -> &Struct {
        &self.structs[id.0 as usize]
    }

    /// The fields of a struct that have a protobuf form, in the order of their numbers.
    pub(crate) fn in_proto_order(&self, id: StructId) -> Vec<&Field> {
        let (item, order) = (self.get(id), &self.proto_orders[id.0 as usize]);
        order.iter().map(|at| &item.fields[*at]).collect()
    }

    /// The fields of a struct in which zero values may have to be filled in.
    pub(crate) fn zeroed(&self, id: StructId) -> impl Iterator<Item = &Field> {
        let places = &self.zeroed.get_or_init(|| self.find_zeroed())[id.0 as usize];
        let fields = &self.get(id).fields;
        places.iter().map(|at| &fields[*at])
    }

    fn find_zeroed(&self) -> Box<[Box<[usize]>]> {
        // Structs refer to one another in circles, so this goes on until nothing is added.
        let mut has = vec![false; self.structs.len()];
        let is_zeroed = |has: &[bool], field: &Field| {
            matches!(field.presence, Presence::NullPointer | Presence::Always)
                || field.shape.innermost_struct().is_some_and(|inner| has[inner.0 as usize])
        };
        loop {
            let added: Vec<usize> = (0..has.len())
                .filter(|at| !has[*at] && self.structs[*at].fields.iter().any(|field| is_zeroed(&has, field)))
                .collect();
            if added.is_empty() {
                break;
            }
            added.into_iter().for_each(|at| has[at] = true);
        }
        let places = |item: &Struct| {
            let fields = item.fields.iter().enumerate().filter(|(_, field)| is_zeroed(&has, field));
            fields.map(|(at, _)| at).collect()
        };
        self.structs.iter().map(places).collect()
    }

    /// All structs.
    pub fn iter(&self) -> impl Iterator<Item = &Struct> {
        self.structs.iter()
    }
}

impl Struct {
    /// The last part of the definition's name, which is the kind where the struct is one: `PodSpec`.
    pub fn kind(&self) -> &str {
        self.name.rsplit_once('.').map_or(&self.name, |(_, kind)| kind)
    }

    /// The name that Go's errors give the type: `v1.PodSpec`.
    pub fn go_name(&self) -> &str {
        let package = self.name.rsplit('.').nth(1).unwrap_or_default();
        let start = self.name.len() - self.kind().len() - package.len();
        &self.name[start.saturating_sub(1).min(start)..]
    }

    /// The place of the field of this JSON name, looked for from `start` on and then from the beginning: clients write
    /// fields in the order of their structs.
    pub(crate) fn position_from(&self, start: usize, name: &str) -> Option<usize> {
        let (before, after) = self.fields.split_at(start.min(self.fields.len()));
        let is = |field: &Field| &*field.name == name;
        after.iter().position(is).map(|at| before.len() + at).or_else(|| before.iter().position(is))
    }

    /// The field of this JSON name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| &*field.name == name)
    }
}

impl Schema {
    /// The struct that describes the whole object.
    pub fn root(&self) -> &Struct {
        self.types.get(self.root)
    }
}

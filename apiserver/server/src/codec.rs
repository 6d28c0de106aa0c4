//! Request bodies to objects and objects to YAML and protobuf: the server's side of `kubernel-schema`.
//!
//! Every body goes the same way: its form by Content-Type, its kind against the one that the path expects, its fields
//! against the schema, strictly or not, then the defaults. Errors are upstream's texts.

use std::fmt;

use jiff::Timestamp;
use kubernel_kinds::{Kind, registry};
use kubernel_meta::{ApiError, FieldValidation, GroupVersion, Gvk, Object, field, time};
use kubernel_schema::apply::{self, OneVersion, Versions, Write};
use kubernel_schema::decode::{self, Document};
use kubernel_schema::{Error, Schema, builtin, default, patch, protobuf, zero};
use serde_json::{Map, Value};

use crate::context::Context;
use crate::crds;
use crate::negotiate::{self, Media};
use crate::resources::Resource;
use crate::verbs::bare;
use crate::verbs::patch::PatchType;
use crate::versions::Kin;

/// Bodies in error texts are cut to this many bytes.
const SUMMARY_BYTES_MAX: usize = 30;
/// The parts of objects that a patch often leaves alone, and that are large.
const PARTS: [&str; 3] = ["data", "spec", "status"];
const SCHEME: &str = "pkg/api/legacyscheme/scheme.go:30";
const META_SCHEME: &str = "pkg/apis/meta/internalversion/scheme/register.go:27";

/// The kind that a body should hold.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    /// Its name.
    pub(crate) gvk: Gvk,
    /// Its shape.
    pub(crate) schema: Schema,
}

impl Expected {
    /// A built-in kind by its name and OpenAPI definition.
    pub(crate) fn built_in(group: &str, version: &str, kind: &str, definition: &str) -> Result<Self, ApiError> {
        let schema = schema_of(definition).ok_or_else(|| ApiError::internal(format!("no schema {definition}")))?;
        Ok(Self { gvk: Gvk::new(group, version, kind), schema })
    }
}

/// The shape of a built-in kind. A kind that the tables do not know accepts nothing but its metadata.
pub(crate) fn built_in_schema(kind: &Kind) -> Schema {
    schema_of(&kind.definition).unwrap_or_else(|| {
        tracing::error!(definition = %kind.definition, "a kind has no schema");
        let mut types = kubernel_schema::Types::default();
        let root = types.declare(&kind.definition);
        Schema { types: std::sync::Arc::new(types), root }
    })
}

fn schema_of(definition: &str) -> Option<Schema> {
    let types = builtin();
    types.find(definition).map(|root| Schema { types: types.clone(), root })
}

/// Reads a body that must hold an object of this resource's kind, and fills in the kind's defaults.
pub(crate) fn read_object(
    context: &Context,
    resource: &Resource,
    body: &[u8],
    validation: FieldValidation,
) -> Result<Object, ApiError> {
    let mut object = match &resource.custom {
        Some(custom) => crds::read(context, resource, custom, body, validation)?,
        None => {
            let expected = Expected { gvk: resource.gvk.clone(), schema: resource.schema.clone() };
            read(context, &expected, body, validation)?
        }
    };
    defaults(resource, &mut object);
    Ok(object)
}

/// Reads a body that must hold an object of this kind; no defaults.
pub(crate) fn read(
    context: &Context,
    expected: &Expected,
    body: &[u8],
    validation: FieldValidation,
) -> Result<Object, ApiError> {
    let media = negotiate::input(&context.headers).ok_or_else(negotiate::unsupported_write)?;
    let unrecognized = |why: &dyn fmt::Display| {
        let (kind, summary) = (&expected.gvk.kind, summary(body));
        ApiError::bad_request(format!(
            "the object provided is unrecognized (must be of type {kind}): {why} ({summary})"
        ))
    };
    if media == Media::Protobuf {
        let object = protobuf::decode(&expected.schema.types, body).map_err(|e| match e {
            Error::UnknownKind { .. } => ApiError::bad_request(e.to_string()),
            Error::Protobuf(why) => unrecognized(&why),
            other => unrecognized(&other),
        })?;
        let (api_version, kind) = (object.api_version().to_owned(), object.kind().to_owned());
        check_kind(expected, &api_version, &kind, &unrecognized)?;
        return Ok(named(object, expected));
    }
    let document = match media {
        Media::Yaml => Document::yaml(body).map_err(|e| unrecognized(&strip_yaml(&e)))?,
        _ => Document::json(body).map_err(|e| unrecognized(&no_kind(&e)))?,
    };
    let (api_version, kind) = document.type_meta().map_err(|e| unrecognized(&no_kind(&e)))?;
    let (api_version, kind) = (api_version.to_owned(), kind.to_owned());
    let gvk = check_kind(expected, &api_version, &kind, &unrecognized)?;
    let decoded = document.decode(&expected.schema).map_err(|e| cannot_handle(&gvk, expected, &e))?;
    report(context, &decoded.strict, validation, |e| cannot_handle(&gvk, expected, &e))?;
    let mut object = named(decoded.object, expected);
    keep_empty_owners(&mut object, body);
    Ok(object)
}

/// An empty list of owners says that there shall be none; decoding drops empty lists.
fn keep_empty_owners(object: &mut Object, body: &[u8]) {
    const PATH: [&str; 2] = ["metadata", "managedFields"];
    let named = body.windows(PATH[1].len()).any(|window| window == PATH[1].as_bytes());
    if !named || object.at(&PATH).is_some() {
        return;
    }
    let sent = Document::json(body).map(Document::into_value).unwrap_or_default();
    if sent.pointer("/metadata/managedFields").and_then(Value::as_array).is_some_and(Vec::is_empty) {
        object.set(&PATH, Value::Array(Vec::new()));
    }
}

/// The kind that a body names, with what it leaves out taken from the expected one; an error where it is another.
fn check_kind(
    expected: &Expected,
    api_version: &str,
    kind: &str,
    unrecognized: &dyn Fn(&dyn fmt::Display) -> ApiError,
) -> Result<Gvk, ApiError> {
    let own = &expected.gvk;
    let version = if api_version.is_empty() {
        GroupVersion::new(own.group.as_str(), own.version.as_str())
    } else {
        GroupVersion::parse(api_version)
            .ok_or_else(|| unrecognized(&format!("unexpected GroupVersion string: {api_version}")))?
    };
    let gvk = version.with_kind(if kind.is_empty() { own.kind.as_str() } else { kind });
    if gvk == *own {
        return Ok(gvk);
    }
    if gvk.kind == own.kind && gvk.group == own.group && registry::find_kind(&gvk).is_some() {
        return Err(ApiError::bad_request(format!(
            "the API version in the data ({}) does not match the expected API version ({})",
            gvk.api_version(),
            own.api_version()
        )));
    }
    Err(cannot_handle(&gvk, expected, &another(own, &gvk)))
}

/// Why an object of one kind cannot become one of another.
fn another(own: &Gvk, gvk: &Gvk) -> String {
    let (kind, version) = (&gvk.kind, gvk.api_version());
    if registry::find_kind(gvk).is_none() {
        return format!("no kind {kind:?} is registered for version {version:?} in scheme {SCHEME:?}");
    }
    format!("converting ({}.{kind}) to ({}.{}): unknown conversion", gvk.version, package(own), own.kind)
}

/// The Go package of a group's internal types.
fn package(gvk: &Gvk) -> &str {
    let first = gvk.group.split('.').next().unwrap_or_default();
    if first.is_empty() { "core" } else { first }
}

fn cannot_handle(gvk: &Gvk, expected: &Expected, why: &dyn fmt::Display) -> ApiError {
    unfit(&gvk.kind, &gvk.version, &expected.gvk.kind, why)
}

/// 400 for a body of this kind and version that cannot be an object of the wanted kind.
pub(crate) fn unfit(kind: &str, version: &str, wanted: &str, why: &dyn fmt::Display) -> ApiError {
    ApiError::bad_request(format!("{kind} in version {version:?} cannot be handled as a {wanted}: {why}"))
}

pub(crate) fn no_kind(error: &Error) -> String {
    format!("couldn't get version/kind; json parse error: {error}")
}

/// A YAML body's error without the part that only conversions carry.
pub(crate) fn strip_yaml(error: &Error) -> String {
    let text = error.to_string();
    text.strip_prefix("error converting YAML to JSON: ").map(str::to_owned).unwrap_or(text)
}

/// A body in an error text.
pub(crate) fn summary(body: &[u8]) -> String {
    let cut = &body[..body.len().min(SUMMARY_BYTES_MAX)];
    let more = if body.len() > SUMMARY_BYTES_MAX { " ..." } else { "" };
    match body.first() {
        None => "<empty>".to_owned(),
        Some(b'{') => format!("{}{more}", String::from_utf8_lossy(cut)),
        Some(_) => {
            let hex: String = cut.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{hex}{more}")
        }
    }
}

/// What strict decoding found: an error, warnings, or nothing.
pub(crate) fn report(
    context: &Context,
    strict: &[String],
    validation: FieldValidation,
    refuse: impl Fn(String) -> ApiError,
) -> Result<(), ApiError> {
    match (validation, decode::strict_error(strict)) {
        (_, None) | (FieldValidation::Ignore, _) => Ok(()),
        (FieldValidation::Strict, Some(text)) => Err(refuse(text)),
        (FieldValidation::Warn, Some(_)) => {
            strict.iter().for_each(|text| context.warn(text.as_str()));
            Ok(())
        }
    }
}

fn named(mut object: Object, expected: &Expected) -> Object {
    object.set(&["apiVersion"], expected.gvk.api_version());
    object.set(&["kind"], expected.gvk.kind.as_str());
    object
}

/// Reads the body of a deletion.
pub(crate) fn read_delete_options(context: &Context, body: &[u8]) -> Result<Object, ApiError> {
    const DEFINITION: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions";
    let media = negotiate::input(&context.headers).ok_or_else(negotiate::unsupported_write)?;
    let expected = Expected::built_in("meta.k8s.io", "v1", "DeleteOptions", DEFINITION)?;
    if media == Media::Protobuf {
        return protobuf::decode(&expected.schema.types, body).map_err(|e| ApiError::bad_request(e.to_string()));
    }
    let document = match media {
        Media::Yaml => Document::yaml(body).map_err(|e| ApiError::bad_request(strip_yaml(&e)))?,
        _ => Document::json(body).map_err(|e| ApiError::bad_request(no_kind(&e)))?,
    };
    let (api_version, kind) = document.type_meta().map_err(|e| ApiError::bad_request(no_kind(&e)))?;
    if !kind.is_empty() && kind != "DeleteOptions" {
        let version = if api_version.is_empty() { "v1" } else { api_version };
        return Err(ApiError::bad_request(format!(
            "no kind {kind:?} is registered for version {version:?} in scheme {META_SCHEME:?}"
        )));
    }
    let decoded = document.decode(&expected.schema).map_err(|e| ApiError::bad_request(e.to_string()))?;
    Ok(decoded.object)
}

/// Fills in the schema's defaults, the kind's own, and what Go writes although nobody set it.
pub(crate) fn defaults(resource: &Resource, object: &mut Object) {
    default::apply(&resource.schema, object);
    resource.kind.strategy.default(&resource.kind, object);
    zero::fill(&resource.schema, object);
}

/// Makes the manager the owner of what a write changed. `false` where that could not be told, and owners are as before.
pub(crate) fn own(kin: &Kin<'_>, old: Option<&Object>, new: &mut Object, manager: &str, now: Timestamp) -> bool {
    let Kin { resource, subresource, .. } = *kin;
    let mut reset = resource.kind.strategy.reset_fields(&resource.kind, subresource);
    if subresource == "finalize" {
        reset.push(vec!["status"]);
    }
    let owner = Owner { manager, subresource, reset: &reset };
    let told = track(&resource.schema, &resource.gvk, kin, &owner, old, new, now);
    // Who finalizes a namespace takes fields away but comes to own none.
    if subresource == "finalize"
        && let Some(entries) = new.map_at_mut(&["metadata"]).get_mut("managedFields").and_then(Value::as_array_mut)
    {
        entries.retain(|entry| entry["subresource"] != subresource);
    }
    told
}

/// The same for an object of a subresource's own kind.
pub(crate) fn own_as(
    expected: &Expected,
    subresource: &str,
    old: Option<&Object>,
    new: &mut Object,
    manager: &str,
    now: Timestamp,
) {
    let owner = Owner { manager, subresource, reset: &[] };
    track(&expected.schema, &expected.gvk, &OneVersion, &owner, old, new, now);
}

/// Who comes to own fields, and which never.
struct Owner<'a> {
    manager: &'a str,
    subresource: &'a str,
    reset: &'a [Vec<&'static str>],
}

fn track(
    schema: &Schema,
    gvk: &Gvk,
    versions: &dyn Versions,
    owner: &Owner<'_>,
    old: Option<&Object>,
    new: &mut Object,
    now: Timestamp,
) -> bool {
    let told = with_write(gvk, owner, now, |write| apply::track_update(schema, versions, old, new, write));
    if let Err(error) = &told {
        tracing::warn!(%error, kind = %gvk.kind, "owners of fields could not be told");
        const OWNERS: [&str; 2] = ["metadata", "managedFields"];
        match old.and_then(|old| old.at(&OWNERS)) {
            Some(before) => new.set(&OWNERS, before.clone()),
            None => drop(new.remove(&OWNERS)),
        }
    }
    if let Some(old) = old {
        apply::keep_times(old, new);
    }
    told.is_ok()
}

fn with_write<T>(gvk: &Gvk, owner: &Owner<'_>, now: Timestamp, run: impl FnOnce(&Write<'_>) -> T) -> T {
    let reset: Vec<&[&str]> = owner.reset.iter().map(Vec::as_slice).collect();
    run(&Write {
        manager: owner.manager,
        api_version: &gvk.api_version(),
        kind: &gvk.kind,
        subresource: owner.subresource,
        now: &time::format(now),
        reset: &reset,
        only: &[],
    })
}

/// Reads the body of a server-side apply: YAML, of which JSON is a part. Only its text is checked here.
pub(crate) fn read_apply(context: &Context, body: &[u8], validation: FieldValidation) -> Result<Object, ApiError> {
    let document = applied(body)?;
    report(context, document.strict(), validation, ApiError::bad_request)?;
    applied_object(document)
}

/// Reads the body of a server-side apply as it is.
pub(crate) fn read_applied(body: &[u8]) -> Result<Object, ApiError> {
    applied_object(applied(body)?)
}

fn applied(body: &[u8]) -> Result<Document<'_>, ApiError> {
    Document::yaml(body).map_err(|e| ApiError::bad_request(format!("error decoding YAML: {e}")))
}

fn applied_object(document: Document<'_>) -> Result<Object, ApiError> {
    match document.into_value() {
        Value::Null => Ok(Object::default()),
        value => Object::from_value(value)
            .map_err(|_| ApiError::bad_request("error decoding YAML: json: cannot unmarshal into an object")),
    }
}

/// Server-side apply onto the stored object, or onto nothing: merged, decoded and defaulted.
pub(crate) fn apply(
    kin: &Kin<'_>,
    old: Option<&Object>,
    applied: &Object,
    manager: &str,
    force: bool,
    now: Timestamp,
) -> Result<Object, ApiError> {
    let Kin { resource, subresource, .. } = *kin;
    let expected = Expected { gvk: resource.gvk.clone(), schema: resource.schema.clone() };
    let reset = resource.kind.strategy.reset_fields(&resource.kind, subresource);
    let owner = Owner { manager, subresource, reset: &reset };
    let merged = merge(&expected, kin, &owner, old, applied, force, now)?;
    let mut object = match &resource.custom {
        Some(custom) => match crds::revive(resource, custom, merged) {
            Ok((object, _)) => object,
            Err(error) => return Err(unconvertible(&expected, applied, &error)),
        },
        None => decode_merged(&expected, applied, merged)?,
    };
    defaults(resource, &mut object);
    if let Some(old) = old {
        apply::keep_times(old, &mut object);
    }
    Ok(object)
}

/// The same for an object of a subresource's own kind; no defaults.
pub(crate) fn apply_as(
    expected: &Expected,
    subresource: &str,
    old: Option<&Object>,
    applied: &Object,
    manager: &str,
    force: bool,
    now: Timestamp,
) -> Result<Object, ApiError> {
    let owner = Owner { manager, subresource, reset: &[] };
    let merged = merge(expected, &OneVersion, &owner, old, applied, force, now)?;
    decode_merged(expected, applied, merged)
}

fn merge(
    expected: &Expected,
    versions: &dyn Versions,
    owner: &Owner<'_>,
    old: Option<&Object>,
    applied: &Object,
    force: bool,
    now: Timestamp,
) -> Result<Value, ApiError> {
    let merged = with_write(&expected.gvk, owner, now, |write| {
        apply::apply(&expected.schema, versions, old, applied, write, force)
    })?;
    Ok(merged.into_value())
}

/// What an apply came to, brought back into an object.
fn decode_merged(expected: &Expected, applied: &Object, merged: Value) -> Result<Object, ApiError> {
    let decoded = decode::value(&expected.schema, merged).map_err(|e| unconvertible(expected, applied, &e))?;
    Ok(named(decoded.object, expected))
}

fn unconvertible(expected: &Expected, applied: &Object, why: &dyn fmt::Display) -> ApiError {
    let Gvk { group, version, kind } = &expected.gvk;
    let kind = format!("{group}/{version}, Kind={kind}");
    let (namespace, name) = (applied.namespace(), applied.name());
    bare(format!(
        "failed to convert new object ({namespace}/{name}; {kind}) to proper version: unable to convert unstructured \
         object to {kind}: error decoding from json: {why}"
    ))
}

/// A patch whose type is known.
pub(crate) struct Patch<'a> {
    patch_type: PatchType,
    body: &'a [u8],
}

impl<'a> Patch<'a> {
    /// A patch of this type.
    pub(crate) fn new(patch_type: PatchType, body: &'a [u8]) -> Self {
        Self { patch_type, body }
    }

    /// The tree with the patch on it, as it comes out.
    pub(crate) fn lay_over(&self, schema: &Schema, old: Map<String, Value>) -> Result<Value, ApiError> {
        Ok(match self.patch_type {
            PatchType::Json => patch::json::apply(old, self.body)?,
            PatchType::Merge => {
                let mut map = old;
                patch::merge::apply(&mut map, self.body)?;
                Value::Object(map)
            }
            PatchType::Strategic => Value::Object(patch::strategic::apply(schema, old, self.body)?),
            PatchType::Apply => return Err(negotiate::unsupported_write()),
        })
    }

    /// The stored object with the patch on it, decoded and defaulted again.
    pub(crate) fn apply(
        &self,
        context: &Context,
        resource: &Resource,
        old: &Object,
        validation: FieldValidation,
    ) -> Result<Object, ApiError> {
        let patched = self.lay_over(&resource.schema, old.map().clone())?;
        if let Some(custom) = &resource.custom {
            let invalid = |why| self.invalid(&resource.schema, old.map(), why);
            let (mut object, mut strict) = crds::revive(resource, custom, patched).map_err(invalid)?;
            if let Ok(body) = Document::json(self.body) {
                strict.splice(0..0, body.into_strict_value().1);
            }
            report(context, &strict, validation, invalid)?;
            defaults(resource, &mut object);
            return Ok(object);
        }
        let expected = Expected { gvk: resource.gvk.clone(), schema: resource.schema.clone() };
        let mut object = self.decode(context, &expected, old.map(), patched, validation)?;
        defaults(resource, &mut object);
        Ok(object)
    }

    /// Brings a patched tree back into an object. Parts that are as they were `before` have been decoded already.
    pub(crate) fn decode(
        &self,
        context: &Context,
        expected: &Expected,
        before: &Map<String, Value>,
        mut patched: Value,
        validation: FieldValidation,
    ) -> Result<Object, ApiError> {
        let invalid = |why| self.invalid(&expected.schema, before, why);
        if let Some(gvk) = self.renamed(&expected.gvk, &patched) {
            return Err(invalid(another(&expected.gvk, &gvk)));
        }
        let mut same = Map::new();
        for key in PARTS {
            if let (Some(map), Some(before)) = (patched.as_object_mut(), before.get(key))
                && map.get(key) == Some(before)
                && let Some(part) = map.remove(key)
            {
                same.insert(key.to_owned(), part);
            }
        }
        let mut decoded = decode::value(&expected.schema, patched).map_err(|e| invalid(e.to_string()))?;
        decoded.object.map_mut().append(&mut same);
        let twice = Document::json(self.body).ok().filter(Document::has_duplicates);
        if let Some(Ok(body)) = twice.map(|body| body.decode(&expected.schema)) {
            let twice = body.strict.into_iter().filter(|text| text.starts_with("duplicate"));
            decoded.strict.splice(0..0, twice);
        }
        report(context, &decoded.strict, validation, invalid)?;
        Ok(named(decoded.object, expected))
    }

    /// The kind that a patch gives to an object of another. Upstream lays strategic patches over a Go struct, whose kind
    /// nobody asks for any more; the versions of one kind may stand for each other.
    fn renamed(&self, own: &Gvk, patched: &Value) -> Option<Gvk> {
        let text = |key: &str| patched.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        let version = match text("apiVersion") {
            Some(version) => GroupVersion::parse(version)?,
            None => GroupVersion::new(own.group.as_str(), own.version.as_str()),
        };
        let gvk = version.with_kind(text("kind").unwrap_or(&own.kind));
        let one_kind = gvk.group == own.group && gvk.kind == own.kind && registry::find_kind(&gvk).is_some();
        (!one_kind && gvk != *own && !matches!(self.patch_type, PatchType::Strategic)).then_some(gvk)
    }

    /// 422 for what cannot be an object, with the patched tree.
    fn invalid(&self, schema: &Schema, before: &Map<String, Value>, why: String) -> ApiError {
        let shown = self.lay_over(schema, before.clone()).map(|patched| patched.to_string()).unwrap_or_default();
        let error = field::Path::root("patch").invalid(shown, why);
        ApiError::invalid(&Gvk::new("", "", ""), "", &[error])
    }
}

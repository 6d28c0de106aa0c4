//! Bodies of custom resources: any JSON, pruned by the schema, with metadata of the usual types.
//!
//! What a value of a wrong type is, validation says (422); only metadata must have Go's types, as upstream decodes it.

use std::fmt;

use kubernel_meta::{ApiError, FieldValidation, GroupVersion, Object, field};
use kubernel_schema::decode::Document;
use kubernel_schema::{Schema, builtin, decode};
use serde_json::Value;

use super::register::Custom;
use crate::codec;
use crate::context::Context;
use crate::negotiate::{self, Media};
use crate::resources::Resource;

const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
const ACCEPTED: &str = "application/json, application/yaml";

/// Reads a body that must hold an object of this custom resource; no defaults.
pub(crate) fn read(
    context: &Context,
    resource: &Resource,
    custom: &Custom,
    body: &[u8],
    validation: FieldValidation,
) -> Result<Object, ApiError> {
    let media = negotiate::input(&context.headers).filter(|media| *media != Media::Protobuf);
    let media = media.ok_or_else(|| negotiate::unsupported(ACCEPTED))?;
    let own = &resource.gvk;
    let unrecognized = |why: &dyn fmt::Display| {
        let summary = codec::summary(body);
        ApiError::bad_request(format!(
            "the object provided is unrecognized (must be of type {}): {why} ({summary})",
            own.kind
        ))
    };
    let document = match media {
        Media::Yaml => Document::yaml(body).map_err(|e| unrecognized(&codec::strip_yaml(&e)))?,
        _ => Document::json(body).map_err(|e| unrecognized(&codec::no_kind(&e)))?,
    };
    let (api_version, kind) = document.type_meta().map_err(|e| unrecognized(&codec::no_kind(&e)))?;
    let (api_version, kind) = (api_version.to_owned(), kind.to_owned());
    if kind.is_empty() {
        let text = String::from_utf8_lossy(body);
        return Err(unrecognized(&format!("Object 'Kind' is missing in '{text}'")));
    }
    let cannot_handle = |why: String| codec::unfit(&kind, &own.version, &own.kind, &why);
    let version = GroupVersion::parse(&api_version)
        .ok_or_else(|| unrecognized(&format!("unexpected GroupVersion string: {api_version}")))?;
    let (mut value, mut strict) = document.into_strict_value();
    if version.group != own.group || version.version != own.version {
        return Err(ApiError::bad_request(format!(
            "the API version in the data ({api_version}) does not match the expected API version ({})",
            resource.api_version
        )));
    }
    if kind != own.kind {
        let wrong = field::Path::root("kind").invalid(kind.as_str(), format!("must be {}", own.kind));
        let name = value.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
        return Err(ApiError::invalid(&version.with_kind(&kind), name, &[wrong]));
    }
    if let Some(metadata) = value.get_mut("metadata") {
        strict.extend(coerce(metadata).map_err(|e| cannot_handle(e.to_string()))?);
    }
    let mut object = Object::from_value(value).map_err(|_| unrecognized(&"not an object"))?;
    strict.extend(dropped(custom, &mut object));
    codec::report(context, &strict, validation, cannot_handle)?;
    Ok(object)
}

/// Brings a tree (after a patch or an apply) into the form that [`read`] gives; the second is what strict decoding has
/// to say.
pub(crate) fn revive(resource: &Resource, custom: &Custom, mut value: Value) -> Result<(Object, Vec<String>), String> {
    let mut strict = Vec::new();
    if let Some(metadata) = value.get_mut("metadata") {
        strict = coerce(metadata).map_err(|e| e.to_string())?;
    }
    let mut object = Object::from_value(value).map_err(|_| "not an object".to_owned())?;
    object.set(&["apiVersion"], resource.api_version.as_str());
    object.set(&["kind"], resource.gvk.kind.as_str());
    strict.extend(dropped(custom, &mut object));
    Ok((object, strict))
}

/// Drops what the schema does not know, and says so as strict decoding does.
fn dropped(custom: &Custom, object: &mut Object) -> impl Iterator<Item = String> + use<> {
    custom.structural.prune(object).into_iter().map(|path| format!("unknown field {path:?}"))
}

/// Metadata as Go's ObjectMeta holds it.
fn coerce(metadata: &mut Value) -> Result<Vec<String>, kubernel_schema::Error> {
    let types = builtin();
    let Some(root) = types.find(OBJECT_META) else { return Ok(Vec::new()) };
    let schema = Schema { types: types.clone(), root };
    let decoded = decode::value(&schema, metadata.take())?;
    *metadata = decoded.object.into_value();
    // As strict decoding of the whole object says it.
    Ok(decoded.strict.iter().map(|text| text.replacen(" field \"", " field \"metadata.", 1)).collect())
}

//! Request bodies to objects and values to YAML and protobuf: the server's side of `kubernel-schema`.

use kubernel_meta::{ApiError, FieldValidation, Object};
use serde_json::Value;

use crate::context::Context;
use crate::negotiate::{self, Media};
use crate::resources::Resource;

/// Reads a body that must hold an object of this resource's kind, and fills in the kind's defaults.
pub(crate) fn read_object(
    context: &Context,
    resource: &Resource,
    body: &[u8],
    validation: FieldValidation,
) -> Result<Object, ApiError> {
    let media = negotiate::input(&context.headers).ok_or_else(negotiate::unsupported_write)?;
    let _ = validation;
    let mut object = match media {
        Media::Json => document_of(body)?,
        Media::Yaml => {
            let value: Value = serde_yaml::from_slice(body).map_err(|e| ApiError::bad_request(e.to_string()))?;
            Object::from_value(value).map_err(|_| ApiError::bad_request("not an object"))?
        }
        Media::Protobuf => return Err(negotiate::unsupported_write()),
    };
    object.set(&["apiVersion"], resource.api_version.as_str());
    object.set(&["kind"], resource.gvk.kind.as_str());
    defaults(resource, &mut object);
    Ok(object)
}

fn document_of(body: &[u8]) -> Result<Object, ApiError> {
    let value: Value = serde_json::from_slice(body).map_err(|e| ApiError::bad_request(e.to_string()))?;
    Object::from_value(value).map_err(|_| ApiError::bad_request("not an object"))
}

/// Reads a body in any form without a schema: DeleteOptions and the like.
pub(crate) fn read_loose(context: &Context, body: &[u8]) -> Result<Object, ApiError> {
    let media = negotiate::input(&context.headers).ok_or_else(negotiate::unsupported_write)?;
    match media {
        Media::Json => document_of(body),
        _ => Err(negotiate::unsupported_write()),
    }
}

/// Fills in defaults.
pub(crate) fn defaults(resource: &Resource, object: &mut Object) {
    resource.kind.strategy.default(&resource.kind, object);
}

/// A value as protobuf, where its kind has that form.
pub(crate) fn to_protobuf(_resource: &Resource, _value: &Value) -> Option<Vec<u8>> {
    None
}

/// A value as YAML.
pub(crate) fn to_yaml(value: &Value) -> Result<Vec<u8>, ApiError> {
    serde_yaml::to_string(value).map(String::into_bytes).map_err(ApiError::internal)
}

/// The shape of a built-in kind.
pub(crate) fn built_in_schema(kind: &kubernel_kinds::Kind) -> kubernel_schema::Schema {
    let mut types = kubernel_schema::Types::default();
    let root = types.declare(&kind.definition);
    kubernel_schema::Schema { types: std::sync::Arc::new(types), root }
}

/// Makes the manager the owner of what a write changed.
pub(crate) fn own(
    _resource: &Resource,
    _subresource: &str,
    _old: Option<&Object>,
    _new: &mut Object,
    _manager: &str,
    _now: jiff::Timestamp,
) {
}

/// Reads the body of a server-side apply.
pub(crate) fn read_apply(
    context: &Context,
    _resource: &Resource,
    body: &[u8],
    _validation: FieldValidation,
) -> Result<Object, ApiError> {
    let _ = context;
    let value: Value = serde_yaml::from_slice(body).map_err(|e| ApiError::bad_request(e.to_string()))?;
    Object::from_value(value).map_err(|_| ApiError::bad_request("not an object"))
}

/// Server-side apply onto the stored object, or onto nothing.
pub(crate) fn apply(
    _resource: &Resource,
    _subresource: &str,
    _old: Option<&Object>,
    _applied: &Object,
    _manager: &str,
    _force: bool,
    _now: jiff::Timestamp,
) -> Result<Object, ApiError> {
    Err(negotiate::unsupported_write())
}

/// Reads DeleteOptions.
pub(crate) fn read_delete_options(context: &Context, body: &[u8]) -> Result<Object, ApiError> {
    read_loose(context, body)
}

/// A patch that was read.
pub(crate) struct Patch;

impl Patch {
    /// Reads a patch.
    pub(crate) fn read(
        _resource: &Resource,
        _type: crate::verbs::patch::PatchType,
        _body: &[u8],
    ) -> Result<Self, ApiError> {
        Err(negotiate::unsupported_write())
    }

    /// The stored object with the patch on it, decoded and defaulted again.
    pub(crate) fn apply(
        &self,
        _context: &Context,
        _resource: &Resource,
        old: &Object,
        _validation: FieldValidation,
    ) -> Result<Object, ApiError> {
        Ok(old.clone())
    }
}

//! Tables and metadata-only views of objects, as `kubectl get` and metadata clients ask for them.

use bytes::Bytes;
use jiff::Timestamp;
use kubernel_meta::{ApiError, Gvk, Object, Reason, field};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::context::Context;
use crate::document;
use crate::resources::Resource;

/// How much of the object a row carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Include {
    /// Nothing.
    None,
    /// Its metadata.
    Metadata,
    /// All of it.
    Object,
}

/// `includeObject` of a request.
pub(crate) fn include(context: &Context) -> Result<Include, ApiError> {
    match context.query.get("includeObject") {
        None | Some("" | "Metadata") => Ok(Include::Metadata),
        Some("None") => Ok(Include::None),
        Some("Object") => Ok(Include::Object),
        Some(other) => {
            let error = field::Path::root("includeObject").not_supported(other, &["Metadata", "None", "Object", ""]);
            Err(ApiError::invalid(&Gvk::new("meta.k8s.io", "v1", "TableOptions"), "", &[error]))
        }
    }
}

/// The Table of these objects.
pub(crate) fn of(
    resource: &Resource,
    objects: &[Object],
    meta: &Value,
    beta: bool,
    include: Include,
    now: Timestamp,
) -> Value {
    let rows = objects.iter().map(|object| row(resource, object, beta, include, now)).collect();
    of_rows(resource, rows, meta, beta)
}

/// The Table of these rows.
pub(crate) fn of_rows(resource: &Resource, rows: Vec<Value>, meta: &Value, beta: bool) -> Value {
    json!({
        "kind": "Table", "apiVersion": api_version(beta), "metadata": meta,
        "columnDefinitions": columns(resource), "rows": rows,
    })
}

/// An object's row.
pub(crate) fn row(resource: &Resource, object: &Object, beta: bool, include: Include, now: Timestamp) -> Value {
    let mut row = json!({ "cells": resource.kind.strategy.cells(&resource.kind, object, now), "object": null });
    if let Some(conditions) = conditions(resource, object) {
        row["conditions"] = conditions;
    }
    match include {
        Include::None => {}
        Include::Metadata => row["object"] = partial(resource, object, beta),
        Include::Object => row["object"] = object.clone().into_value(),
    }
    row
}

/// What a row says of Pods that are done: kubectl's printers hide them where asked to.
fn conditions(resource: &Resource, object: &Object) -> Option<Value> {
    if resource.gvk.kind != "Pod" {
        return None;
    }
    let (reason, message) = match object.str_at(&["status", "phase"]) {
        "Succeeded" => ("Succeeded", "The pod has completed successfully."),
        "Failed" => ("Failed", "The pod failed."),
        _ => return None,
    };
    Some(json!([{ "type": "Completed", "status": "True", "reason": reason, "message": message }]))
}

fn columns(resource: &Resource) -> Vec<Value> {
    resource
        .kind
        .columns
        .iter()
        .map(|column| {
            json!({
                "name": column.name, "type": column.type_, "format": column.format,
                "description": column.description, "priority": column.priority,
            })
        })
        .collect()
}

/// The metadata of an object as a PartialObjectMetadata.
pub(crate) fn partial(resource: &Resource, object: &Object, beta: bool) -> Value {
    let mut metadata = object.map().get("metadata").cloned().unwrap_or_else(|| json!({}));
    let hidden = resource.kind.strategy.annotations_of_versions();
    if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut)
        && !hidden.is_empty()
    {
        annotations.retain(|name, _| !hidden.contains(&name.as_str()));
        if annotations.is_empty() {
            metadata.as_object_mut().map(|metadata| metadata.remove("annotations"));
        }
    }
    json!({ "kind": "PartialObjectMetadata", "apiVersion": api_version(beta), "metadata": metadata })
}

/// [`partial`] of an object in JSON, whose metadata is copied as it stands where all of it is shown.
pub(crate) fn partial_json(resource: &Resource, json: &[u8], beta: bool) -> Result<Bytes, ApiError> {
    if !resource.kind.strategy.annotations_of_versions().is_empty() {
        return Ok(partial(resource, &document::parse(json)?, beta).to_string().into());
    }
    let outline: Outline<'_> = serde_json::from_slice(json).map_err(ApiError::internal)?;
    let metadata = outline.metadata.map_or("{}", RawValue::get);
    let version = api_version(beta);
    Ok(format!(r#"{{"apiVersion":"{version}","kind":"PartialObjectMetadata","metadata":{metadata}}}"#).into())
}

/// Where an object's metadata stands in its JSON.
#[derive(Deserialize)]
struct Outline<'a> {
    #[serde(borrow)]
    metadata: Option<&'a RawValue>,
}

/// The metadata of objects as a PartialObjectMetadataList; no items is `null`, as upstream has it.
pub(crate) fn partial_list(items: Vec<Value>, meta: &Value, beta: bool) -> Value {
    let items = if items.is_empty() { Value::Null } else { Value::Array(items) };
    json!({ "kind": "PartialObjectMetadataList", "apiVersion": api_version(beta), "metadata": meta, "items": items })
}

/// 406 for a list view of one object.
pub(crate) fn not_a_list(resource: &Resource) -> ApiError {
    not_acceptable(format!(
        "you requested PartialObjectMetadataList, but the requested object is not a list ({})",
        go_type(resource, "")
    ))
}

/// 406 for an object view of a list.
pub(crate) fn not_an_object(resource: &Resource) -> ApiError {
    not_acceptable(format!(
        "you requested PartialObjectMetadata, but the requested object is a list ({})",
        go_type(resource, "List")
    ))
}

/// How upstream's errors name the Go type behind a resource: the package is the group's first word.
fn go_type(resource: &Resource, suffix: &str) -> String {
    let group = resource.gvk.group.split('.').next().unwrap_or_default();
    let package = if group.is_empty() { "core" } else { group };
    format!("*{package}.{}{suffix}", resource.gvk.kind)
}

fn not_acceptable(message: String) -> ApiError {
    ApiError::new(406, Reason::NotAcceptable, message)
}

/// The version of Tables and metadata views.
pub(crate) fn api_version(beta: bool) -> &'static str {
    if beta { "meta.k8s.io/v1beta1" } else { "meta.k8s.io/v1" }
}

//! From a verb's outcome to an HTTP response.
//!
//! Objects and lists that go out as plain JSON are copied byte by byte from the store; everything else (YAML, Tables,
//! protobuf, indentation) is made from them.

use std::sync::Arc;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures::stream;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use kubernel_meta::{ApiError, Object};
use kubernel_store::Entry;
use serde_json::{Value, json};

use crate::context::Context;
use crate::negotiate::{Media, Output, Transform};
use crate::resources::Resource;
use crate::verbs::write::Written;
use crate::{codec, document, table};

/// Parts of a big list go out in pieces of at least this size.
const PIECE_BYTES: usize = 64 * 1024;
/// All `Warning` texts together are at most this many characters, and each at most the second number.
const WARNINGS_CHARS_MAX: usize = 4096;
const WARNING_CHARS_MAX: usize = 256;

/// What a verb answers.
pub(crate) enum Answer {
    /// An object, as the JSON of a resource's kind (or of whatever kind its JSON says).
    Object(StatusCode, Arc<Resource>, Bytes),
    /// A list.
    List(Arc<Resource>, List),
    /// Any other JSON: a Status, a Scale, a review.
    Value(StatusCode, Value),
}

/// A list's items and metadata.
pub(crate) struct List {
    /// The items.
    pub(crate) items: Vec<Bytes>,
    /// `metadata.resourceVersion`.
    pub(crate) revision: u64,
    /// `metadata.continue`; empty is left out.
    pub(crate) continue_token: String,
    /// `metadata.remainingItemCount`.
    pub(crate) remaining: Option<u64>,
}

impl Answer {
    /// 200 with a stored object.
    pub(crate) fn entry(resource: &Arc<Resource>, entry: &Entry) -> Result<Self, ApiError> {
        Ok(Self::Object(StatusCode::OK, resource.clone(), json_of(resource, entry)?))
    }

    /// What a write left behind: the store's own bytes where there are any.
    pub(crate) fn written(code: StatusCode, resource: &Arc<Resource>, written: &Written) -> Result<Self, ApiError> {
        match &written.entry {
            Some(entry) => Ok(Self::Object(code, resource.clone(), json_of(resource, entry)?)),
            None => Self::object(code, resource, &written.object),
        }
    }

    /// An object as it is.
    pub(crate) fn object(code: StatusCode, resource: &Arc<Resource>, object: &Object) -> Result<Self, ApiError> {
        Ok(Self::Object(code, resource.clone(), document::to_json(object)?))
    }

    /// `Status: Success` for an object.
    pub(crate) fn success(resource: &Resource, name: &str, uid: &str) -> Self {
        let gvr = &resource.gvr;
        let mut details = json!({ "name": name, "kind": gvr.resource });
        if !gvr.group.is_empty() {
            details["group"] = json!(gvr.group);
        }
        if !uid.is_empty() {
            details["uid"] = json!(uid);
        }
        let status =
            json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details });
        Self::Value(StatusCode::OK, status)
    }
}

/// The JSON of a stored object as one of this resource.
pub(crate) fn json_of(resource: &Resource, entry: &Entry) -> Result<Bytes, ApiError> {
    if resource.kind.stored_as.is_none() {
        return Ok(entry.json.clone());
    }
    document::to_json(&document::decode(resource, entry)?)
}

/// The response to a request.
pub(crate) fn respond(context: &Context, output: Output, answer: Answer) -> Result<Response<Body>, ApiError> {
    let response = match answer {
        Answer::Value(code, value) => write_value(code, output, None, &value)?,
        Answer::Object(code, resource, json) => match output.transform {
            Transform::None if output.media == Media::Json && !output.pretty => full(code, output.media, json),
            Transform::None => {
                let value = document::parse(&json)?.into_value();
                write_value(code, output, Some(&resource), &value)?
            }
            Transform::Table => {
                let object = document::parse(&json)?;
                let meta = json!({ "resourceVersion": object.resource_version() });
                let value = table::of(&resource, &[object], &meta, output.beta, table::include(context)?, context.now);
                write_value(code, output, None, &value)?
            }
            Transform::PartialObject => {
                let value = table::partial(&document::parse(&json)?, output.beta);
                write_value(code, output, None, &value)?
            }
            Transform::PartialObjectList => {
                return Err(table::not_a_list(&resource));
            }
        },
        Answer::List(resource, list) => write_list(context, output, &resource, list)?,
    };
    Ok(response)
}

fn write_list(
    context: &Context,
    output: Output,
    resource: &Arc<Resource>,
    list: List,
) -> Result<Response<Body>, ApiError> {
    let mut meta = json!({ "resourceVersion": list.revision.to_string() });
    if !list.continue_token.is_empty() {
        meta["continue"] = json!(list.continue_token);
    }
    if let Some(remaining) = list.remaining {
        meta["remainingItemCount"] = json!(remaining);
    }
    let objects = || list.items.iter().map(|json| document::parse(json)).collect::<Result<Vec<Object>, ApiError>>();
    let value = match output.transform {
        Transform::None if output.media == Media::Json && !output.pretty => {
            return Ok(stream_list(resource, &meta, list.items));
        }
        Transform::None => {
            let items: Vec<Value> = objects()?.into_iter().map(|object| item(object, resource)).collect();
            json!({ "kind": resource.kind.list_kind(), "apiVersion": resource.api_version, "metadata": meta, "items": items })
        }
        Transform::Table => table::of(resource, &objects()?, &meta, output.beta, table::include(context)?, context.now),
        Transform::PartialObjectList => table::partial_list(&objects()?, &meta, output.beta),
        Transform::PartialObject => return Err(table::not_an_object(resource)),
    };
    write_value(StatusCode::OK, output, Some(resource), &value)
}

/// An object as upstream writes it in a list: built-in kinds without kind and apiVersion.
fn item(mut object: Object, resource: &Resource) -> Value {
    if resource.kind.is_built_in() {
        object.map_mut().remove("kind");
        object.map_mut().remove("apiVersion");
    }
    object.into_value()
}

/// A list of copied items: no object is parsed, and at most one piece is held besides the store's own bytes.
fn stream_list(resource: &Arc<Resource>, meta: &Value, items: Vec<Bytes>) -> Response<Body> {
    let head = format!(
        "{{\"kind\":\"{}\",\"apiVersion\":\"{}\",\"metadata\":{meta},\"items\":[",
        resource.kind.list_kind(),
        resource.api_version
    );
    let skip = if resource.kind.is_built_in() { resource.head.clone() } else { String::new() };
    let mut first = Some(head);
    let mut items = items.into_iter();
    let mut more = false;
    let pieces = std::iter::from_fn(move || {
        let mut piece = BytesMut::with_capacity(PIECE_BYTES + PIECE_BYTES / 4);
        match first.take() {
            Some(head) => piece.extend_from_slice(head.as_bytes()),
            None if items.len() == 0 => return None,
            None => {}
        }
        while piece.len() < PIECE_BYTES {
            let Some(json) = items.next() else { break };
            if std::mem::replace(&mut more, true) {
                piece.extend_from_slice(b",");
            }
            if !skip.is_empty() && json.starts_with(skip.as_bytes()) {
                piece.extend_from_slice(b"{");
                piece.extend_from_slice(&json[skip.len()..]);
            } else {
                piece.extend_from_slice(&json);
            }
        }
        if items.len() == 0 {
            piece.extend_from_slice(b"]}\n");
        }
        Some(piece.freeze())
    });
    let pieces: Box<dyn Iterator<Item = Bytes> + Send> = Box::new(pieces.fuse());
    let body = Body::from_stream(stream::iter(pieces.map(Ok::<Bytes, std::io::Error>)));
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Writes a value in the negotiated form. Protobuf is written only for what has a schema.
pub(crate) fn write_value(
    code: StatusCode,
    output: Output,
    resource: Option<&Resource>,
    value: &Value,
) -> Result<Response<Body>, ApiError> {
    let (media, bytes) = match output.media {
        Media::Protobuf => match resource.and_then(|resource| codec::to_protobuf(resource, value)) {
            Some(bytes) => (Media::Protobuf, bytes),
            None => (Media::Json, serde_json::to_vec(value).map_err(ApiError::internal)?),
        },
        Media::Yaml => (Media::Yaml, codec::to_yaml(value)?),
        Media::Json if output.pretty => (Media::Json, serde_json::to_vec_pretty(value).map_err(ApiError::internal)?),
        Media::Json => (Media::Json, serde_json::to_vec(value).map_err(ApiError::internal)?),
    };
    Ok(full(code, media, bytes.into()))
}

/// A response of these bytes.
pub(crate) fn full(code: StatusCode, media: Media, bytes: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = code;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media.content_type()));
    response
}

/// A text/plain response.
pub(crate) fn text(code: StatusCode, text: impl Into<String>) -> Response<Body> {
    let mut response = Response::new(Body::from(text.into()));
    *response.status_mut() = code;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// The response to a failed request: its Status, as YAML where YAML was asked for and else as JSON.
pub(crate) fn failure(headers: &HeaderMap, error: &ApiError) -> Response<Body> {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media = if accept.starts_with("application/yaml") { Media::Yaml } else { Media::Json };
    let code = StatusCode::from_u16(error.code()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let output = Output { media, ..Output::JSON };
    let mut response = write_value(code, output, None, &error.to_status())
        .unwrap_or_else(|error| text(StatusCode::INTERNAL_SERVER_ERROR, error.message()));
    let retry = error.details().map_or(0, |details| details.retry_after_secs);
    if retry > 0 {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(retry));
    }
    response
}

/// The headers that every response carries.
pub(crate) fn finish(response: &mut Response<Body>, warnings: Vec<String>) {
    let headers = response.headers_mut();
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    }
    if let Ok(id) = HeaderValue::from_str(&uuid::Uuid::new_v4().to_string()) {
        headers.insert("audit-id", id);
    }
    let mut seen: Vec<String> = Vec::new();
    let mut chars = 0;
    for warning in warnings {
        if seen.contains(&warning) {
            continue;
        }
        chars += warning.chars().count();
        let cut = if chars > WARNINGS_CHARS_MAX {
            warning.chars().take(WARNING_CHARS_MAX).collect()
        } else {
            warning.clone()
        };
        if let Ok(value) = HeaderValue::from_bytes(format!("299 - {}", quoted(&cut)).as_bytes()) {
            headers.append(header::WARNING, value);
        }
        seen.push(warning);
    }
}

/// A quoted string of HTTP: quotes and backslashes escaped, control characters dropped.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars().filter(|c| !c.is_control()) {
        if matches!(character, '"' | '\\') {
            out.push('\\');
        }
        out.push(character);
    }
    out.push('"');
    out
}

//! From a verb's outcome to an HTTP response.
//!
//! Objects and lists that go out as plain JSON are copied byte by byte from the store; everything else (YAML, Tables,
//! protobuf, indentation) is made from them.

use std::collections::HashSet;
use std::sync::Arc;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures::stream;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body::Body as _;
use kubernel_meta::{ApiError, Object};
use kubernel_schema::protobuf;
use kubernel_store::Entry;
use serde_json::{Value, json};

use crate::context::Context;
use crate::negotiate::{Media, Output, Transform};
use crate::resources::Resource;
use crate::verbs::write::Written;
use crate::{binary, compress, document, negotiate, table, yaml};

/// Parts of a big list go out in pieces of at least this size.
const PIECE_BYTES: usize = 64 * 1024;
/// How many messages are made without a pause.
const MESSAGES_AT_ONCE: usize = 64;
/// All `Warning` texts together are at most this many characters, and each at most the second number.
const WARNINGS_CHARS_MAX: usize = 4096;
const WARNING_CHARS_MAX: usize = 256;

/// What a verb answers.
pub(crate) enum Answer {
    /// An object, as the JSON of a resource's kind (or of whatever kind its JSON says).
    Object(StatusCode, Arc<Resource>, Item),
    /// A list.
    List(Arc<Resource>, List),
    /// Any other JSON: a Status, a Scale, a review.
    Value(StatusCode, Value),
}

/// An object of a resource on its way out.
pub(crate) enum Item {
    /// As the store keeps it.
    Stored(Arc<Entry>),
    /// JSON that was made for this answer.
    Made(Bytes),
}

/// A list's items and metadata.
pub(crate) struct List {
    /// The items.
    pub(crate) items: Vec<Item>,
    /// `metadata.resourceVersion`.
    pub(crate) revision: u64,
    /// `metadata.continue`; empty is left out.
    pub(crate) continue_token: String,
    /// `metadata.remainingItemCount`.
    pub(crate) remaining: Option<u64>,
}

impl Answer {
    /// 200 with a stored object.
    pub(crate) fn entry(resource: &Arc<Resource>, entry: Arc<Entry>) -> Self {
        Self::Object(StatusCode::OK, resource.clone(), Item::Stored(entry))
    }

    /// What a write left behind: the store's own bytes where there are any.
    pub(crate) fn written(code: StatusCode, resource: &Arc<Resource>, written: &Written) -> Result<Self, ApiError> {
        match &written.entry {
            Some(entry) => Ok(Self::Object(code, resource.clone(), Item::Stored(entry.clone()))),
            None => Self::object(code, resource, &written.object),
        }
    }

    /// An object as it is.
    pub(crate) fn object(code: StatusCode, resource: &Arc<Resource>, object: &Object) -> Result<Self, ApiError> {
        Ok(Self::Object(code, resource.clone(), Item::Made(document::to_json(object)?)))
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

impl Item {
    /// The JSON of the object as one of this resource.
    pub(crate) fn json(&self, resource: &Resource) -> Result<Bytes, ApiError> {
        match self {
            Self::Stored(entry) => json_of(resource, entry),
            Self::Made(json) => Ok(json.clone()),
        }
    }

    /// The protobuf message of the object as one of this resource.
    fn message(&self, resource: &Resource) -> Result<Bytes, ApiError> {
        match self {
            Self::Stored(entry) => binary::of_entry(resource, entry),
            Self::Made(json) => binary::of_json(resource, json),
        }
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
pub(crate) async fn respond(context: &Context, output: Output, answer: Answer) -> Result<Response<Body>, ApiError> {
    let response = match answer {
        Answer::Value(code, value) => write_value(code, output, &value)?,
        Answer::Object(code, resource, item) => write_object(context, output, code, &resource, &item)?,
        Answer::List(resource, list) => return write_list(context, output, &resource, list).await,
    };
    let bytes = response.body().size_hint().lower();
    Ok(compress::where_wanted(&context.headers, bytes, response))
}

fn write_object(
    context: &Context,
    output: Output,
    code: StatusCode,
    resource: &Resource,
    item: &Item,
) -> Result<Response<Body>, ApiError> {
    let parsed = || document::parse(&item.json(resource)?);
    let value = match (output.transform, output.media) {
        (Transform::None, Media::Json) if !output.pretty => return Ok(full(code, Media::Json, item.json(resource)?)),
        (Transform::None, Media::Protobuf) => {
            let message = item.message(resource)?;
            let bytes = binary::enveloped(&resource.api_version, &resource.gvk.kind, &message);
            return Ok(full(code, Media::Protobuf, bytes));
        }
        (Transform::None, _) => parsed()?.into_value(),
        (Transform::Table, _) => {
            let object = parsed()?;
            let meta = json!({ "resourceVersion": object.resource_version() });
            table::of(resource, &[object], &meta, output.beta, table::include(context)?, context.now)
        }
        (Transform::PartialObject, _) => table::partial(resource, &parsed()?, output.beta),
        (Transform::PartialObjectList, _) => return Err(table::not_a_list(resource)),
    };
    write_value(code, output, &value)
}

async fn write_list(
    context: &Context,
    output: Output,
    resource: &Arc<Resource>,
    list: List,
) -> Result<Response<Body>, ApiError> {
    let mut meta = json!({ "resourceVersion": list.revision.to_string() });
    // Upstream's untyped lists say that they do not go on.
    if resource.custom.is_some() && output.transform == Transform::None {
        meta["continue"] = json!("");
    }
    if !list.continue_token.is_empty() {
        meta["continue"] = json!(list.continue_token);
    }
    if let Some(remaining) = list.remaining {
        meta["remainingItemCount"] = json!(remaining);
    }
    // One object at a time: the trees of all of them would take many times the memory of their text.
    let each = |make: &dyn Fn(Object) -> Value| {
        let made = list.items.iter().map(|item| Ok(make(document::parse(&item.json(resource)?)?)));
        made.collect::<Result<Vec<Value>, ApiError>>()
    };
    let value = match (output.transform, output.media) {
        (Transform::None, Media::Json) if !output.pretty => {
            let items: Result<Vec<Bytes>, ApiError> = list.items.iter().map(|item| item.json(resource)).collect();
            let items = items?;
            let bytes = bytes_of(&items);
            let skip = if resource.kind.is_built_in() { resource.head.clone() } else { String::new() };
            let response = stream_list(&resource.kind.list_kind(), &resource.api_version, &meta, skip, items);
            return Ok(compress::where_wanted(&context.headers, bytes, response));
        }
        (Transform::None, Media::Protobuf) => {
            let items = messages(resource, &list.items).await?;
            let bytes = bytes_of(&items);
            let response = stream_messages(binary::List::new(resource, &meta, items)?);
            return Ok(compress::where_wanted(&context.headers, bytes, response));
        }
        (Transform::None, Media::Json) => {
            let response = full(StatusCode::OK, Media::Json, indented_list(resource, &meta, &list.items)?.into());
            let bytes = response.body().size_hint().lower();
            return Ok(compress::where_wanted(&context.headers, bytes, response));
        }
        (Transform::None, _) => {
            let items = each(&|object| self::item(object, resource))?;
            json!({ "kind": resource.kind.list_kind(), "apiVersion": resource.api_version, "metadata": meta, "items": items })
        }
        (Transform::Table, _) => {
            let (include, beta) = (table::include(context)?, output.beta);
            let rows = each(&|object| table::row(resource, &object, beta, include, context.now))?;
            table::of_rows(resource, rows, &meta, beta)
        }
        (Transform::PartialObjectList, Media::Json) if !output.pretty && !list.items.is_empty() => {
            let cut = list.items.iter().map(|item| table::partial_json(resource, &item.json(resource)?, output.beta));
            let items = cut.collect::<Result<Vec<Bytes>, ApiError>>()?;
            let bytes = bytes_of(&items);
            let version = table::api_version(output.beta);
            let response = stream_list("PartialObjectMetadataList", version, &meta, String::new(), items);
            return Ok(compress::where_wanted(&context.headers, bytes, response));
        }
        (Transform::PartialObjectList, _) => {
            let items = each(&|object| table::partial(resource, &object, output.beta))?;
            table::partial_list(items, &meta, output.beta)
        }
        (Transform::PartialObject, _) => return Err(table::not_an_object(resource)),
    };
    let response = write_value(StatusCode::OK, output, &value)?;
    let bytes = response.body().size_hint().lower();
    Ok(compress::where_wanted(&context.headers, bytes, response))
}

/// A list as people read it, written object by object.
fn indented_list(resource: &Resource, meta: &Value, items: &[Item]) -> Result<String, ApiError> {
    let indented = |value: &Value, depth: &str| {
        let text = serde_json::to_string_pretty(value).map_err(ApiError::internal)?;
        Ok::<String, ApiError>(text.replace('\n', &format!("\n{depth}")))
    };
    let (kind, api_version) = (resource.kind.list_kind(), &resource.api_version);
    let meta = indented(meta, "  ")?;
    let mut out = format!(
        "{{\n  \"kind\": \"{kind}\",\n  \"apiVersion\": \"{api_version}\",\n  \"metadata\": {meta},\n  \"items\": ["
    );
    for (at, item) in items.iter().enumerate() {
        let value = self::item(document::parse(&item.json(resource)?)?, resource);
        out.push_str(if at == 0 { "\n    " } else { ",\n    " });
        out.push_str(&indented(&value, "    ")?);
    }
    out.push_str(if items.is_empty() { "]\n}" } else { "\n  ]\n}" });
    Ok(out)
}

fn bytes_of(items: &[Bytes]) -> u64 {
    items.iter().map(|item| item.len() as u64).sum()
}

/// The messages of a list's items. Those that nobody has asked for before are made now, with pauses for other requests.
async fn messages(resource: &Resource, items: &[Item]) -> Result<Vec<Bytes>, ApiError> {
    let mut messages = Vec::with_capacity(items.len());
    for some in items.chunks(MESSAGES_AT_ONCE) {
        for item in some {
            messages.push(item.message(resource)?);
        }
        if items.len() > MESSAGES_AT_ONCE {
            tokio::task::yield_now().await;
        }
    }
    Ok(messages)
}

/// An object as upstream writes it in a list: built-in kinds without kind and apiVersion.
fn item(mut object: Object, resource: &Resource) -> Value {
    if resource.kind.is_built_in() {
        object.map_mut().remove("kind");
        object.map_mut().remove("apiVersion");
    }
    object.into_value()
}

/// A list of copied items, each without `skip` where it starts with it: no object is parsed, and at most one piece is
/// held besides the items' own bytes.
fn stream_list(kind: &str, api_version: &str, meta: &Value, skip: String, items: Vec<Bytes>) -> Response<Body> {
    let head = format!("{{\"kind\":\"{kind}\",\"apiVersion\":\"{api_version}\",\"metadata\":{meta},\"items\":[");
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
    streamed(Media::Json, pieces)
}

/// A list of shared messages, in pieces as above.
fn stream_messages(list: binary::List) -> Response<Body> {
    let mut head = Some(list.head);
    let mut items = list.items.into_iter();
    let mut ended = false;
    let pieces = std::iter::from_fn(move || {
        if ended {
            return None;
        }
        let mut piece = BytesMut::with_capacity(PIECE_BYTES + PIECE_BYTES / 4);
        piece.extend_from_slice(&head.take().unwrap_or_default());
        while piece.len() < PIECE_BYTES {
            let Some(item) = items.next() else {
                piece.extend_from_slice(&protobuf::CLOSING);
                ended = true;
                break;
            };
            piece.extend_from_slice(&binary::List::before(&item));
            piece.extend_from_slice(&item);
        }
        Some(piece.freeze())
    });
    streamed(Media::Protobuf, pieces)
}

/// A response whose body is made piece by piece, as the client takes it.
fn streamed(media: Media, pieces: impl Iterator<Item = Bytes> + Send + 'static) -> Response<Body> {
    let pieces: Box<dyn Iterator<Item = Bytes> + Send> = Box::new(pieces.fuse());
    let mut response = Response::new(Body::from_stream(stream::iter(pieces.map(Ok::<Bytes, std::io::Error>))));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media.content_type()));
    response
}

/// Writes a value in the negotiated form. What has no protobuf form is written as JSON.
pub(crate) fn write_value(code: StatusCode, output: Output, value: &Value) -> Result<Response<Body>, ApiError> {
    let (media, bytes) = match output.media {
        Media::Protobuf => match binary::of_value(value) {
            Some(bytes) => return Ok(full(code, Media::Protobuf, bytes)),
            None => (Media::Json, serde_json::to_vec(value).map_err(ApiError::internal)?),
        },
        Media::Yaml => (Media::Yaml, yaml::to_yaml(value).into_bytes()),
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

/// 404 for a path that nobody serves.
pub(crate) fn not_found() -> Response<Body> {
    text(StatusCode::NOT_FOUND, "404 page not found\n")
}

/// The response to a failed request: its Status, in the form that was asked for.
pub(crate) fn failure(headers: &HeaderMap, pretty: Option<&str>, error: &ApiError) -> Response<Body> {
    let code = StatusCode::from_u16(error.code()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = write_value(code, negotiate::status(headers, pretty), &error.to_status())
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
    for warning in fitting(warnings) {
        if let Ok(value) = HeaderValue::from_bytes(format!("299 - {}", quoted(&warning)).as_bytes()) {
            headers.append(header::WARNING, value);
        }
    }
}

/// Each warning once; where they are too long together, each is cut, and those that still do not fit are left out.
fn fitting(mut warnings: Vec<String>) -> Vec<String> {
    let mut seen = HashSet::new();
    warnings.retain(|warning| seen.insert(warning.clone()));
    let length = |warning: &String| warning.chars().count();
    if warnings.iter().map(length).sum::<usize>() <= WARNINGS_CHARS_MAX {
        return warnings;
    }
    let mut left = WARNINGS_CHARS_MAX;
    let cut = warnings.into_iter().map(|warning| warning.chars().take(WARNING_CHARS_MAX).collect::<String>());
    cut.take_while(|warning| {
        let fits = length(warning) <= left;
        left = left.saturating_sub(length(warning));
        fits
    })
    .collect()
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

#[cfg(test)]
mod tests {
    use super::{WARNING_CHARS_MAX, WARNINGS_CHARS_MAX, fitting};

    #[test]
    fn warnings_are_bounded() {
        let long = |n: usize| format!("{n:0300}");
        assert_eq!(fitting(vec!["a".into(), "b".into(), "a".into()]), ["a", "b"]);
        assert_eq!(fitting((0..10).map(long).collect()), (0..10).map(long).collect::<Vec<_>>());
        let many = fitting((0..1000).map(|n| format!("{n:0<300}")).collect());
        assert_eq!(many.len(), WARNINGS_CHARS_MAX / WARNING_CHARS_MAX);
        assert!(many.iter().all(|warning| warning.len() == WARNING_CHARS_MAX));
    }
}

//! Protobuf answers: the message of a stored object, made once and shared, and the envelopes, lists and frames around it.
//!
//! What a message looks like is `kubernel_schema::protobuf`'s business; whether an answer is one, `negotiate`'s.

use bytes::{BufMut as _, Bytes, BytesMut};
use kubernel_kinds::Source;
use kubernel_meta::{ApiError, Object};
use kubernel_schema::{Schema, builtin, protobuf};
use kubernel_store::Entry;
use serde_json::Value;

use crate::document;
use crate::resources::Resource;

/// The fields of every list: its metadata and its items.
const LIST_METADATA: u32 = 1;
const LIST_ITEMS: u32 = 2;
/// The fields of a `WatchEvent`, and the one of the `RawExtension` in it.
const EVENT_TYPE: u32 = 1;
const EVENT_OBJECT: u32 = 2;
const RAW: u32 = 1;
/// How many bytes of a frame say how long the rest is, most significant first.
pub(crate) const FRAME_HEAD_BYTES: usize = 4;

/// Whether objects of this resource have a protobuf form.
pub(crate) fn has_form(resource: &Resource) -> bool {
    resource.kind.is_built_in() && protobuf::has_form(&resource.schema)
}

/// The message of a stored object as one of this resource. It is kept beside the JSON, unless the object is stored as
/// another kind's.
pub(crate) fn of_entry(resource: &Resource, entry: &Entry) -> Result<Bytes, ApiError> {
    if let Some(made) = entry.binary.get().filter(|_| resource.kind.stored_as.is_none()) {
        return Ok(made.clone());
    }
    let made = Bytes::from(protobuf::message(&resource.schema, &document::decode(resource, entry)?));
    if resource.kind.stored_as.is_none() && resource.kind.source == Source::Store {
        return Ok(entry.binary.get_or_init(|| made).clone());
    }
    Ok(made)
}

/// The message of an object of this resource, given its JSON.
pub(crate) fn of_json(resource: &Resource, json: &[u8]) -> Result<Bytes, ApiError> {
    Ok(protobuf::message(&resource.schema, &document::parse(json)?).into())
}

/// A message in the envelope of its kind.
pub(crate) fn enveloped(api_version: &str, kind: &str, message: &[u8]) -> Bytes {
    let mut out = protobuf::opening(api_version, kind, message.len());
    out.extend_from_slice(message);
    out.extend_from_slice(&protobuf::CLOSING);
    out.into()
}

/// A value of a kind that the API itself defines (Status, Scale, reviews, metadata views), in its envelope; `None`
/// where the kind has no such form.
pub(crate) fn of_value(value: &Value) -> Option<Bytes> {
    let object = Object::from_value(value.clone()).ok()?;
    let types = builtin();
    let version = match object.api_version() {
        "meta.k8s.io/v1beta1" => "meta.k8s.io/v1",
        // The oldest documents of discovery do not say their version.
        "" => "v1",
        version => version,
    };
    let schema = Schema { types: types.clone(), root: types.find_kind(version, object.kind())? };
    protobuf::has_form(&schema).then(|| protobuf::encode(&schema, &object).into())
}

/// A list of these messages: its beginning, then what stands before each of them, and its end.
pub(crate) struct List {
    /// The envelope's beginning and the list's metadata.
    pub(crate) head: Bytes,
    /// The messages.
    pub(crate) items: Vec<Bytes>,
}

impl List {
    /// The list of this resource's messages with this metadata.
    pub(crate) fn new(resource: &Resource, metadata: &Value, items: Vec<Bytes>) -> Result<Self, ApiError> {
        let types = &resource.schema.types;
        let root = types
            .find("io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta")
            .ok_or_else(|| ApiError::internal("no schema of lists"))?;
        let schema = Schema { types: types.clone(), root };
        let metadata = Object::from_value(metadata.clone()).map_err(|_| ApiError::internal("no metadata of a list"))?;
        let metadata = protobuf::message(&schema, &metadata);
        let mut inner = protobuf::delimiter(LIST_METADATA, metadata.len());
        inner.extend_from_slice(&metadata);
        let length: usize = items.iter().map(|item| Self::before(item).len() + item.len()).sum();
        let mut head = protobuf::opening(&resource.api_version, &resource.kind.list_kind(), inner.len() + length);
        head.extend_from_slice(&inner);
        Ok(Self { head: head.into(), items })
    }

    /// What stands before an item.
    pub(crate) fn before(item: &[u8]) -> Vec<u8> {
        protobuf::delimiter(LIST_ITEMS, item.len())
    }
}

/// An event of a watch as a frame: four bytes of length, then a `WatchEvent` without an envelope, in which the object
/// has one.
pub(crate) fn frame(kind: &str, object: &[u8]) -> Bytes {
    let before_raw = protobuf::delimiter(RAW, object.len());
    let before_object = protobuf::delimiter(EVENT_OBJECT, before_raw.len() + object.len());
    let before_kind = protobuf::delimiter(EVENT_TYPE, kind.len());
    let length = before_kind.len() + kind.len() + before_object.len() + before_raw.len() + object.len();
    let mut out = BytesMut::with_capacity(FRAME_HEAD_BYTES + length);
    out.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    for part in [&*before_kind, kind.as_bytes(), &*before_object, &*before_raw, object] {
        out.extend_from_slice(part);
    }
    out.freeze()
}

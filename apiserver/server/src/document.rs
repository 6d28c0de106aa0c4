//! From an object to the bytes that the store keeps and every reader shares, and back.
//!
//! An object's JSON begins with its kind and apiVersion, so that a list can copy an item without them (upstream's items
//! carry none), and has a hole where the store writes the resourceVersion.

use std::sync::OnceLock;

use bytes::Bytes;
use kubernel_kinds::{Kind, registry};
use kubernel_meta::{ApiError, Object};
use kubernel_store::{Document, Entry, Index, Stamp};
use serde_json::Value;

use crate::crds::Custom;
use crate::resources::Resource;
use crate::{ApiServer, crds};

/// Encodes an object of a resource for the store, `metadata.resourceVersion` left open. `verbatim`: the words of the field
/// that its kind keeps as they came.
pub(crate) async fn encode(
    server: &ApiServer,
    resource: &Resource,
    object: &Object,
    verbatim: Option<&str>,
) -> Result<Document, ApiError> {
    if let Some(kept) = resource.kind.strategy.verbatim().zip(verbatim) {
        let (json, hole) = write(object, None, Some(kept))?;
        return Ok(Document { json, hole, index: index_of(resource, object) });
    }
    match crds::to_stored(server, resource, object).await? {
        None => encode_as_it_is(resource, object),
        Some(stored) => {
            let (json, hole) = write(&stored, None, None)?;
            Ok(Document { json, hole, index: index_of(resource, object) })
        }
    }
}

/// The same where objects are stored in the version that they are in.
pub(crate) fn encode_as_it_is(resource: &Resource, object: &Object) -> Result<Document, ApiError> {
    let index = index_of(resource, object);
    if let Some(stored) = resource.kind.stored_as {
        let mut copy = object.clone();
        (stored.to_stored)(&mut copy);
        let (json, hole) = write(&copy, None, None)?;
        return Ok(Document { json, hole, index });
    }
    let (json, hole) = write(object, None, None)?;
    Ok(Document { json, hole, index })
}

/// The JSON of an object as it is, kind and apiVersion first.
pub(crate) fn to_json(object: &Object) -> Result<Bytes, ApiError> {
    let (json, _) = write(object, Some(object.resource_version()), None)?;
    Ok(json.into())
}

/// Parses a stored object as one of this resource.
pub(crate) fn decode(resource: &Resource, entry: &Entry) -> Result<Object, ApiError> {
    let mut object: Object = parse(&entry.json)?;
    if let Some(stored) = resource.kind.stored_as {
        (stored.from_stored)(&mut object);
    }
    Ok(object)
}

/// Parses JSON that the server itself wrote.
pub(crate) fn parse(json: &[u8]) -> Result<Object, ApiError> {
    serde_json::from_slice(json).map(Object::new).map_err(|e| ApiError::internal(format!("stored object: {e}")))
}

/// An object as the entry of another one's key and revision: what a stored object is in another version.
pub(crate) fn entry(resource: &Resource, object: &Object, of: &Entry) -> Result<Entry, ApiError> {
    let (json, hole) = write(object, Some(object.resource_version()), None)?;
    let index = Index { stamp: Stamp::new(crds::SEEN_ANEW), ..index_of(resource, object) };
    Ok(Entry { key: of.key.clone(), revision: of.revision, json: json.into(), index, hole, binary: OnceLock::new() })
}

/// An object in the place of an entry, selected as before.
pub(crate) fn rewrite(object: &Object, entry: &Entry) -> Result<Document, ApiError> {
    let (json, hole) = write(object, None, None)?;
    Ok(Document { json, hole, index: entry.index.clone() })
}

/// Whether a document would leave an entry as it is, but for its revision.
pub(crate) fn same(document: &Document, entry: &Entry) -> bool {
    let digits = entry.json.iter().skip(entry.hole).take_while(|byte| byte.is_ascii_digit()).count();
    let (before, after) = document.json.split_at(document.hole.min(document.json.len()));
    document.hole == entry.hole
        && entry.json.get(..entry.hole) == Some(before)
        && entry.json.get(entry.hole + digits..) == Some(after)
}

/// What selectors look at.
pub(crate) fn index_of(resource: &Resource, object: &Object) -> Index {
    let stamp = resource.custom.as_ref().map_or(0, Custom::stored_stamp);
    index(object, resource.kind.strategy.field_values(object), stamp)
}

/// Reads again what selectors look at, given a stored object's key and JSON: for the store when it opens. What cannot be
/// read has no index, and so is seen by lists without a selector only.
pub fn reindex(key: &str, json: &[u8]) -> Index {
    let mut words = key.split('/').skip(2);
    let (group, plural) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let group = if group == "core" { "" } else { group };
    let Ok(object) = parse(json) else { return Index::default() };
    let stored_here = |kind: &&'static Kind| kind.stored_as.is_none() && kind.group == group && kind.plural == plural;
    let fields = registry::known().find(stored_here).map(|kind| kind.strategy.field_values(&object));
    index(&object, fields.unwrap_or_default(), 0)
}

fn index(object: &Object, fields: Vec<String>, stamp: u64) -> Index {
    let mut labels: Vec<(Box<str>, Box<str>)> =
        object.labels().map(|(key, value)| (Box::from(key), Box::from(value))).collect();
    labels.sort();
    Index { labels, fields: fields.into_iter().map(String::into_boxed_str).collect(), stamp: Stamp::new(stamp) }
}

/// The JSON and where in it the resourceVersion's value begins. `version` is written there; none leaves a hole. `kept`: a
/// field and the JSON that is written for it.
fn write(object: &Object, version: Option<&str>, kept: Option<(&str, &str)>) -> Result<(Vec<u8>, usize), ApiError> {
    let mut out = Vec::with_capacity(512);
    let mut hole = 0;
    out.push(b'{');
    let map = object.map();
    for key in ["kind", "apiVersion"] {
        if let Some(value) = map.get(key) {
            member(&mut out, key, value)?;
        }
    }
    for (key, value) in map {
        match (key.as_str(), value) {
            ("kind" | "apiVersion", _) => {}
            (key, _) if kept.is_some_and(|(field, _)| field == key) => {
                name(&mut out, key)?;
                out.extend_from_slice(kept.map_or(&[][..], |(_, json)| json.as_bytes()));
            }
            ("metadata", Value::Object(metadata)) => {
                name(&mut out, "metadata")?;
                out.push(b'{');
                let mut open = Some("resourceVersion");
                for (key, value) in metadata {
                    if open.is_some_and(|open| open <= key.as_str()) {
                        open = None;
                        hole = version_member(&mut out, version)?;
                    }
                    if key != "resourceVersion" {
                        member(&mut out, key, value)?;
                    }
                }
                if open.is_some() {
                    hole = version_member(&mut out, version)?;
                }
                out.push(b'}');
            }
            _ => member(&mut out, key, value)?,
        }
    }
    out.push(b'}');
    Ok((out, hole))
}

fn version_member(out: &mut Vec<u8>, version: Option<&str>) -> Result<usize, ApiError> {
    if version == Some("") {
        return Ok(0);
    }
    name(out, "resourceVersion")?;
    out.push(b'"');
    let hole = out.len();
    out.extend_from_slice(version.unwrap_or_default().as_bytes());
    out.push(b'"');
    Ok(hole)
}

fn member(out: &mut Vec<u8>, key: &str, value: &Value) -> Result<(), ApiError> {
    name(out, key)?;
    serde_json::to_writer(out, value).map_err(ApiError::internal)
}

fn name(out: &mut Vec<u8>, key: &str) -> Result<(), ApiError> {
    if out.last() != Some(&b'{') {
        out.push(b',');
    }
    serde_json::to_writer(&mut *out, key).map_err(ApiError::internal)?;
    out.push(b':');
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn leaves_a_hole_for_the_version() {
        for metadata in [json!({"name": "a", "uid": "u"}), json!({"name": "a"}), json!({"resourceVersion": "7"})] {
            let object = Object::from_value(json!({"apiVersion": "v1", "data": {}, "kind": "K", "metadata": metadata}));
            let (mut json, hole) = write(&object.unwrap(), None, None).unwrap();
            assert!(json.starts_with(b"{\"kind\":\"K\",\"apiVersion\":\"v1\","));
            json.splice(hole..hole, *b"42");
            let value: Value = serde_json::from_slice(&json).unwrap();
            assert_eq!(value["metadata"]["resourceVersion"], "42");
            assert_eq!(value["metadata"]["name"], metadata.get("name").cloned().unwrap_or_default());
        }
    }
}

//! What most kinds do the same way: the default methods of [`crate::Strategy`], and pieces that kinds combine.

use jiff::Timestamp;
use kubernel_meta::{Object, validation};
use serde_json::{Map, Value, json};

use crate::{Kind, print};

/// What clients say of an object in its metadata.
const OF_CLIENTS: [&str; 4] = ["annotations", "finalizers", "labels", "ownerReferences"];

/// The strategy of kinds about which nothing more is to be known.
#[derive(Debug)]
pub struct Generic;

impl crate::Strategy for Generic {}

/// Empties `status` where the kind has a status subresource, and starts `metadata.generation` at 1 where it counts.
pub fn prepare_create(kind: &Kind, object: &mut Object) {
    if has_status(kind) {
        object.set(&["status"], Map::new());
    }
    if kind.strategy.counts_generation() {
        object.set(&["metadata", "generation"], 1);
    }
}

/// Keeps the old `status` and counts the generation up where anything but metadata and status changed.
pub fn prepare_update(kind: &Kind, new: &mut Object, old: &Object) {
    if has_status(kind) {
        copy_field(new, old, "status");
    }
    if kind.strategy.counts_generation() {
        let generation = old.generation() + i64::from(!same_content(new, old));
        new.set(&["metadata", "generation"], generation);
    }
}

/// Keeps everything but `status` from the old object; the metadata of some kinds only.
pub fn prepare_subresource_update(kind: &Kind, subresource: &str, new: &mut Object, old: &Object) {
    if subresource != "status" {
        return;
    }
    keep_all_but_status(new, old);
    if kind.strategy.status_keeps_metadata() {
        OF_CLIENTS.iter().for_each(|field| copy_metadata(new, old, field));
    }
}

/// Takes everything outside metadata and `status` from the old object.
pub fn keep_all_but_status(new: &mut Object, old: &Object) {
    new.map_mut().retain(|key, _| matches!(key.as_str(), "apiVersion" | "kind" | "metadata" | "status"));
    for (key, value) in old.map() {
        if !matches!(key.as_str(), "apiVersion" | "kind" | "metadata" | "status") {
            new.map_mut().insert(key.clone(), value.clone());
        }
    }
}

/// Makes a top-level field of the new object what it is in the old one, also where it is missing there.
pub fn copy_field(new: &mut Object, old: &Object, field: &str) {
    match old.map().get(field) {
        Some(value) => new.map_mut().insert(field.to_owned(), value.clone()),
        None => new.map_mut().remove(field),
    };
}

/// Makes a metadata field of the new object what it is in the old one, also where it is missing there.
pub fn copy_metadata(new: &mut Object, old: &Object, field: &str) {
    match old.at(&["metadata", field]) {
        Some(value) => new.set(&["metadata", field], value.clone()),
        None => drop(new.remove(&["metadata", field])),
    }
}

/// Whether two objects are equal outside type, metadata and status.
pub fn same_content(new: &Object, old: &Object) -> bool {
    fn content(object: &Object) -> impl Iterator<Item = (&String, &Value)> {
        object.map().iter().filter(|(key, _)| !matches!(key.as_str(), "apiVersion" | "kind" | "metadata" | "status"))
    }
    content(new).eq(content(old))
}

/// What is wrong with a DNS subdomain name; of a prefix that a name is generated from, without its last dash.
pub fn dns_subdomain(name: &str, prefix: bool) -> Vec<String> {
    validation::dns1123_subdomain(&masked(name, prefix))
}

/// What is wrong with a DNS label (RFC 1123) as a name.
pub fn dns_label(name: &str, prefix: bool) -> Vec<String> {
    validation::dns1123_label(&masked(name, prefix))
}

/// What is wrong with a name that need only be one segment of a URL path.
pub fn path_segment(name: &str, prefix: bool) -> Vec<String> {
    if prefix { validation::path_segment_prefix(name) } else { validation::path_segment_name(name) }
}

/// A prefix may end in a dash, as a random suffix follows it: its last two characters read as an `a`.
fn masked(name: &str, prefix: bool) -> std::borrow::Cow<'_, str> {
    match name.strip_suffix('-') {
        Some(stem) if prefix && !stem.is_empty() => {
            let mut stem = stem.to_owned();
            stem.pop();
            (stem + "a").into()
        }
        _ => name.into(),
    }
}

/// The cells of a Table whose columns are Name and Age (or Created At); further cells are empty.
pub fn name_and_age(kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
    let cell = |column: &crate::Column| match &*column.name {
        "Name" => json!(object.name()),
        "Age" => json!(print::age(object, now)),
        "Created At" => json!(object.str_at(&["metadata", "creationTimestamp"])),
        _ => Value::Null,
    };
    kind.columns.iter().map(cell).collect()
}

/// `status` on the main resource where there is a status subresource, everything but `status` on that.
pub fn reset_fields(kind: &Kind, subresource: &str) -> Vec<Vec<&'static str>> {
    match subresource {
        "" if has_status(kind) => vec![vec!["status"]],
        "status" if kind.strategy.status_keeps_metadata() => vec![vec!["metadata"], vec!["spec"]],
        "status" => vec![vec!["spec"]],
        _ => Vec::new(),
    }
}

/// Whether the kind has a status subresource.
pub fn has_status(kind: &Kind) -> bool {
    kind.subresource("status").is_some()
}

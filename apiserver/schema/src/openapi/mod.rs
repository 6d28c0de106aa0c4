//! OpenAPI documents: v3 for one group and version, v2 for all of them.
//!
//! They say what kubectl, Helm and generators need: the shape of every kind with the list and patch extensions, and
//! for every operation its kind, its action and the parameters it takes. `components` describes types, `paths`
//! operations; both serve both versions.

mod components;
mod descriptions;
mod paths;

use std::fmt::Write as _;
use std::sync::Arc;

use kubernel_meta::{GroupVersion, Gvk};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha512};

use crate::{Schema, Types};

/// A resource as a document describes it; what the server knows from the kind's descriptor.
#[derive(Clone, Debug)]
pub struct Resource {
    /// Group, version and kind.
    pub gvk: Gvk,
    /// The plural resource name.
    pub plural: String,
    /// Whether objects live in namespaces.
    pub namespaced: bool,
    /// The verbs of the main resource.
    pub verbs: Vec<String>,
    /// The shape of its objects.
    pub schema: Schema,
    /// The subresources.
    pub subresources: Vec<Subresource>,
}

/// A subresource of a [`Resource`].
#[derive(Clone, Debug)]
pub struct Subresource {
    /// The name after the slash.
    pub name: String,
    /// The kind that its requests and answers carry, where it is another than the parent's.
    pub gvk: Option<Gvk>,
    /// Its verbs.
    pub verbs: Vec<String>,
}

/// Which version of OpenAPI is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    V2,
    V3,
}

/// The OpenAPI v3 document of one group and version, of the resources that belong to it.
pub fn v3(group_version: &GroupVersion, resources: &[Resource]) -> Value {
    let mut components = components::Components::new(Dialect::V3, std::slice::from_ref(group_version));
    let mut paths = Map::new();
    for resource in resources {
        paths::add(&mut components, resource, &mut paths);
    }
    json!({
        "openapi": "3.0.0",
        "info": { "title": "Kubernetes", "version": "1.36" },
        "paths": paths,
        "components": {
            "schemas": components.finish(),
            "securitySchemes": {
                "BearerToken": {
                    "type": "apiKey", "name": "authorization", "in": "header",
                    "description": "A bearer token in the Authorization header.",
                },
            },
        },
    })
}

/// The OpenAPI v2 document of all resources.
pub fn v2(resources: &[Resource]) -> Value {
    let mut versions: Vec<GroupVersion> =
        resources.iter().map(|r| GroupVersion::new(r.gvk.group.as_str(), r.gvk.version.as_str())).collect();
    versions.sort();
    versions.dedup();
    let mut components = components::Components::new(Dialect::V2, &versions);
    let mut paths = Map::new();
    for resource in resources {
        paths::add(&mut components, resource, &mut paths);
    }
    json!({
        "swagger": "2.0",
        "info": { "title": "Kubernetes", "version": "v1.36" },
        "paths": paths,
        "definitions": components.finish(),
        "securityDefinitions": {
            "BearerToken": {
                "type": "apiKey", "name": "authorization", "in": "header",
                "description": "A bearer token in the Authorization header.",
            },
        },
        "security": [{ "BearerToken": [] }],
    })
}

/// The hash of a document, for `ETag` and for the `hash` parameter of its URL: SHA-512 in upper-case hexadecimal.
pub fn hash(document: &[u8]) -> String {
    let mut text = String::with_capacity(128);
    for byte in Sha512::digest(document) {
        let _ = write!(text, "{byte:02X}");
    }
    text
}

/// The struct of this definition among the built-in types, as a schema.
fn builtin_schema(definition: &str) -> Option<Schema> {
    let types: &Arc<Types> = crate::builtin();
    types.find(definition).map(|root| Schema { types: Arc::clone(types), root })
}

#[cfg(test)]
mod tests;

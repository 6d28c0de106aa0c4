//! OpenAPI documents: v3 for one group and version, v2 for all of them.
//!
//! They say what kubectl, Helm and generators need: the shape of every kind with the list and patch extensions, and
//! for every operation its kind, its action and the parameters it takes. `components` describes types; `paths`,
//! `subresources` and `discovery` say which operations there are, `operation` writes them down; all serve both versions. `binary` is both in protobuf.

mod binary;
mod components;
mod descriptions;
mod discovery;
mod operation;
mod parameters;
mod paths;
mod subresources;

use std::borrow::Cow;
use std::fmt::{Debug, Write as _};
use std::sync::Arc;

use kubernel_meta::{GroupVersion, Gvk};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha512};

use crate::Schema;

pub use binary::{v2_binary, v3_binary};

const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1";

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
    pub definition: Definition,
    /// The subresources.
    pub subresources: Vec<Subresource>,
    /// Whether a deletion answers with the object, not with a Status.
    pub deletion_shows_object: bool,
}

/// Where the schema of a resource's kind comes from.
#[derive(Clone, Debug)]
pub enum Definition {
    /// The tables of this crate.
    BuiltIn(Schema),
    /// A CustomResourceDefinition.
    Custom {
        /// The definition's name: `com.example.v1.Widget`.
        name: String,
        /// The kind of a list: `WidgetList`.
        list_kind: String,
        /// What the definition says of the kind's own fields.
        published: Arc<dyn Published>,
    },
}

/// The schemas of a custom resource, made when a document is. They say what only this kind has: `apiVersion`, `kind`,
/// `metadata` and the list kind are added.
pub trait Published: Debug + Send + Sync {
    /// As OpenAPI v3 has it.
    fn v3(&self) -> Value;

    /// Without what OpenAPI v2 cannot say.
    fn v2(&self) -> Value;
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

/// A path that is about no kind, with a v3 document of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fixed {
    /// `/api`.
    Core,
    /// `/apis`.
    Groups,
    /// `/apis/GROUP`.
    Group(String),
    /// `/version`.
    Version,
    /// `/.well-known/openid-configuration`.
    Issuer,
    /// `/openid/v1/jwks`.
    IssuerKeys,
}

/// Which version of OpenAPI is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    V2,
    V3,
}

impl Fixed {
    /// The document's name, which is also its path: `apis/apps`.
    pub fn name(&self) -> Cow<'static, str> {
        match self {
            Self::Core => "api".into(),
            Self::Groups => "apis".into(),
            Self::Group(group) => format!("apis/{group}").into(),
            Self::Version => "version".into(),
            Self::Issuer => ".well-known/openid-configuration".into(),
            Self::IssuerKeys => "openid/v1/jwks".into(),
        }
    }
}

impl Resource {
    fn is_custom(&self) -> bool {
        matches!(self.definition, Definition::Custom { .. })
    }
}

/// The OpenAPI v3 document of one group and version, of the resources that belong to it.
pub fn v3(version: &GroupVersion, resources: &[Resource]) -> Value {
    let mut components = components::Components::new(Dialect::V3, std::slice::from_ref(version));
    let mut paths = Map::new();
    if resources.iter().any(|resource| !resource.is_custom()) {
        discovery::add_version(&mut components, version, &mut paths);
    }
    for resource in resources {
        paths::add(&mut components, resource, &mut paths);
    }
    v3_document(components, paths)
}

/// The OpenAPI v3 document of a path that is about no kind.
pub fn v3_fixed(fixed: &Fixed) -> Value {
    let mut components = components::Components::new(Dialect::V3, &[]);
    let mut paths = Map::new();
    discovery::add_fixed(&mut components, fixed, &mut paths);
    v3_document(components, paths)
}

fn v3_document(components: components::Components, paths: Map<String, Value>) -> Value {
    let (schemas, _) = components.finish();
    let mut of_components = json!({ "securitySchemes": bearer_token() });
    if !schemas.is_empty() {
        of_components["schemas"] = Value::Object(schemas);
    }
    json!({ "openapi": "3.0.0", "info": info(), "paths": paths, "components": of_components })
}

/// The OpenAPI v2 document of all resources and of the paths that are about none.
pub fn v2(fixed: &[Fixed], resources: &[Resource]) -> Value {
    let version = |resource: &Resource| GroupVersion::new(&*resource.gvk.group, &*resource.gvk.version);
    let mut versions: Vec<GroupVersion> = resources.iter().map(version).collect();
    versions.sort();
    versions.dedup();
    let mut components = components::Components::new(Dialect::V2, &versions);
    let mut paths = Map::new();
    for one in fixed {
        discovery::add_fixed(&mut components, one, &mut paths);
    }
    for one in &versions {
        if resources.iter().any(|resource| !resource.is_custom() && version(resource) == *one) {
            discovery::add_version(&mut components, one, &mut paths);
        }
    }
    for resource in resources {
        paths::add(&mut components, resource, &mut paths);
    }
    let (definitions, parameters) = components.finish();
    json!({
        "swagger": "2.0",
        "info": info(),
        "paths": paths,
        "definitions": definitions,
        "parameters": parameters,
        "securityDefinitions": bearer_token(),
        "security": [{ "BearerToken": [] }],
    })
}

fn info() -> Value {
    json!({ "title": "Kubernetes", "version": "1.36" })
}

fn bearer_token() -> Value {
    let description = "A bearer token in the Authorization header.";
    json!({
        "BearerToken": { "type": "apiKey", "name": "authorization", "in": "header", "description": description },
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

#[cfg(test)]
mod tests;

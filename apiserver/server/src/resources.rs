//! The resources that the server serves, found by the words of a request's path.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use kubernel_kinds::Kind;
use kubernel_meta::{Gvk, Gvr};
use kubernel_schema::Schema;
use kubernel_schema::openapi::Definition;

use crate::crds::Custom;
use crate::discovery::{Documents, Hashed};

/// A kind that is served, with everything about it that is worked out once.
#[derive(Debug)]
pub struct Resource {
    /// The descriptor.
    pub kind: KindHandle,
    /// The shape of its objects.
    pub schema: Schema,
    /// What OpenAPI says of its objects: that shape, or what a CustomResourceDefinition declares.
    pub definition: Definition,
    /// Group, version and resource.
    pub gvr: Gvr,
    /// Group, version and kind.
    pub gvk: Gvk,
    /// `v1`, `apps/v1`.
    pub api_version: String,
    /// How the JSON of each of its objects begins: `{"kind":"Pod","apiVersion":"v1",`.
    pub head: String,
    /// How the JSON of stored objects begins, where they are stored as another kind's.
    pub stored_head: String,
    /// `/registry/core/pods/`.
    pub key_prefix: String,
    /// What is special about a custom resource.
    pub(crate) custom: Option<Custom>,
}

/// A descriptor, built in or made at run time.
#[derive(Clone, Debug)]
pub enum KindHandle {
    /// Part of the binary.
    BuiltIn(&'static Kind),
    /// A custom resource's.
    Custom(Arc<Kind>),
}

/// All resources that are served, in discovery's order.
#[derive(Debug, Default)]
pub struct Resources {
    all: Vec<Arc<Resource>>,
    by_path: HashMap<String, Arc<Resource>>,
    discovery: [OnceLock<Hashed>; 2],
    openapi: Documents,
}

impl KindHandle {
    /// Whether the kind is part of the binary.
    pub fn is_built_in(&self) -> bool {
        matches!(self, Self::BuiltIn(_))
    }
}

impl Deref for KindHandle {
    type Target = Kind;

    fn deref(&self) -> &Kind {
        match self {
            Self::BuiltIn(kind) => kind,
            Self::Custom(kind) => kind,
        }
    }
}

impl Resource {
    /// What is worked out once of a kind.
    pub fn new(kind: KindHandle, schema: Schema) -> Self {
        let (gvr, gvk, api_version) = (kind.gvr(), kind.gvk(), kind.api_version());
        let head = format!("{{\"kind\":\"{}\",\"apiVersion\":\"{api_version}\",", gvk.kind);
        let (group, plural) = kind.storage_key();
        let group_word = if group.is_empty() { "core" } else { group };
        let key_prefix = format!("/registry/{group_word}/{plural}/");
        let stored_head = match kind.stored_as {
            Some(stored) => {
                let api_version = Gvk::new(stored.group, stored.version, "").api_version();
                format!("{{\"kind\":\"{}\",\"apiVersion\":\"{api_version}\",", gvk.kind)
            }
            None => head.clone(),
        };
        let definition = Definition::BuiltIn(schema.clone());
        Self { kind, schema, definition, gvr, gvk, api_version, head, stored_head, key_prefix, custom: None }
    }

    /// The same of a custom resource, whose OpenAPI its own schema says.
    pub(crate) fn custom(kind: Kind, schema: Schema, custom: Custom) -> Self {
        let definition = Definition::Custom {
            name: kind.definition.to_string(),
            list_kind: kind.list_kind(),
            published: custom.structural.clone(),
        };
        Self { definition, custom: Some(custom), ..Self::new(KindHandle::Custom(Arc::new(kind)), schema) }
    }

    /// The key of an object.
    pub fn key(&self, namespace: &str, name: &str) -> Arc<str> {
        if self.kind.namespaced {
            format!("{}{namespace}/{name}", self.key_prefix).into()
        } else {
            format!("{}{name}", self.key_prefix).into()
        }
    }

    /// What the keys of a collection start with; no namespace is all of them.
    pub fn collection_prefix(&self, namespace: &str) -> String {
        if self.kind.namespaced && !namespace.is_empty() {
            format!("{}{namespace}/", self.key_prefix)
        } else {
            self.key_prefix.clone()
        }
    }
}

impl Resources {
    /// The table of these resources.
    pub fn new(all: Vec<Arc<Resource>>) -> Self {
        let openapi = Documents::new(&all, None);
        Self::with(all, openapi)
    }

    /// The table that comes after this one. What both have is not described again.
    pub fn followed_by(&self, all: Vec<Arc<Resource>>) -> Self {
        let openapi = Documents::new(&all, Some(&self.openapi));
        Self::with(all, openapi)
    }

    fn with(all: Vec<Arc<Resource>>, openapi: Documents) -> Self {
        let by_path = all
            .iter()
            .map(|resource| {
                (path(&resource.gvr.group, &resource.gvr.version, &resource.gvr.resource), resource.clone())
            })
            .collect();
        Self { all, by_path, discovery: Default::default(), openapi }
    }

    /// The resource of a path's words.
    pub fn find(&self, group: &str, version: &str, resource: &str) -> Option<&Arc<Resource>> {
        self.by_path.get(&path(group, version, resource))
    }

    /// The resource of a group, whatever its version.
    pub fn find_in_group(&self, group: &str, resource: &str) -> Option<&Arc<Resource>> {
        self.all.iter().find(|found| found.gvr.group == group && found.gvr.resource == resource)
    }

    /// The resource of a kind.
    pub fn find_kind(&self, api_version: &str, kind: &str) -> Option<&Arc<Resource>> {
        self.all.iter().find(|found| found.api_version == api_version && found.gvk.kind == kind)
    }

    /// Whether any resource has this group and version.
    pub fn has_version(&self, group: &str, version: &str) -> bool {
        self.all.iter().any(|found| found.gvr.group == group && found.gvr.version == version)
    }

    /// The groups with their versions, in discovery's order; the core group is the empty string.
    pub fn groups(&self) -> Vec<(&str, Vec<&str>)> {
        let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
        for resource in &self.all {
            let (group, version) = (resource.gvr.group.as_str(), resource.gvr.version.as_str());
            match groups.iter_mut().find(|(known, _)| *known == group) {
                Some((_, versions)) if versions.contains(&version) => {}
                Some((_, versions)) => versions.push(version),
                None => groups.push((group, vec![version])),
            }
        }
        groups
    }

    /// The aggregated discovery document of the core group or of all others, made when it is first asked for.
    pub(crate) fn discovery(&self, core: bool, make: impl FnOnce() -> Hashed) -> &Hashed {
        self.discovery[usize::from(core)].get_or_init(make)
    }

    /// The OpenAPI documents of these resources.
    pub(crate) fn openapi(&self) -> &Documents {
        &self.openapi
    }

    /// All of them, in discovery's order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Resource>> {
        self.all.iter()
    }
}

fn path(group: &str, version: &str, resource: &str) -> String {
    format!("{group}/{version}/{resource}")
}

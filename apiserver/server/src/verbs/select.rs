//! Selectors against the store's index: no object is parsed.

use kubernel_meta::{ApiError, FieldSelector, LabelSelector, ListOptions};
use kubernel_store::{Entry, Index};

use crate::resources::Resource;

use super::fanout::Topic;

/// What a list or watch lets through.
pub(crate) struct Select {
    labels: LabelSelector,
    fields: FieldSelector,
    /// The resource's own fields that the selector names, each with its place in the index.
    known: Vec<(String, usize)>,
    namespaced: bool,
    prefix: usize,
}

impl Select {
    /// Checks that the fields exist.
    pub(crate) fn new(resource: &Resource, options: &ListOptions) -> Result<Self, ApiError> {
        let known = resource.kind.strategy.selectable_fields();
        let mut named = Vec::new();
        for (field, ..) in &options.fields.terms {
            let meta = matches!(field.as_str(), "metadata.name" | "metadata.namespace");
            if let Some(place) = known.iter().position(|known| known == field) {
                named.push((field.clone(), place));
            } else if !meta {
                return Err(ApiError::bad_request(if known.is_empty() && resource.custom.is_none() {
                    format!("{field:?} is not a known field selector: only \"metadata.name\", \"metadata.namespace\"")
                } else {
                    resource.kind.strategy.unknown_field(field)
                }));
            }
        }
        Ok(Self {
            labels: options.labels.clone(),
            fields: options.fields.clone(),
            known: named,
            namespaced: resource.kind.namespaced,
            prefix: resource.key_prefix.len(),
        })
    }

    /// Whether everything passes.
    pub(crate) fn is_everything(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// The one name that can pass, where the field selector asks for one.
    pub(crate) fn name(&self) -> Option<&str> {
        self.fields.exact("metadata.name").filter(|name| !name.is_empty() && !name.contains('/'))
    }

    /// The one namespace that can pass, where the field selector asks for one.
    pub(crate) fn namespace(&self) -> Option<&str> {
        self.fields.exact("metadata.namespace").filter(|name| !name.is_empty() && !name.contains('/'))
    }

    /// What alone can pass, where the field selector says so: one object, or one value of the resource's own fields.
    pub(super) fn topic(&self, resource: &Resource, namespace: &str) -> Option<Topic> {
        if let Some(name) = self.name().filter(|_| !self.namespaced || !namespace.is_empty()) {
            return Some(Topic::Key(resource.key(namespace, name)));
        }
        // The index of a custom object may be that of another version.
        if resource.custom.is_some() {
            return None;
        }
        self.known.iter().find_map(|(field, place)| {
            let value = self.fields.exact(field)?;
            Some(Topic::Field(*place, value.into()))
        })
    }

    /// Whether a stored object passes.
    pub(crate) fn entry(&self, entry: &Entry) -> bool {
        self.matches(entry.key.get(self.prefix..).unwrap_or_default(), &entry.index)
    }

    /// Whether an object of this path below the resource's prefix (`namespace/name` or `name`) and index passes.
    pub(crate) fn matches(&self, path: &str, index: &Index) -> bool {
        let label = |key: &str| {
            let place = index.labels.binary_search_by(|(known, _)| (**known).cmp(key)).ok()?;
            Some(&*index.labels[place].1)
        };
        if !self.labels.is_empty() && !self.labels.matches(label) {
            return false;
        }
        if self.fields.is_empty() {
            return true;
        }
        let (namespace, name) = if self.namespaced { path.split_once('/').unwrap_or(("", path)) } else { ("", path) };
        self.fields.matches(|field| match field {
            "metadata.name" => Some(name),
            "metadata.namespace" => Some(namespace),
            own => {
                let (_, place) = self.known.iter().find(|(known, _)| known == own)?;
                index.fields.get(*place).map(|value| &**value)
            }
        })
    }
}

//! What a custom resource does in the write pipeline: its schema's defaults and rules, its status, its generation.

use std::sync::Arc;

use jiff::Timestamp;
use kubernel_meta::{Object, field, validation};
use kubernel_structural::Structural;
use serde_json::Value;

use super::json_path::to_text;
use super::scale::find;
use super::{Columns, ScalePaths, Version};
use crate::{Kind, Strategy, strategy};

/// Finalizers that need no domain.
const STANDARD_FINALIZERS: [&str; 3] = ["kubernetes", "orphan", "foregroundDeletion"];

/// The strategy of one version of a custom resource.
#[derive(Debug)]
pub struct CustomStrategy {
    structural: Arc<Structural>,
    columns: Columns,
    scale: Option<ScalePaths>,
    selectable: Vec<(String, Vec<String>)>,
    deprecated: Option<String>,
}

impl CustomStrategy {
    /// The strategy of a version whose schema is this one.
    pub fn new(version: &Version, structural: Arc<Structural>) -> Self {
        let path = |text: &String| text.split('.').map(str::to_owned).collect();
        Self {
            structural,
            columns: Columns::read(&version.columns),
            scale: version.scale.clone(),
            selectable: version.selectable_fields.iter().map(|text| (text.clone(), path(text))).collect(),
            deprecated: version.deprecated.clone(),
        }
    }

    /// The schema.
    pub fn structural(&self) -> &Arc<Structural> {
        &self.structural
    }

    fn scale_errors(&self, object: &Object, spec: bool) -> Vec<field::Error> {
        self.scale.as_ref().map(|scale| scale.validate(object, spec, true)).unwrap_or_default()
    }
}

impl Strategy for CustomStrategy {
    fn default(&self, _kind: &Kind, object: &mut Object) {
        self.structural.default(object);
    }

    fn prepare_create(&self, kind: &Kind, object: &mut Object) {
        if strategy::has_status(kind) {
            object.remove(&["status"]);
        }
        object.set(&["metadata", "generation"], 1);
    }

    /// Whatever changes besides metadata counts, `status` too where that is no subresource.
    fn prepare_update(&self, kind: &Kind, new: &mut Object, old: &Object) {
        if strategy::has_status(kind) {
            strategy::copy_field(new, old, "status");
        }
        let content = |object: &Object| object.map().len() - usize::from(object.map().contains_key("metadata"));
        let same = content(new) == content(old)
            && new.map().iter().all(|(key, value)| key == "metadata" || old.map().get(key) == Some(value));
        if !same {
            new.set(&["metadata", "generation"], old.generation() + 1);
        }
    }

    /// A write to `status` changes that alone, and who owns what.
    fn prepare_subresource_update(&self, _kind: &Kind, _subresource: &str, new: &mut Object, old: &Object) {
        const OWNERS: [&str; 2] = ["metadata", "managedFields"];
        let (status, owners) = (new.remove(&["status"]), new.remove(&OWNERS));
        *new = old.clone();
        for (path, value) in [(&["status"][..], status), (&OWNERS[..], owners)] {
            match value {
                Some(value) => new.set(path, value),
                None => drop(new.remove(path)),
            }
        }
    }

    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        let mut errors = self.structural.validate(object);
        errors.extend(self.scale_errors(object, true));
        errors
    }

    fn validate_update(&self, kind: &Kind, new: &Object, old: &Object) -> Vec<field::Error> {
        self.judge_update(kind, "", new, old).0
    }

    fn validate_subresource_update(
        &self,
        kind: &Kind,
        subresource: &str,
        new: &Object,
        old: &Object,
    ) -> Vec<field::Error> {
        self.judge_update(kind, subresource, new, old).0
    }

    fn judge_update(
        &self,
        _kind: &Kind,
        subresource: &str,
        new: &Object,
        old: &Object,
    ) -> (Vec<field::Error>, Vec<String>) {
        let (mut errors, let_through) = match subresource {
            "" => self.structural.validate_update(new, old),
            _ => self.structural.validate_status_update(new, old),
        };
        errors.extend(self.scale_errors(new, subresource.is_empty()));
        (errors, let_through.iter().map(ToString::to_string).collect())
    }

    /// Finalizers that were added and may clash with somebody else's.
    fn warnings(&self, _kind: &Kind, object: &Object, old: Option<&Object>) -> Vec<String> {
        let known = |name: &str| old.is_some_and(|old| old.finalizers().any(|known| known == name));
        let mut added: Vec<&str> = object.finalizers().filter(|name| !known(name)).collect();
        added.sort_unstable();
        added.dedup();
        let mut out = Vec::new();
        for name in added {
            let says = |text: &str| format!("metadata.finalizers: {name:?}: {text}");
            out.extend(validation::label_key(name).iter().map(|text| says(text)));
            if !name.contains('/') && !STANDARD_FINALIZERS.contains(&name) {
                out.push(says(
                    "prefer a domain-qualified finalizer name including a path (/) to avoid accidental conflicts with \
                     other finalizer writers",
                ));
            }
        }
        out
    }

    fn deprecated(&self) -> Option<&str> {
        self.deprecated.as_deref()
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        self.columns.cells(object, now)
    }

    fn selectable_fields(&self) -> Vec<&str> {
        self.selectable.iter().map(|(text, _)| text.as_str()).collect()
    }

    fn field_values(&self, object: &Object) -> Vec<String> {
        let text = |path: &Vec<String>| find(object, path).filter(|value| !value.is_null()).map(to_text);
        self.selectable.iter().map(|(_, path)| text(path).unwrap_or_default()).collect()
    }

    fn allow_unconditional_update(&self) -> bool {
        false
    }

    fn scale_paths(&self) -> Option<&ScalePaths> {
        self.scale.as_ref()
    }
}

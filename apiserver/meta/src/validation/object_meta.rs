//! Object metadata: what every kind's validation has in common (ValidateObjectMeta, ValidateObjectMetaUpdate).

use serde_json::Value;

use super::name::{dns1123_label, label_key, label_value};
use crate::Object;
use crate::field::{Error, Path, Reason, go_quoted, is_printed};

const ANNOTATIONS_SIZE_MAX: usize = 256 * 1024;
const FIELD_MANAGER_LENGTH_MAX: usize = 128;
const SUBRESOURCE_LENGTH_MAX: usize = 256;
const STANDARD_FINALIZERS: [&str; 3] = ["kubernetes", "orphan", "foregroundDeletion"];
const IMMUTABLE: &str = "field is immutable";

/// What is wrong with a new object's metadata, its name already generated. `name_errors(name, is_prefix)` is the
/// kind's own rule for names.
pub fn object_meta(object: &Object, namespaced: bool, name_errors: impl Fn(&str, bool) -> Vec<String>) -> Vec<Error> {
    let path = Path::root("metadata");
    let mut errors = Vec::new();
    let prefix = object.str_at(&["metadata", "generateName"]);
    if !prefix.is_empty() {
        let at = path.child("generateName");
        errors.extend(name_errors(prefix, true).into_iter().map(|message| at.invalid(prefix, message)));
    }
    let at = path.child("name");
    if object.name().is_empty() {
        errors.push(at.required("name or generateName is required"));
    } else {
        let messages = name_errors(object.name(), false);
        errors.extend(messages.into_iter().map(|message| at.invalid(object.name(), message)));
    }
    let (namespace, at) = (object.namespace(), path.child("namespace"));
    if namespaced && namespace.is_empty() {
        errors.push(at.required(""));
    } else if namespaced {
        errors.extend(dns1123_label(namespace).into_iter().map(|message| at.invalid(namespace, message)));
    } else if !namespace.is_empty() {
        errors.push(at.forbidden("not allowed on this type"));
    }
    if object.generation() < 0 {
        errors.push(path.child("generation").invalid(object.generation(), "must be greater than or equal to 0"));
    }
    errors.extend(labels(object.labels(), &path.child("labels")));
    errors.extend(annotations(object.annotations(), &path.child("annotations")));
    errors.extend(owner_references(object, &path.child("ownerReferences")));
    errors.extend(finalizers(object, &path.child("finalizers")));
    errors.extend(managed_fields(object, &path.child("managedFields")));
    errors
}

/// What is wrong with a change of metadata: what may not change, and what the new metadata says.
pub fn object_meta_update(new: &Object, old: &Object) -> Vec<Error> {
    let path = Path::root("metadata");
    let mut errors = Vec::new();
    if old.deletion_timestamp().is_some() {
        let mut extra: Vec<&str> = new.finalizers().filter(|name| !old.finalizers().any(|o| o == *name)).collect();
        extra.sort_unstable();
        extra.dedup();
        if !extra.is_empty() {
            let list: Vec<String> = extra.iter().map(|name| go_quoted(name)).collect();
            errors.push(path.child("finalizers").forbidden(format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                list.join(", ")
            )));
        }
    }
    if new.resource_version().is_empty() {
        errors.push(path.child("resourceVersion").invalid("", "must be specified for an update"));
    }
    if new.generation() < old.generation() {
        errors.push(path.child("generation").invalid(new.generation(), "must not be decremented"));
    }
    const FIXED: [&str; 6] =
        ["name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"];
    for name in FIXED {
        let (new, old) = (new.at(&["metadata", name]), old.at(&["metadata", name]));
        errors.extend(immutable_field(new, old, &path.child(name)));
    }
    errors.extend(labels(new.labels(), &path.child("labels")));
    errors.extend(annotations(new.annotations(), &path.child("annotations")));
    errors.extend(owner_references(new, &path.child("ownerReferences")));
    errors.extend(managed_fields(new, &path.child("managedFields")));
    errors
}

/// What is wrong with finalizers of a built-in kind, beyond [`finalizers`]: names without a domain must be known ones.
pub fn standard_finalizers(object: &Object) -> Vec<Error> {
    let path = Path::root("metadata").child("finalizers");
    let odd = object.finalizers().enumerate();
    odd.filter(|(_, name)| !name.contains('/') && !STANDARD_FINALIZERS.contains(name))
        .map(|(index, name)| {
            path.index(index).invalid(name, "name is neither a standard finalizer name nor is it fully qualified")
        })
        .collect()
}

/// `field is immutable` where two values differ; nothing, null and Go's zero values are the same.
pub fn immutable_field(new: Option<&Value>, old: Option<&Value>, path: &Path) -> Option<Error> {
    let set = |value: Option<&Value>| value.filter(|value| !value.is_null() && *value != "").cloned();
    let (new, old) = (set(new), set(old));
    (new != old).then(|| path.invalid(new.unwrap_or(Value::Null), IMMUTABLE))
}

/// What is wrong with labels, given as pairs.
pub fn labels<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>, path: &Path) -> Vec<Error> {
    let mut errors = Vec::new();
    for (key, value) in pairs {
        errors.extend(label_key(key).into_iter().map(|message| path.invalid(key, message)));
        errors.extend(label_value(value).into_iter().map(|message| path.invalid(value, message)));
    }
    errors
}

/// What is wrong with annotations, given as pairs: keys are qualified names in any case, all together at most 256 KiB.
pub fn annotations<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>, path: &Path) -> Vec<Error> {
    let mut errors = Vec::new();
    let mut size = 0;
    for (key, value) in pairs {
        errors.extend(label_key(&key.to_lowercase()).into_iter().map(|message| path.invalid(key, message)));
        size += key.len() + value.len();
    }
    if size > ANNOTATIONS_SIZE_MAX {
        errors.push(path.too_long(ANNOTATIONS_SIZE_MAX));
    }
    errors
}

/// What is wrong with an object's owner references; the paths carry no index, as upstream's do not.
pub fn owner_references(object: &Object, path: &Path) -> Vec<Error> {
    let mut errors = Vec::new();
    let mut controller = None;
    for (index, owner) in object.owner_references().enumerate() {
        let version = owner.api_version.rsplit_once('/').map_or(owner.api_version, |(_, version)| version);
        if version.is_empty() || owner.api_version.matches('/').count() > 1 {
            errors.push(path.child("apiVersion").invalid(owner.api_version, "version must not be empty"));
        }
        for (name, value) in [("kind", owner.kind), ("name", owner.name), ("uid", owner.uid)] {
            if value.is_empty() {
                errors.push(path.child(name).invalid(value, "must not be empty"));
            }
        }
        if (owner.api_version, owner.kind) == ("v1", "Event") {
            let value = object.list_at(&["metadata", "ownerReferences"])[index].clone();
            errors.push(path.invalid(value, "/v1, Kind=Event is disallowed from being an owner"));
        }
        if owner.controller {
            let name = format!("{}/{}", owner.kind, owner.name);
            match &controller {
                None => controller = Some(name),
                Some(first) => {
                    let detail = format!(
                        "Only one reference can have Controller set to true. Found \"true\" in references for \
                         {first} and {name}"
                    );
                    let list = object.list_at(&["metadata", "ownerReferences"]);
                    let shown: Vec<String> = list.iter().map(owner_as_go_prints_it).collect();
                    errors.push(path.invalid(list.to_vec(), detail).shown_as(format!("[{}]", shown.join(","))));
                }
            }
        }
    }
    errors
}

/// An owner reference as JSON with the fields in the order of Go's struct.
fn owner_as_go_prints_it(owner: &Value) -> String {
    const ORDER: [&str; 6] = ["apiVersion", "kind", "name", "uid", "controller", "blockOwnerDeletion"];
    let fields = ORDER.iter().filter_map(|name| Some(format!("\"{name}\":{}", owner.get(*name)?)));
    format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
}

/// What is wrong with an object's finalizers.
pub fn finalizers(object: &Object, path: &Path) -> Vec<Error> {
    let mut errors = Vec::new();
    for name in object.finalizers() {
        errors.extend(label_key(name).into_iter().map(|message| path.invalid(name, message)));
    }
    let has = |wanted: &str| object.finalizers().any(|name| name == wanted);
    if has("orphan") && has("foregroundDeletion") {
        let value = object.at(&["metadata", "finalizers"]).cloned().unwrap_or_default();
        errors.push(path.invalid(value, "finalizer orphan and foregroundDeletion cannot be both set"));
    }
    errors
}

/// What is wrong with an object's managedFields.
pub fn managed_fields(object: &Object, path: &Path) -> Vec<Error> {
    let mut errors = Vec::new();
    for (index, entry) in object.list_at(&["metadata", "managedFields"]).iter().enumerate() {
        let path = path.index(index);
        let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default();
        if !matches!(text("operation"), "Apply" | "Update") {
            errors.push(path.child("operation").invalid(text("operation"), "must be `Apply` or `Update`"));
        }
        if !matches!(text("fieldsType"), "" | "FieldsV1") {
            errors.push(path.child("fieldsType").invalid(text("fieldsType"), "must be `FieldsV1`"));
        }
        errors.extend(field_manager(text("manager"), &path.child("manager")));
        if text("subresource").len() > SUBRESOURCE_LENGTH_MAX {
            errors.push(path.child("subresource").too_long(SUBRESOURCE_LENGTH_MAX));
        }
    }
    errors
}

/// What is wrong with the name of a field manager.
pub fn field_manager(name: &str, path: &Path) -> Vec<Error> {
    let mut errors = Vec::new();
    if name.len() > FIELD_MANAGER_LENGTH_MAX {
        errors.push(path.too_long(FIELD_MANAGER_LENGTH_MAX));
    }
    for (position, odd) in name.char_indices().filter(|(_, c)| !is_printed(*c)) {
        let detail = format!("invalid character U+{:04X} (at position {position})", u32::from(odd));
        errors.push(path.error(Reason::Invalid, name, detail));
    }
    errors
}

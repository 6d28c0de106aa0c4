//! Environment variables and where they come from.

use std::collections::HashMap;

use kubernel_meta::field::{Error, Path};
use kubernel_meta::validation as meta;
use serde_json::Value;

use super::{all_containers, references};
use crate::core::volume_paths;
use crate::tree::{items, set, text};
use crate::validate::texts;

/// What is wrong with `env`.
pub(super) fn variables(path: &Path, container: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    for (i, variable) in items(container, "env").iter().enumerate() {
        let (at, name) = (path.index(i), text(variable, "name"));
        if name.is_empty() {
            errors.push(at.child("name").required(""));
        } else {
            errors.extend(texts(&at.child("name"), name, meta::relaxed_env_var_name(name)));
        }
        if let Some(from) = set(variable, "valueFrom") {
            errors.extend(value_from(&at.child("valueFrom"), from, text(variable, "value")));
        }
    }
    errors
}

fn value_from(path: &Path, from: &Value, value: &str) -> Vec<Error> {
    let mut errors = Vec::new();
    let mut sources = 0;
    let mut source = |key: &str, check: &dyn Fn(&Path, &Value) -> Vec<Error>| {
        if let Some(source) = set(from, key) {
            sources += 1;
            errors.extend(check(&path.child(key), source));
        }
    };
    source("fieldRef", &|path, value| references::field(path, value, &references::ENV_FIELDS));
    source("resourceFieldRef", &|path, value| references::resource(path, value, false));
    source("configMapKeyRef", &key_reference);
    source("secretKeyRef", &key_reference);
    source("fileKeyRef", &file_key_reference);
    if sources == 0 {
        let detail =
            "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`";
        errors.push(path.invalid("", detail));
    } else if !value.is_empty() {
        errors.push(path.invalid("", "may not be specified when `value` is not empty"));
    } else if sources > 1 {
        errors.push(path.invalid("", "may not have more than one field specified at a time"));
    }
    errors
}

fn key_reference(path: &Path, reference: &Value) -> Vec<Error> {
    let (name, key) = (text(reference, "name"), text(reference, "key"));
    let mut errors: Vec<Error> = texts(&path.child("name"), name, meta::dns1123_subdomain(name)).collect();
    if key.is_empty() {
        errors.push(path.child("key").required(""));
    } else {
        errors.extend(texts(&path.child("key"), key, meta::config_map_key(key)));
    }
    errors
}

/// A key of a file, in a volume that the container need not mount.
fn file_key_reference(path: &Path, reference: &Value) -> Vec<Error> {
    let field = |name: &str, rule: fn(&Path, &str) -> Vec<Error>| {
        let (at, value) = (path.child(name), text(reference, name));
        if value.is_empty() { vec![at.required("")] } else { rule(&at, value) }
    };
    let mut errors = field("key", |at, key| texts(at, key, meta::relaxed_env_var_name(key)).collect());
    errors.extend(field("volumeName", |at, name| texts(at, name, meta::dns1123_label(name)).collect()));
    errors.extend(field("path", |at, target| volume_paths::no_backsteps(at, target).into_iter().collect()));
    errors
}

/// Files of variables lie in the Pod's `emptyDir` volumes.
pub(super) fn files(path: &Path, spec: &Value) -> Vec<Error> {
    let volumes: HashMap<&str, &Value> =
        items(spec, "volumes").iter().map(|volume| (text(volume, "name"), volume)).collect();
    let mut errors = Vec::new();
    for (at, container) in all_containers(path, spec) {
        for (i, variable) in items(container, "env").iter().enumerate() {
            let Some(reference) = variable.pointer("/valueFrom/fileKeyRef").filter(|found| found.is_object()) else {
                continue;
            };
            let at = at.child("env").index(i).child("valueFrom").child("fileKeyRef").child("volumeName");
            let name = text(reference, "volumeName");
            match volumes.get(name) {
                None => errors.push(at.not_found(name)),
                Some(volume) if set(volume, "emptyDir").is_none() => {
                    errors.push(at.invalid(name, "referenced volume must be of type emptyDir"));
                }
                Some(_) => {}
            }
        }
    }
    errors
}

/// What is wrong with `envFrom`.
pub(super) fn sources(path: &Path, container: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    for (i, from) in items(container, "envFrom").iter().enumerate() {
        let (at, prefix) = (path.index(i), text(from, "prefix"));
        if !prefix.is_empty() {
            errors.extend(texts(&at.child("prefix"), prefix, meta::relaxed_env_var_name(prefix)));
        }
        let mut sources = 0;
        for key in ["configMapRef", "secretRef"] {
            let Some(reference) = set(from, key) else { continue };
            sources += 1;
            let (name, at) = (text(reference, "name"), at.child(key).child("name"));
            if name.is_empty() {
                errors.push(at.required(""));
            } else {
                errors.extend(texts(&at, name, meta::dns1123_subdomain(name)));
            }
        }
        // Upstream leaves the index out here.
        if sources == 0 {
            errors.push(path.invalid("", "must specify one of: `configMapRef` or `secretRef`"));
        } else if sources > 1 {
            errors.push(path.invalid("", "may not have more than one field specified at a time"));
        }
    }
    errors
}

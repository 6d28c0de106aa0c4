//! Environment variables and where they come from.

use kubernel_meta::field::{Error, Path};
use kubernel_meta::validation as meta;
use serde_json::Value;

use super::references;
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
    source("fileKeyRef", &|_, _| Vec::new());
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

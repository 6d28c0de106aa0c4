//! What the rules of devices share: lists, names, taints, and what stays as it is.

use std::collections::HashSet;

use kubernel_meta::field::{Error, Path};
use kubernel_meta::{Object, validation as meta};
use serde_json::{Map, Value};

use crate::go_form;
use crate::tree::{set, text};
use crate::validate;

/// Requests, constraints, configurations, selectors: of none may be more.
pub(super) const ITEMS_MAX: usize = 32;
const BINDING_CONDITIONS_MAX: usize = 4;
const RULE_CONDITIONS_MAX: usize = 8;
const DRIVER_LENGTH_MAX: usize = 63;
const POOL_LENGTH_MAX: usize = 253;
const DOMAIN_LENGTH_MAX: usize = 63;
const IDENTIFIER_LENGTH_MAX: usize = 32;
const EFFECTS: [&str; 3] = ["NoExecute", "NoSchedule", "None"];

/// What is wrong with each item; a list that is too long is not looked at.
pub(super) fn each(
    path: &Path,
    items: &[Value],
    items_max: usize,
    errors: impl Fn(&Path, &Value) -> Vec<Error>,
) -> Vec<Error> {
    if items.len() > items_max {
        return vec![path.too_many(items.len(), items_max)];
    }
    items.iter().enumerate().flat_map(|(at, item)| errors(&path.index(at), item)).collect()
}

/// What is wrong with each item of a list in which no key is there twice.
pub(super) fn unique(
    path: &Path,
    items: &[Value],
    items_max: usize,
    errors: impl Fn(&Path, &Value) -> Vec<Error>,
    key: impl Fn(&Value) -> Value,
) -> Vec<Error> {
    let mut out = each(path, items, items_max, errors);
    if items.len() <= items_max {
        let mut seen = HashSet::new();
        let keys = items.iter().map(key).enumerate();
        out.extend(
            keys.filter(|(_, key)| !seen.insert(key.to_string())).map(|(at, key)| path.index(at).duplicate(key)),
        );
    }
    out
}

/// What is wrong with the name of a driver.
pub(super) fn driver(path: &Path, name: &str) -> Vec<Error> {
    if name.is_empty() {
        return vec![path.required("")];
    }
    let too_long = (name.len() > DRIVER_LENGTH_MAX).then(|| path.too_long(DRIVER_LENGTH_MAX));
    too_long.into_iter().chain(validate::texts(path, name, meta::dns1123_subdomain(&name.to_lowercase()))).collect()
}

/// What is wrong with a name that is a DNS label.
pub(super) fn label(path: &Path, name: &str) -> Vec<Error> {
    if name.is_empty() {
        return vec![path.required("")];
    }
    validate::texts(path, name, meta::dns1123_label(name)).collect()
}

/// What is wrong with the name of a pool: subdomains with slashes between.
pub(super) fn pool(path: &Path, name: &str) -> Vec<Error> {
    if name.is_empty() {
        return vec![path.required("")];
    }
    let mut errors = Vec::new();
    if name.len() > POOL_LENGTH_MAX {
        errors.push(path.too_long(POOL_LENGTH_MAX));
    }
    for part in name.split('/') {
        errors.extend(validate::texts(path, part, meta::dns1123_subdomain(part)));
    }
    errors
}

/// What is wrong with the name of an attribute or a capacity: an identifier, after a driver's name and a slash or alone.
pub(super) fn qualified_name(path: &Path, name: &str) -> Vec<Error> {
    let parts: Vec<&str> = name.split('/').collect();
    match parts[..] {
        [id] => identifier(path, id),
        [domain, id] => {
            let mut errors = match domain {
                "" => vec![path.invalid("", "the domain must not be empty")],
                domain => driver(path, domain),
            };
            match id {
                "" => errors.push(path.invalid("", "the name must not be empty")),
                id => errors.extend(identifier(path, id)),
            }
            errors
        }
        // Upstream lets more slashes pass.
        _ => Vec::new(),
    }
}

fn identifier(path: &Path, id: &str) -> Vec<Error> {
    let too_long = (id.len() > IDENTIFIER_LENGTH_MAX).then(|| path.too_long(IDENTIFIER_LENGTH_MAX));
    too_long.into_iter().chain(validate::texts(path, id, meta::c_identifier(id))).collect()
}

/// The path of an entry in a map by names of attributes; a long name is shown without its middle.
pub(super) fn key(path: &Path, name: &str) -> Path {
    const LENGTH_MAX: usize = DOMAIN_LENGTH_MAX + 1 + IDENTIFIER_LENGTH_MAX;
    key_within(path, name, LENGTH_MAX)
}

/// The same for other lengths.
pub(super) fn key_within(path: &Path, name: &str, length_max: usize) -> Path {
    let kept = length_max - 3;
    match (name.get(..kept.div_ceil(2)), name.get(name.len().saturating_sub(kept / 2)..)) {
        (Some(begin), Some(end)) if name.len() > length_max => path.key(&format!("{begin}...{end}")),
        _ => path.key(name),
    }
}

/// What is wrong with an object of any form that only a driver understands.
pub(super) fn raw(path: &Path, value: Option<&Value>, bytes_max: usize) -> Option<Error> {
    match value {
        None | Some(Value::Null) => Some(path.required("")),
        Some(value) if value.to_string().len() > bytes_max => Some(path.too_long(bytes_max)),
        Some(Value::Object(_)) => None,
        Some(_) => Some(path.invalid("<value omitted>", "must be a valid JSON object")),
    }
}

/// What is wrong with the conditions that binding waits for, and with those on which it fails.
pub(super) fn binding_conditions(path: &Path, device: &Value) -> Vec<Error> {
    let (wanted, failing) = ("bindingConditions", "bindingFailureConditions");
    let list = |field: &str| device.get(field).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut errors = Vec::new();
    for field in [wanted, failing] {
        let name = |path: &Path, name: &Value| {
            let name = name.as_str().unwrap_or_default();
            validate::texts(path, name, meta::label_key(name)).collect()
        };
        errors.extend(each(&path.child(field), list(field), BINDING_CONDITIONS_MAX, name));
    }
    for field in [wanted, failing] {
        for (at, name) in list(field).iter().enumerate() {
            let at_path = path.child(field).index(at);
            if list(field)[..at].contains(name) {
                errors.push(at_path.duplicate(name.clone()));
            }
            if field == failing && list(wanted).contains(name) {
                let detail = "bindingFailureConditions must not overlap with bindingConditions";
                errors.push(at_path.invalid(name.clone(), detail));
            }
        }
    }
    for (one, other) in [(wanted, failing), (failing, wanted)] {
        if list(one).is_empty() && !list(other).is_empty() {
            let shown = if device.get(one).is_some_and(Value::is_array) { "[]" } else { "null" };
            let detail = format!("{one} are required to use {other}");
            errors.push(path.child(one).invalid(Value::Null, detail).shown_as(shown));
        }
    }
    errors
}

/// What is wrong with a rule that taints devices.
pub(super) fn taint_rule(object: &Object) -> Vec<Error> {
    let path = Path::root("spec");
    let spec = object.at(&["spec"]).unwrap_or(&Value::Null);
    let mut errors = Vec::new();
    if let Some(selector) = set(spec, "deviceSelector") {
        let (path, of) = (path.child("deviceSelector"), |field: &str| selector.get(field).and_then(Value::as_str));
        errors.extend(of("driver").into_iter().flat_map(|name| driver(&path.child("driver"), name)));
        errors.extend(of("pool").into_iter().flat_map(|name| pool(&path.child("pool"), name)));
        errors.extend(of("device").into_iter().flat_map(|name| label(&path.child("device"), name)));
    }
    errors.extend(taint(&path.child("taint"), spec.get("taint").unwrap_or(&Value::Null)));
    errors
}

/// What is wrong with the status of such a rule.
pub(super) fn taint_rule_status(object: &Object) -> Vec<Error> {
    let path = Path::root("status").child("conditions");
    let conditions = object.list_at(&["status", "conditions"]);
    let mut errors = validate::conditions(&path, conditions);
    if conditions.len() > RULE_CONDITIONS_MAX {
        errors.push(path.too_many(conditions.len(), RULE_CONDITIONS_MAX));
    }
    errors
}

/// A taint that does not say since when it is there is there since now.
pub(super) fn stamp(taint: &mut Map<String, Value>, now: &str) {
    if taint.get("timeAdded").is_none_or(Value::is_null) {
        taint.insert("timeAdded".to_owned(), Value::from(now));
    }
}

/// What is wrong with a device's taint.
pub(super) fn taint(path: &Path, taint: &Value) -> Vec<Error> {
    let (key, value) = (text(taint, "key"), text(taint, "value"));
    let mut errors: Vec<Error> = validate::texts(&path.child("key"), key, meta::label_key(key)).collect();
    errors.extend(validate::texts(&path.child("value"), value, meta::label_value(value)));
    match text(taint, "effect") {
        "" => errors.push(path.child("effect").required("")),
        effect if EFFECTS.contains(&effect) => {}
        other => errors.push(path.child("effect").not_supported(other, &EFFECTS)),
    }
    errors
}

/// What is wrong with a request's toleration of taints.
pub(super) fn toleration(path: &Path, toleration: &Value) -> Vec<Error> {
    let (key, value) = (text(toleration, "key"), text(toleration, "value"));
    let mut errors = Vec::new();
    if !key.is_empty() {
        errors.extend(validate::texts(&path.child("key"), key, meta::label_key(key)));
    }
    match text(toleration, "operator") {
        "Exists" if !value.is_empty() => {
            errors.push(path.child("value").invalid(value, "must be empty for operator `Exists`"));
        }
        "Exists" => {}
        "Equal" => errors.extend(validate::texts(&path.child("value"), value, meta::label_value(value))),
        "" => errors.push(path.child("operator").required("")),
        other => errors.push(path.child("operator").not_supported(other, &["Equal", "Exists"])),
    }
    match text(toleration, "effect") {
        effect if effect.is_empty() || EFFECTS.contains(&effect) => {}
        other => errors.push(path.child("effect").not_supported(other, &EFFECTS)),
    }
    errors
}

/// `field is immutable`, with the value in upstream's internal form.
pub(super) fn immutable_as_go(definition: &str, path: &[&str], new: &Object, old: &Object) -> Option<Error> {
    let at = path.iter().fold(Path::root(""), |at, field| at.child(field));
    let error = validate::immutable(&at, new.at(path), old.at(path))?;
    let shown = go_form::compact(definition, new.at(path).unwrap_or(&Value::Null));
    Some(error.shown_as(shown))
}

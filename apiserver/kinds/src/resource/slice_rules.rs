//! Rules of ResourceSlices: which devices a driver has, and where.

use kubernel_meta::field::{Error, Path};
use kubernel_meta::{Object, Quantity, validation as meta};
use serde_json::Value;

use super::rules::{self, binding_conditions, driver, each, key, key_within, label, pool, qualified_name, unique};
use crate::core::pod::validation::node_selector;
use crate::go_form;
use crate::tree::{flag, int, items, set, text};
use crate::validate;

const DEVICES_MAX: usize = 128;
/// Where a device has taints or consumes counters.
const RICH_DEVICES_MAX: usize = 64;
const COUNTER_SETS_MAX: usize = 8;
const COUNTERS_MAX: usize = 32;
const CONSUMPTIONS_MAX: usize = 2;
const PROPERTIES_MAX: usize = 32;
const TAINTS_MAX: usize = 16;
const POLICY_VALUES_MAX: usize = 10;
const ATTRIBUTE_TEXT_LENGTH_MAX: usize = 64;
const LABEL_LENGTH_MAX: usize = 63;

/// What is wrong with a slice, beside an old one where it is changed: whose it is and where stays.
pub(super) fn slice(new: &Object, old: Option<&Object>) -> Vec<Error> {
    let (path, spec) = (Path::root("spec"), new.at(&["spec"]).unwrap_or(&Value::Null));
    let mut errors = driver(&path.child("driver"), text(spec, "driver"));
    errors.extend(pool_errors(&path.child("pool"), spec.get("pool").unwrap_or(&Value::Null)));
    if let Some(old) = old {
        let fixed: [(&[&str], Path); 3] = [
            (&["spec", "pool", "name"], path.child("pool").child("name")),
            (&["spec", "driver"], path.child("driver")),
            (&["spec", "nodeName"], path.child("nodeName")),
        ];
        errors.extend(fixed.iter().flat_map(|(field, path)| validate::immutable(path, new.at(field), old.at(field))));
    }
    errors.extend(place(&path, spec));
    let (devices, counters) = (items(spec, "devices"), items(spec, "sharedCounters"));
    if !devices.is_empty() && !counters.is_empty() {
        errors.push(path.invalid("", "only one of `sharedCounters` or `devices` is allowed"));
    }
    let is_rich = |device: &Value| !items(device, "taints").is_empty() || !items(device, "consumesCounters").is_empty();
    let devices_max = if devices.iter().any(is_rich) { RICH_DEVICES_MAX } else { DEVICES_MAX };
    let before = old.map(|old| old.list_at(&["spec", "devices"])).unwrap_or_default();
    let chosen = flag(spec, "perDeviceNodeSelection");
    let device = |path: &Path, device: &Value| {
        let old = before.iter().find(|old| text(old, "name") == text(device, "name"));
        device_errors(path, device, old, chosen)
    };
    errors.extend(unique(&path.child("devices"), devices, devices_max, device, |device| {
        Value::from(text(device, "name"))
    }));
    let name = |set: &Value| Value::from(text(set, "name"));
    errors.extend(unique(&path.child("sharedCounters"), counters, COUNTER_SETS_MAX, counter_set("name"), name));
    errors
}

fn pool_errors(path: &Path, of: &Value) -> Vec<Error> {
    let mut errors = pool(&path.child("name"), text(of, "name"));
    let (count, generation) = (int(of, "resourceSliceCount"), int(of, "generation"));
    if count <= 0 {
        errors.push(path.child("resourceSliceCount").invalid(count, "must be greater than zero"));
    }
    if generation < 0 {
        errors.push(path.child("generation").invalid(generation, "must be greater than or equal to zero"));
    }
    errors
}

/// What is wrong with where the devices are: exactly one of four ways says it.
fn place(path: &Path, spec: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    let mut places = Vec::new();
    if let Some(node) = set(spec, "nodeName").and_then(Value::as_str) {
        let at = path.child("nodeName");
        if node.is_empty() {
            errors.push(at.invalid(node, "must be either unset or set to a non-empty string"));
        } else {
            places.push("`nodeName`");
            errors.extend(validate::texts(&at, node, meta::dns1123_subdomain(node)));
        }
    }
    if let Some(selector) = set(spec, "nodeSelector") {
        places.push("`nodeSelector`");
        let (at, terms) = (path.child("nodeSelector"), items(selector, "nodeSelectorTerms"));
        errors.extend(node_selector(&at, selector));
        if terms.len() != 1 {
            let detail = "must have exactly one node selector term";
            let at = at.child("nodeSelectorTerms");
            errors.push(go_form::invalid_list(&at, "io.k8s.api.core.v1.NodeSelectorTerm", terms, detail));
        }
    }
    for (field, name) in [("allNodes", "`allNodes`"), ("perDeviceNodeSelection", "`perDeviceNodeSelection`")] {
        match set(spec, field).and_then(Value::as_bool) {
            Some(true) => places.push(name),
            Some(false) => errors.push(path.child(field).invalid(false, "must be either unset or set to true")),
            None => {}
        }
    }
    let choice = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required";
    match places.len() {
        0 => errors.push(path.required(choice)),
        1 => {}
        _ => {
            let shown = format!("{{{}}}", places.join(", "));
            errors.push(path.invalid(shown, format!("{choice}, but multiple fields are set")));
        }
    }
    errors
}

/// What is wrong with counters under a name in this field.
fn counter_set(name: &'static str) -> impl Fn(&Path, &Value) -> Vec<Error> {
    move |path, of| {
        let mut errors = label(&path.child(name), text(of, name));
        let (at, counters) = (path.child("counters"), of.get("counters").and_then(Value::as_object));
        match counters.map_or(0, |counters| counters.len()) {
            0 => errors.push(at.required("")),
            count if count > COUNTERS_MAX => errors.push(at.too_many(count, COUNTERS_MAX)),
            _ => {
                let names = counters.into_iter().flatten().map(|(name, _)| name);
                errors.extend(names.flat_map(|name| label(&key_within(&at, name, LABEL_LENGTH_MAX), name)));
            }
        }
        errors
    }
}

fn device_errors(path: &Path, device: &Value, old: Option<&Value>, chosen: bool) -> Vec<Error> {
    let mut errors = label(&path.child("name"), text(device, "name"));
    let map = |field: &str| device.get(field).and_then(Value::as_object);
    let (attributes, capacity) = (map("attributes"), map("capacity"));
    let count = attributes.map_or(0, |map| map.len()) + capacity.map_or(0, |map| map.len());
    if count > PROPERTIES_MAX {
        let detail = format!("the total number of attributes and capacities must not exceed {PROPERTIES_MAX}");
        errors.push(path.invalid(count, detail));
    }
    for (name, value) in attributes.into_iter().flatten() {
        let path = key(&path.child("attributes"), name);
        errors.extend(qualified_name(&path, name));
        errors.extend(attribute(&path, value));
    }
    for (name, value) in capacity.into_iter().flatten() {
        let path = key(&path.child("capacity"), name);
        errors.extend(qualified_name(&path, name));
        errors.extend(policy(&path.child("requestPolicy"), value, flag(device, "allowMultipleAllocations")));
    }
    let taints = items(device, "taints");
    if old.is_none_or(|old| items(old, "taints") != taints) {
        errors.extend(each(&path.child("taints"), taints, TAINTS_MAX, rules::taint));
    }
    let set_name = |of: &Value| Value::from(text(of, "counterSet"));
    let consumed = items(device, "consumesCounters");
    let at = path.child("consumesCounters");
    errors.extend(unique(&at, consumed, CONSUMPTIONS_MAX, counter_set("counterSet"), set_name));
    errors.extend(device_place(path, device, chosen));
    errors.extend(binding_conditions(path, device));
    errors
}

/// What is wrong with where a device is: each says it where the slice leaves it to them, else none.
fn device_place(path: &Path, device: &Value, chosen: bool) -> Vec<Error> {
    let (node, selector) = (set(device, "nodeName").and_then(Value::as_str), set(device, "nodeSelector"));
    let all = set(device, "allNodes").and_then(Value::as_bool);
    let mut errors = Vec::new();
    if !chosen {
        if node.is_some() || selector.is_some() || all.is_some() {
            let detail = "`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set \
                to true in the ResourceSlice spec";
            errors.push(path.invalid(Value::Null, detail));
        }
        return errors;
    }
    let mut places = Vec::new();
    match node {
        None => {}
        Some("") => errors.push(path.child("nodeName").invalid("", "must not be empty")),
        Some(node) => {
            places.push("`nodeName`");
            errors.extend(validate::texts(&path.child("nodeName"), node, meta::dns1123_subdomain(node)));
        }
    }
    if let Some(selector) = selector {
        places.push("`nodeSelector`");
        errors.extend(node_selector(&path.child("nodeSelector"), selector));
    }
    match all {
        Some(true) => places.push("`allNodes`"),
        Some(false) => errors.push(path.child("allNodes").invalid(false, "must be either unset or set to true")),
        None => {}
    }
    let detail = "exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is \
        set to true in the ResourceSlice spec";
    match places.len() {
        0 => errors.push(path.required(detail)),
        1 => {}
        _ => errors.push(path.invalid(format!("{{{}}}", places.join(", ")), detail)),
    }
    errors
}

fn attribute(path: &Path, value: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    for field in ["string", "version"] {
        let Some(text) = set(value, field).and_then(Value::as_str) else { continue };
        if field == "version" && !is_version(text) {
            let detail = "must be a string compatible with semver.org spec 2.0.0";
            errors.push(path.child(field).invalid(text, detail));
        }
        if text.len() > ATTRIBUTE_TEXT_LENGTH_MAX {
            errors.push(path.child(field).too_long(ATTRIBUTE_TEXT_LENGTH_MAX));
        }
    }
    if ["int", "bool", "string", "version"].into_iter().filter(|field| set(value, field).is_some()).count() != 1 {
        errors.push(path.invalid("", "exactly one value must be specified"));
    }
    errors
}

/// Whether this is a semantic version with all its three numbers.
fn is_version(text: &str) -> bool {
    let (text, build) = text.split_once('+').map_or((text, None), |(text, build)| (text, Some(build)));
    let (core, pre) = text.split_once('-').map_or((text, None), |(core, pre)| (core, Some(pre)));
    let is_number = |part: &str| {
        part.bytes().all(|byte| byte.is_ascii_digit())
            && !part.is_empty()
            && (part.len() == 1 || !part.starts_with('0'))
    };
    let is_word =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let is_pre = |part: &str| is_word(part) && (is_number(part) || !part.bytes().all(|byte| byte.is_ascii_digit()));
    core.split('.').count() == 3
        && core.split('.').all(is_number)
        && pre.is_none_or(|pre| pre.split('.').all(is_pre))
        && build.is_none_or(|build| build.split('.').all(is_word))
}

/// What is wrong with how much of a capacity may be asked for.
fn policy(path: &Path, capacity: &Value, shared: bool) -> Vec<Error> {
    let Some(policy) = set(capacity, "requestPolicy") else { return Vec::new() };
    if !shared {
        return vec![path.forbidden("allowMultipleAllocations must be true")];
    }
    let Some(max) = quantity(capacity, "value") else { return Vec::new() };
    let (values, range) = (items(policy, "validValues"), set(policy, "validRange"));
    let default = quantity(policy, "default");
    match (values.is_empty(), range, default) {
        (false, Some(_), _) => vec![path.forbidden(
            "exactly one policy can be specified, cannot specify \"validValues\" and \"validRange\" at the same time",
        )],
        (false, None, None) => vec![path.child("default").required("required when validValues is defined")],
        (true, Some(_), None) => vec![path.child("default").required("required when validRange is defined")],
        (false, None, Some(default)) => valid_values(&path.child("validValues"), values, &default, &max),
        (true, Some(range), Some(default)) => valid_range(&path.child("validRange"), range, &default, &max),
        (true, None, _) => Vec::new(),
    }
}

fn quantity(of: &Value, field: &str) -> Option<Quantity> {
    of.get(field).and_then(Value::as_str).and_then(|text| Quantity::parse(text).ok())
}

fn valid_values(path: &Path, values: &[Value], default: &Quantity, max: &Quantity) -> Vec<Error> {
    let of = |value: &Value| value.as_str().and_then(|text| Quantity::parse(text).ok());
    let parsed: Vec<Quantity> = values.iter().filter_map(of).collect();
    let mut errors = Vec::new();
    for (at, pair) in parsed.windows(2).enumerate() {
        if pair[0] > pair[1] {
            let detail = "values must be sorted in ascending order";
            errors.push(path.index(at + 1).invalid(pair[1].to_string(), detail));
        }
    }
    let too_large = |path: &Path, value: &Value| -> Vec<Error> {
        let value = of(value).filter(|value| value > max);
        let detail = format!("option is larger than capacity value: {max}");
        value.map(|value| path.invalid(value.to_string(), detail)).into_iter().collect()
    };
    let key = |value: &Value| Value::from(of(value).map_or(0, |value| value.value()).to_string());
    errors.extend(unique(path, values, POLICY_VALUES_MAX, too_large, key));
    if values.len() > POLICY_VALUES_MAX || !parsed.contains(default) {
        let detail = "default value is not valid according to the requestPolicy";
        errors.push(path.invalid(default.to_string(), detail));
    }
    errors
}

fn valid_range(path: &Path, range: &Value, default: &Quantity, capacity: &Quantity) -> Vec<Error> {
    let Some(min) = quantity(range, "min") else {
        return vec![path.child("min").required("required when validRange is defined")];
    };
    let (max, step) = (quantity(range, "max"), quantity(range, "step"));
    let mut errors = Vec::new();
    let mut wrong = |is: bool, field: &str, shown: &Quantity, detail: String| {
        if is {
            errors.push(path.child(field).invalid(shown.to_string(), detail));
        }
    };
    wrong(&min > capacity, "min", &min, format!("min is larger than capacity value: {capacity}"));
    wrong(default < &min, "min", default, format!("default is less than min: {min}"));
    if let Some(max) = &max {
        wrong(&min > max, "max", &min, format!("min is larger than max: {max}"));
        wrong(max > capacity, "max", max, format!("max is larger than capacity value: {capacity}"));
        wrong(default > max, "max", default, format!("default is more than max: {max}"));
    }
    if let Some(step) = &step {
        let added = min.add(step);
        wrong(&added > capacity, "step", step, format!("one step {added} is larger than capacity value: {capacity}"));
        for value in [Some(default), max.as_ref()].into_iter().flatten() {
            let steps = value.value().saturating_sub(min.value()).checked_rem(step.value());
            let detail = format!("value is not a multiple of a given step ({step}) from ({min})");
            wrong(steps != Some(0), "step", value, detail);
        }
    }
    errors
}

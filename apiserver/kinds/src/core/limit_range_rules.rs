//! Rules of LimitRanges: each amount of an item has its place between the others.

use std::collections::BTreeSet;

use kubernel_meta::field::{Error, Path};
use kubernel_meta::{Object, Quantity, validation};
use serde_json::Value;

use super::pod::amounts::{self, Amounts};
use super::resource_names;
use crate::tree::text;
use crate::validate;

/// What is wrong with a LimitRange.
pub(super) fn create(object: &Object) -> Vec<Error> {
    let path = Path::root("spec").child("limits");
    let limits = object.list_at(&["spec", "limits"]);
    let mut errors = Vec::new();
    for (at, limit) in limits.iter().enumerate() {
        let (path, type_) = (path.index(at), text(limit, "type"));
        errors.extend(type_rules(&path.child("type"), type_));
        if limits[..at].iter().any(|earlier| text(earlier, "type") == type_) {
            errors.push(path.child("type").duplicate(type_));
        }
        errors.extend(item_rules(&path, limit, type_));
    }
    errors
}

fn type_rules(path: &Path, type_: &str) -> Vec<Error> {
    let mut errors: Vec<Error> = validate::texts(path, type_, validation::label_key(type_)).collect();
    let standard = matches!(type_, "Container" | "Pod" | "PersistentVolumeClaim");
    if errors.is_empty() && !type_.contains('/') && !standard {
        errors.push(path.invalid(type_, "must be a standard limit type or fully qualified"));
    }
    errors
}

fn item_rules(path: &Path, limit: &Value, type_: &str) -> Vec<Error> {
    let mut errors = Vec::new();
    let (max, min) = (list(path, limit, "max", &mut errors), list(path, limit, "min", &mut errors));
    let mut defaults = (Amounts::new(), Amounts::new());
    if type_ == "Pod" {
        for field in ["default", "defaultRequest"] {
            if limit.get(field).and_then(Value::as_object).is_some_and(|map| !map.is_empty()) {
                errors.push(path.child(field).forbidden("may not be specified when `type` is 'Pod'"));
            }
        }
    } else {
        let limits = list(path, limit, "default", &mut errors);
        defaults = (limits, list(path, limit, "defaultRequest", &mut errors));
    }
    if type_ == "PersistentVolumeClaim" && !min.contains_key("storage") && !max.contains_key("storage") {
        let message = "either minimum or maximum storage value is required, but neither was provided";
        errors.push(path.child("limits").required(message));
    }
    let (limits, requests) = defaults;
    let ratios = list(path, limit, "maxLimitRequestRatio", &mut errors);
    let names: BTreeSet<&String> =
        [&min, &max, &limits, &requests, &ratios].into_iter().flat_map(|list| list.keys()).collect();
    for name in names {
        let (min, max) = (min.get(name), max.get(name));
        let (default, request) = (limits.get(name), requests.get(name));
        let at = |field: &str| path.child(field).key(name);
        order(&mut errors, &at("min"), ("min", min), ("max", max), min);
        order(&mut errors, &at("defaultRequest"), ("min", min), ("default request", request), request);
        order(&mut errors, &at("defaultRequest"), ("default request", request), ("max", max), request);
        order(&mut errors, &at("defaultRequest"), ("default request", request), ("default limit", default), request);
        order(&mut errors, &at("default"), ("min", min), ("default", default), min);
        order(&mut errors, &at("default"), ("default", default), ("max", max), max);
        if let Some(ratio) = ratios.get(name) {
            errors.extend(ratio_rules(&at("maxLimitRequestRatio"), ratio, min.zip(max)));
        }
        if let (Some(default), Some(request)) = (default, request)
            && !resource_names::is_overcommitted(name)
            && default != request
        {
            let message = format!("default value {default} must equal to defaultRequest value {request} in {name}");
            errors.push(at("defaultRequest").invalid(request.to_string(), message));
        }
    }
    errors
}

/// The amounts of one list. Containers and Pods have fewer resources than other types.
fn list(path: &Path, limit: &Value, field: &str, errors: &mut Vec<Error>) -> Amounts {
    let amounts = limit.get(field).map(amounts::read).unwrap_or_default();
    let rule = match text(limit, "type") {
        "Pod" | "Container" => resource_names::of_container,
        _ => resource_names::any,
    };
    errors.extend(amounts.keys().flat_map(|name| rule(&path.child(field).key(name), name)));
    amounts
}

/// A ratio is at least one, and no more than the bounds allow.
fn ratio_rules(path: &Path, ratio: &Quantity, bounds: Option<(&Quantity, &Quantity)>) -> Vec<Error> {
    let mut errors = Vec::new();
    if *ratio < Quantity::from_value(1, ratio.format()) {
        errors.push(path.invalid(ratio.to_string(), format!("ratio {ratio} is less than 1")));
    }
    if let Some((min, max)) = bounds {
        let most = max.approximate() / min.approximate();
        if ratio.approximate() > most {
            let message = format!("ratio {ratio} is greater than max/min = {most:.6}");
            errors.push(path.invalid(ratio.to_string(), message));
        }
    }
    errors
}

/// The first amount must not be more than the second; `shown` is the value that upstream names.
fn order(
    errors: &mut Vec<Error>,
    path: &Path,
    (low_word, low): (&str, Option<&Quantity>),
    (high_word, high): (&str, Option<&Quantity>),
    shown: Option<&Quantity>,
) {
    if let (Some(low), Some(high), Some(shown)) = (low, high, shown)
        && low > high
    {
        let message = format!("{low_word} value {low} is greater than {high_word} value {high}");
        errors.push(path.invalid(shown.to_string(), message));
    }
}

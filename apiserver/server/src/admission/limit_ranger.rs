//! LimitRanger: containers get the namespace's default requests and limits, and stay within its bounds; so do claims.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use kubernel_kinds::core::pod::amounts::{self, Amounts};
use kubernel_meta::{ApiError, Object, Quantity};
use serde_json::{Map, Value};

use super::{Attributes, Operation, View};

const ANNOTATION: &str = "kubernetes.io/limit-ranger";

/// Fills in defaults of a new Pod's containers.
pub(super) async fn admit(view: &View<'_>, request: &Attributes<'_>, pod: &mut Object) -> Result<(), ApiError> {
    if !request.is_main("", "pods") || request.operation != Operation::Create {
        return Ok(());
    }
    for range in ranges(view, request.namespace).await? {
        let (requests, limits) = container_defaults(&range);
        if requests.is_empty() && limits.is_empty() {
            continue;
        }
        let mut notes = Vec::new();
        for (list, what) in [("containers", "container"), ("initContainers", "init container")] {
            let containers = pod.map_at_mut(&["spec"]).get_mut(list).and_then(Value::as_array_mut);
            for container in containers.into_iter().flatten() {
                fill(container, what, "requests", "request", &requests, &mut notes);
                fill(container, what, "limits", "limit", &limits, &mut notes);
            }
        }
        if !notes.is_empty() {
            let note = format!("LimitRanger plugin set: {}", notes.join("; "));
            pod.set(&["metadata", "annotations", ANNOTATION], note);
        }
    }
    Ok(())
}

/// Refuses a Pod or claim that is out of bounds.
pub(super) async fn check(
    view: &View<'_>,
    request: &Attributes<'_>,
    object: &Object,
    old: Option<&Object>,
) -> Result<(), ApiError> {
    let is_pod = match (request.operation, request.subresource) {
        (Operation::Create, "") | (Operation::Update, "resize") => request.is_of("", "pods"),
        _ => false,
    };
    let is_claim = request.is_main("", "persistentvolumeclaims");
    let is_going = old.is_some_and(|old| old.deletion_timestamp().is_some());
    if is_going || (!is_pod && !is_claim) {
        return Ok(());
    }
    for range in ranges(view, request.namespace).await? {
        let mut wrong = Vec::new();
        for limit in range.list_at(&["spec", "limits"]) {
            match limit["type"].as_str() {
                Some("Container") if is_pod => {
                    for list in ["containers", "initContainers"] {
                        for container in object.list_at(&["spec", list]) {
                            let of = |list: &str| amounts::read(&container["resources"][list]);
                            check_bounds(limit, "Container", &of("requests"), &of("limits"), &mut wrong);
                        }
                    }
                }
                Some("Pod") if is_pod => {
                    let Some(spec) = object.map_at(&["spec"]) else { continue };
                    let of = |list: &str| amounts::with_own(spec, list);
                    check_bounds(limit, "Pod", &of("requests"), &of("limits"), &mut wrong);
                }
                Some(kind @ "PersistentVolumeClaim") if is_claim => {
                    let requests = object.at(&["spec", "resources", "requests"]);
                    check_claim(limit, kind, &requests.map(amounts::read).unwrap_or_default(), &mut wrong);
                }
                _ => {}
            }
        }
        match wrong.as_slice() {
            [] => {}
            [one] => return Err(request.forbidden(one)),
            many => return Err(request.forbidden(format!("[{}]", many.join(", ")))),
        }
    }
    Ok(())
}

async fn ranges(view: &View<'_>, namespace: &str) -> Result<Vec<Arc<Object>>, ApiError> {
    view.list(&format!("/registry/core/limitranges/{namespace}/")).await
}

/// The default requests and limits of a range, as they are written.
fn container_defaults(range: &Object) -> (BTreeMap<String, Value>, BTreeMap<String, Value>) {
    let (mut requests, mut limits) = (BTreeMap::new(), BTreeMap::new());
    for limit in range.list_at(&["spec", "limits"]).iter().filter(|limit| limit["type"] == "Container") {
        for (key, all) in [("defaultRequest", &mut requests), ("default", &mut limits)] {
            let amounts = limit[key].as_object().into_iter().flatten();
            all.extend(amounts.map(|(name, amount)| (name.clone(), amount.clone())));
        }
    }
    (requests, limits)
}

fn fill(
    container: &mut Value,
    what: &str,
    list: &str,
    one: &str,
    defaults: &BTreeMap<String, Value>,
    notes: &mut Vec<String>,
) {
    let name = container["name"].as_str().unwrap_or_default().to_owned();
    let Some(container) = container.as_object_mut() else { return };
    let missing: Vec<(&String, &Value)> = {
        let present = container.get("resources").and_then(|resources| resources.get(list)).and_then(Value::as_object);
        defaults.iter().filter(|(name, _)| present.is_none_or(|present| !present.contains_key(*name))).collect()
    };
    if missing.is_empty() {
        return;
    }
    let names: Vec<&str> = missing.iter().map(|(name, _)| name.as_str()).collect();
    notes.push(format!("{} {one} for {what} {name}", names.join(", ")));
    let resources = container.entry("resources").or_insert_with(|| Value::Object(Map::new()));
    let Some(resources) = resources.as_object_mut() else { return };
    let amounts = resources.entry(list).or_insert_with(|| Value::Object(Map::new()));
    if let Some(amounts) = amounts.as_object_mut() {
        amounts.extend(missing.into_iter().map(|(name, amount)| (name.clone(), amount.clone())));
    }
}

fn check_bounds(limit: &Value, kind: &str, requests: &Amounts, limits: &Amounts, wrong: &mut Vec<String>) {
    for (name, min) in amounts::read(&limit["min"]) {
        let head = format!("minimum {name} usage per {kind} is {min}");
        match (requests.get(&name), limits.get(&name)) {
            (None, _) => wrong.push(format!("{head}.  No request is specified")),
            (Some(request), _) if *request < min => wrong.push(format!("{head}, but request is {request}")),
            (_, Some(limit)) if *limit < min => wrong.push(format!("{head}, but limit is {limit}")),
            _ => {}
        }
    }
    for (name, max) in amounts::read(&limit["max"]) {
        let head = format!("maximum {name} usage per {kind} is {max}");
        match (requests.get(&name), limits.get(&name)) {
            (_, None) => wrong.push(format!("{head}.  No limit is specified")),
            (_, Some(limit)) if *limit > max => wrong.push(format!("{head}, but limit is {limit}")),
            (Some(request), _) if *request > max => wrong.push(format!("{head}, but request is {request}")),
            _ => {}
        }
    }
    for (name, ratio) in amounts::read(&limit["maxLimitRequestRatio"]) {
        check_ratio(&name, &ratio, kind, requests.get(&name), limits.get(&name), wrong);
    }
}

fn check_ratio(
    name: &str,
    ratio: &Quantity,
    kind: &str,
    request: Option<&Quantity>,
    limit: Option<&Quantity>,
    wrong: &mut Vec<String>,
) {
    let head = format!("{name} max limit to request ratio per {kind} is {ratio}");
    let some = |amount: Option<&Quantity>| amount.filter(|amount| amount.signum() != 0).cloned();
    let Some(request) = some(request) else {
        wrong.push(format!("{head}, but no request is specified or request is 0"));
        return;
    };
    let Some(limit) = some(limit) else {
        wrong.push(format!("{head}, but no limit is specified or limit is 0"));
        return;
    };
    let observed = as_float(&limit) / as_float(&request);
    if observed.partial_cmp(&as_float(ratio)) == Some(Ordering::Greater) {
        wrong.push(format!("{head}, but provided ratio is {observed:.6}"));
    }
}

fn check_claim(limit: &Value, kind: &str, requests: &Amounts, wrong: &mut Vec<String>) {
    for (name, min) in amounts::read(&limit["min"]) {
        let head = format!("minimum {name} usage per {kind} is {min}");
        match requests.get(&name) {
            None => wrong.push(format!("{head}.  No request is specified")),
            Some(request) if *request < min => wrong.push(format!("{head}, but request is {request}")),
            Some(_) => {}
        }
    }
    for (name, max) in amounts::read(&limit["max"]) {
        let head = format!("maximum {name} usage per {kind} is {max}");
        match requests.get(&name) {
            None => wrong.push(format!("{head}.  No request is specified")),
            Some(request) if *request > max => wrong.push(format!("{head}, but request is {request}")),
            Some(_) => {}
        }
    }
}

/// The amount for a ratio: whole where it is too big for thousandths.
#[expect(clippy::cast_precision_loss, reason = "upstream compares ratios as floats")]
fn as_float(amount: &Quantity) -> f64 {
    if amount.milli_value() == i64::MAX { amount.value() as f64 } else { amount.milli_value() as f64 / 1000.0 }
}

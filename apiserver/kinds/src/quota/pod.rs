//! Pods: how many, and what they request and limit, until they have ended.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use kubernel_meta::{Object, time};
use serde_json::{Map, Value};

use super::{text, whole};
use crate::core::pod::amounts::{self, Amounts};

/// What each container has to name where a quota counts it: a rule from before Pods had classes of service.
const REQUIRED: [&str; 6] = ["cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"];
/// The other names that quotas use of Pods, besides extended resources and huge pages.
const NAMES: [&str; 4] = ["pods", "ephemeral-storage", "requests.ephemeral-storage", "limits.ephemeral-storage"];

/// Whether a quota's resource is about Pods.
pub(super) fn counts(name: &str) -> bool {
    let extended = |name: &str| name.contains('/') && is_extended(name);
    REQUIRED.contains(&name)
        || NAMES.contains(&name)
        || name.starts_with("hugepages-")
        || name.strip_prefix("requests.").is_some_and(|name| name.starts_with("hugepages-") || extended(name))
}

/// What the containers of a Pod fail to name although the quota counts these resources, in upstream's words.
pub fn missing(names: &BTreeSet<String>, pod: &Object) -> Option<String> {
    let spec = pod.at(&["spec"])?;
    if has_own_resources(spec) {
        return None;
    }
    let lists = ["containers", "initContainers"];
    let containers = || lists.into_iter().flat_map(|list| pod.list_at(&["spec", list]));
    let mut parts = Vec::new();
    for name in names.iter().filter(|name| REQUIRED.contains(&name.as_str())) {
        let without = containers().filter(|container| !of_container(container).contains_key(name));
        let without: BTreeSet<&str> = without.map(|container| text(container, "name")).collect();
        if !without.is_empty() {
            parts.push(format!("{name} for: {}", without.into_iter().collect::<Vec<_>>().join(",")));
        }
    }
    (!parts.is_empty()).then(|| format!("must specify {}", parts.join("; ")))
}

pub(super) fn usage(pod: &Object, now: Timestamp, usage: &mut Amounts) {
    if has_ended(pod, now) {
        return;
    }
    usage.insert("pods".to_owned(), whole(1));
    if let Some(spec) = pod.at(&["spec"]) {
        let spec = with_resizes(pod, spec);
        by_name(&amounts::pod_requests(&spec), &amounts::pod_limits(&spec), usage);
    }
}

/// Whether it uses nothing any more: its containers have ended, or it should be gone for as long as its grace period.
fn has_ended(pod: &Object, now: Timestamp) -> bool {
    if matches!(pod.str_at(&["status", "phase"]), "Failed" | "Succeeded") {
        return true;
    }
    let deleted = pod.deletion_timestamp().and_then(|text| time::parse(text).ok());
    let grace = pod.int_at(&["metadata", "deletionGracePeriodSeconds"]).map(SignedDuration::from_secs);
    let end = deleted.zip(grace).and_then(|(deleted, grace)| deleted.checked_add(grace).ok());
    end.is_some_and(|end| now > end)
}

fn has_own_resources(spec: &Value) -> bool {
    let list = |list: &str| spec.get("resources").and_then(|resources| resources.get(list)).map(amounts::read);
    let supported = |name: &String| matches!(name.as_str(), "cpu" | "memory") || name.starts_with("hugepages-");
    ["requests", "limits"].into_iter().filter_map(list).any(|list| list.keys().any(supported))
}

fn of_container(container: &Value) -> Amounts {
    let list = |list: &str| container.get("resources").and_then(|resources| resources.get(list)).map(amounts::read);
    let mut usage = Amounts::new();
    by_name(&list("requests").unwrap_or_default(), &list("limits").unwrap_or_default(), &mut usage);
    usage
}

fn by_name(requests: &Amounts, limits: &Amounts, usage: &mut Amounts) {
    for (name, amount) in requests {
        if is_native(name) || name.starts_with("hugepages-") {
            usage.insert(name.clone(), amount.clone());
            usage.insert(format!("requests.{name}"), amount.clone());
        } else if is_extended(name) {
            usage.insert(format!("requests.{name}"), amount.clone());
        }
    }
    let limits = limits.iter().filter(|(name, _)| is_native(name));
    usage.extend(limits.map(|(name, amount)| (format!("limits.{name}"), amount.clone())));
}

fn is_native(name: &str) -> bool {
    matches!(name, "cpu" | "memory" | "ephemeral-storage")
}

fn is_extended(name: &str) -> bool {
    let own = name.contains("kubernetes.io/") && !name.starts_with("deviceclass.resource.kubernetes.io/");
    name.contains('/') && !own
}

/// The spec with what containers have, or are allocated, where that is more than they ask for: a resize counts before
/// it is done, and no less than what it replaces until then.
fn with_resizes(pod: &Object, spec: &Value) -> Value {
    let infeasible = pod
        .list_at(&["status", "conditions"])
        .iter()
        .any(|condition| text(condition, "type") == "PodResizePending" && text(condition, "reason") == "Infeasible");
    let mut spec = spec.clone();
    for (list, statuses) in [("containers", "containerStatuses"), ("initContainers", "initContainerStatuses")] {
        let statuses = pod.list_at(&["status", statuses]);
        for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            let runs_on = list == "containers" || text(container, "restartPolicy") == "Always";
            let status = statuses.iter().find(|status| text(status, "name") == text(container, "name"));
            let has = status.and_then(|status| Some((status, status.get("resources")?)));
            if let (true, Some((status, has))) = (runs_on, has) {
                let wants = container.get("resources").cloned().unwrap_or_default();
                let of = |resources: &Value, list: &str| resources.get(list).map(amounts::read).unwrap_or_default();
                let wanted = |list: &str| if infeasible { Amounts::new() } else { of(&wants, list) };
                let requests = [wanted("requests"), of(has, "requests"), of(status, "allocatedResources")];
                let limits = [wanted("limits"), of(has, "limits")];
                container["resources"] = Value::Object(Map::from_iter([
                    ("requests".to_owned(), most(&requests)),
                    ("limits".to_owned(), most(&limits)),
                ]));
            }
        }
    }
    spec
}

/// The most of each resource, as JSON.
fn most(lists: &[Amounts]) -> Value {
    let mut most = Amounts::new();
    for (name, amount) in lists.iter().flatten() {
        if most.get(name).is_none_or(|old| amount > old) {
            most.insert(name.clone(), amount.clone());
        }
    }
    Value::Object(most.into_iter().map(|(name, amount)| (name, Value::String(amount.to_string()))).collect())
}

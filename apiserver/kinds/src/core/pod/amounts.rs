//! Sums of the containers' resources, as scheduling, quota and the defaults of pod-level resources count them.

use std::collections::BTreeMap;

use kubernel_meta::Quantity;
use serde_json::{Map, Value};

use crate::tree::{items, text};

/// Resource names with their amounts.
pub type Amounts = BTreeMap<String, Quantity>;

type Tree = Map<String, Value>;

/// What the containers of a pod spec need together of `list` (`requests` or `limits`): the sum of what runs together,
/// or what initialization needs at its peak, whichever is more; sidecars count in both.
pub fn aggregate(spec: &Tree, list: &str) -> Amounts {
    let mut total = Amounts::new();
    for container in containers(spec, "containers") {
        add(&mut total, &of_container(container, list));
    }
    let (mut sidecars, mut peak) = (Amounts::new(), Amounts::new());
    for container in containers(spec, "initContainers") {
        let mut needs = of_container(container, list);
        if text(container, "restartPolicy") == "Always" {
            add(&mut total, &needs);
            add(&mut sidecars, &needs);
            needs.clone_from(&sidecars);
        } else {
            add(&mut needs, &sidecars);
        }
        maximize(&mut peak, &needs);
    }
    maximize(&mut total, &peak);
    total
}

/// The same, with what the Pod says as a whole in place of what its containers sum up to.
pub fn with_own(spec: &Tree, list: &str) -> Amounts {
    let mut total = aggregate(spec, list);
    if let Some(own) = spec.get("resources").and_then(|resources| resources.get(list)) {
        total.extend(read(own).into_iter().filter(|(name, _)| super::pod_level::is_supported(name)));
    }
    total
}

/// What a Pod asks of its node (upstream's PodRequests): the containers' requests, the Pod's own where it has some,
/// and the runtime's overhead.
pub fn pod_requests(spec: &Value) -> Amounts {
    let Some(tree) = spec.as_object() else { return Amounts::new() };
    let mut total = with_own(tree, "requests");
    if let Some(overhead) = tree.get("overhead") {
        add(&mut total, &read(overhead));
    }
    total
}

/// What a Pod may use at most (upstream's PodLimits): the containers' limits, the Pod's own where it has some, and the
/// runtime's overhead on top of what is limited.
pub fn pod_limits(spec: &Value) -> Amounts {
    let Some(tree) = spec.as_object() else { return Amounts::new() };
    let mut total = with_own(tree, "limits");
    for (name, more) in tree.get("overhead").map(read).unwrap_or_default() {
        if let Some(limit) = total.get_mut(&name).filter(|limit| limit.signum() != 0) {
            *limit = limit.add(&more);
        }
    }
    total
}

/// Whether every container (sidecars included) limits the resource.
pub(super) fn every_container_limits(spec: &Tree, resource: &str) -> bool {
    let sidecars = containers(spec, "initContainers").iter().filter(|c| text(c, "restartPolicy") == "Always");
    containers(spec, "containers").iter().chain(sidecars).all(|c| of_container(c, "limits").contains_key(resource))
}

/// Reads a resource list; what is no quantity is left out.
pub fn read(list: &Value) -> Amounts {
    let pairs = list.as_object().into_iter().flatten();
    pairs.filter_map(|(name, value)| Some((name.clone(), quantity(value)?))).collect()
}

/// Reads one quantity from a text or a number.
pub fn quantity(value: &Value) -> Option<Quantity> {
    match value {
        Value::String(text) => Quantity::parse(text).ok(),
        Value::Number(number) => Quantity::parse(&number.to_string()).ok(),
        _ => None,
    }
}

fn containers<'a>(spec: &'a Tree, list: &str) -> &'a [Value] {
    spec.get(list).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn of_container(container: &Value, list: &str) -> Amounts {
    container.get("resources").and_then(|resources| resources.get(list)).map(read).unwrap_or_default()
}

fn add(total: &mut Amounts, more: &Amounts) {
    for (name, amount) in more {
        let sum = total.get(name).map_or_else(|| amount.clone(), |old| old.add(amount));
        total.insert(name.clone(), sum);
    }
}

fn maximize(total: &mut Amounts, other: &Amounts) {
    for (name, amount) in other {
        if total.get(name).is_none_or(|old| amount > old) {
            total.insert(name.clone(), amount.clone());
        }
    }
}

/// Both lists of containers that run (init first) of a pod spec given as a value.
pub(super) fn all_containers(spec: &Value) -> impl Iterator<Item = &Value> {
    items(spec, "containers").iter().chain(items(spec, "initContainers"))
}

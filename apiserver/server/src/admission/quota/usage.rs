//! What an object counts for in quotas.

use kubernel_kinds::Kind;
use kubernel_kinds::core::pod::amounts::{self, Amounts};
use kubernel_meta::{Object, Quantity, QuantityFormat};
use serde_json::Value;

/// What each container has to name where a quota counts it.
pub(super) const REQUIRED: [&str; 6] =
    ["cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"];
/// Kinds of the core group that are counted by their plural name too, besides those counted in a way of their own.
const COUNTED_BY_NAME: [&str; 4] = ["configmaps", "resourcequotas", "replicationcontrollers", "secrets"];

/// Whether an update can change what an object counts for.
pub(super) fn changes(kind: &Kind) -> bool {
    kind.group.is_empty() && matches!(&*kind.plural, "services" | "persistentvolumeclaims")
}

/// What an object counts for, by the names that quotas use.
pub(super) fn of(kind: &Kind, object: &Object) -> Amounts {
    let mut usage = Amounts::new();
    let count = match &*kind.group {
        "" => format!("count/{}", kind.plural),
        group => format!("count/{}.{group}", kind.plural),
    };
    usage.insert(count, whole(1));
    if !kind.group.is_empty() {
        return usage;
    }
    match &*kind.plural {
        "pods" => of_pod(object, &mut usage),
        "services" => of_service(object, &mut usage),
        "persistentvolumeclaims" => of_claim(object, &mut usage),
        plural if COUNTED_BY_NAME.contains(&plural) => {
            usage.insert(plural.to_owned(), whole(1));
        }
        _ => {}
    }
    usage
}

/// What a container's requests and limits count for.
pub(super) fn of_container(container: &Value) -> Amounts {
    let mut usage = Amounts::new();
    let of = |list: &str| amounts::read(&container["resources"][list]);
    add_resources(&of("requests"), &of("limits"), &mut usage);
    usage
}

fn of_pod(pod: &Object, usage: &mut Amounts) {
    if matches!(pod.str_at(&["status", "phase"]), "Failed" | "Succeeded") {
        return;
    }
    usage.insert("pods".to_owned(), whole(1));
    let Some(spec) = pod.at(&["spec"]) else { return };
    let limits = spec.as_object().map(|spec| amounts::aggregate(spec, "limits")).unwrap_or_default();
    add_resources(&amounts::pod_requests(spec), &limits, usage);
}

fn add_resources(requests: &Amounts, limits: &Amounts, usage: &mut Amounts) {
    for (name, amount) in requests {
        if matches!(name.as_str(), "cpu" | "memory" | "ephemeral-storage") || name.starts_with("hugepages-") {
            usage.insert(name.clone(), amount.clone());
            usage.insert(format!("requests.{name}"), amount.clone());
        } else if name.contains('/') {
            usage.insert(format!("requests.{name}"), amount.clone());
        }
    }
    for (name, amount) in limits {
        if matches!(name.as_str(), "cpu" | "memory" | "ephemeral-storage") {
            usage.insert(format!("limits.{name}"), amount.clone());
        }
    }
}

fn of_service(service: &Object, usage: &mut Amounts) {
    let ports = service.list_at(&["spec", "ports"]);
    let kind = service.str_at(&["spec", "type"]);
    let allocates = service.at(&["spec", "allocateLoadBalancerNodePorts"]).and_then(Value::as_bool) != Some(false);
    let node_ports = match kind {
        "NodePort" => ports.len(),
        "LoadBalancer" if allocates => ports.len(),
        "LoadBalancer" => ports.iter().filter(|port| port["nodePort"].as_i64().unwrap_or(0) != 0).count(),
        _ => 0,
    };
    usage.insert("services".to_owned(), whole(1));
    usage.insert("services.nodeports".to_owned(), whole(node_ports));
    usage.insert("services.loadbalancers".to_owned(), whole(usize::from(kind == "LoadBalancer")));
}

fn of_claim(claim: &Object, usage: &mut Amounts) {
    let class = claim.str_at(&["spec", "storageClassName"]);
    let storage = claim.at(&["spec", "resources", "requests", "storage"]).and_then(amounts::quantity);
    let mut add = |name: &str, amount: Quantity| {
        if !class.is_empty() {
            usage.insert(format!("{class}.storageclass.storage.k8s.io/{name}"), amount.clone());
        }
        usage.insert(name.to_owned(), amount);
    };
    add("persistentvolumeclaims", whole(1));
    if let Some(storage) = storage {
        add("requests.storage", storage);
    }
}

fn whole(count: usize) -> Quantity {
    Quantity::from_value(i64::try_from(count).unwrap_or(i64::MAX), QuantityFormat::DecimalSi)
}

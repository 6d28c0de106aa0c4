//! The quality of service class of a Pod, which follows from its CPU and memory alone.

use serde_json::Value;

use super::amounts::{self, Amounts};

const COUNTED: [&str; 2] = ["cpu", "memory"];

/// `Guaranteed`, `Burstable` or `BestEffort`, from a pod spec.
pub fn class(spec: &Value) -> &'static str {
    let (mut requests, mut limits) = (Amounts::new(), Amounts::new());
    let mut all_limited = true;
    match spec.get("resources").filter(|resources| resources.is_object()) {
        Some(resources) => {
            requests = counted(resources.get("requests"));
            limits = counted(resources.get("limits"));
            all_limited = COUNTED.iter().all(|name| limits.contains_key(*name));
        }
        None => {
            for container in amounts::all_containers(spec) {
                let resources = container.get("resources").unwrap_or(&Value::Null);
                let own_limits = counted(resources.get("limits"));
                all_limited &= COUNTED.iter().all(|name| own_limits.contains_key(*name));
                sum_up(&mut requests, counted(resources.get("requests")));
                sum_up(&mut limits, own_limits);
            }
        }
    }
    if requests.is_empty() && limits.is_empty() {
        "BestEffort"
    } else if all_limited && requests == limits {
        "Guaranteed"
    } else {
        "Burstable"
    }
}

fn counted(list: Option<&Value>) -> Amounts {
    let mut amounts = list.map(amounts::read).unwrap_or_default();
    amounts.retain(|name, amount| COUNTED.contains(&name.as_str()) && amount.signum() > 0);
    amounts
}

fn sum_up(total: &mut Amounts, more: Amounts) {
    for (name, amount) in more {
        let sum = total.get(&name).map_or_else(|| amount.clone(), |old| old.add(&amount));
        total.insert(name, sum);
    }
}

//! How much a Pod asks for and a Node has: resource lists in whole units.

use std::collections::BTreeMap;

use kubernel_meta::Quantity;

use crate::wire::{Container, PodSpec};

/// Amounts by resource name, in the kernel's units.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Amounts {
    pub(crate) cpu_milli: u64,
    pub(crate) memory_bytes: u64,
    pub(crate) ephemeral_bytes: u64,
    /// Places for Pods; 1 for a Pod.
    pub(crate) pods: u64,
    /// Everything else, sorted by name, none of them 0.
    pub(crate) others: BTreeMap<Box<str>, u64>,
}

/// The effective request of a Pod (KEP-753, KEP-2837): what runs together, or the largest step of its start, plus
/// overhead; what the Pod itself asks for goes before the sum of its containers.
pub(crate) fn of_pod(spec: &PodSpec) -> Amounts {
    let mut running = Amounts::default();
    for container in &spec.containers {
        running.add(&list(&container.resources.requests));
    }
    let mut sidecars = Amounts::default();
    let mut starting = Amounts::default();
    for container in &spec.init_containers {
        let mut step = list(&container.resources.requests);
        step.add(&sidecars);
        starting.max(&step);
        if is_sidecar(container) {
            sidecars = step;
        }
    }
    running.add(&sidecars);
    running.max(&starting);
    if let Some(own) = &spec.resources {
        let total = list(&own.requests);
        for name in own.requests.keys() {
            match name.as_str() {
                "cpu" => running.cpu_milli = total.cpu_milli,
                "memory" => running.memory_bytes = total.memory_bytes,
                name if name.starts_with("hugepages-") => {
                    running.others.insert(name.into(), total.others.get(name).copied().unwrap_or(0));
                }
                _ => {}
            }
        }
    }
    running.add(&list(&spec.overhead));
    running.others.retain(|_, amount| *amount > 0);
    running.pods = 1;
    running
}

/// A container that keeps running besides the main ones.
pub(crate) fn is_sidecar(container: &Container) -> bool {
    container.restart_policy == "Always"
}

/// A resource list. What cannot be read counts as nothing: the API server lets no such thing in.
pub(crate) fn list(quantities: &BTreeMap<String, String>) -> Amounts {
    let mut out = Amounts::default();
    for (name, text) in quantities {
        let Ok(quantity) = Quantity::parse(text) else { continue };
        let whole = u64::try_from(quantity.value()).unwrap_or(0);
        match name.as_str() {
            "cpu" => out.cpu_milli = u64::try_from(quantity.milli_value()).unwrap_or(0),
            "memory" => out.memory_bytes = whole,
            "ephemeral-storage" => out.ephemeral_bytes = whole,
            "pods" => out.pods = whole,
            _ if whole > 0 => drop(out.others.insert(name.as_str().into(), whole)),
            _ => {}
        }
    }
    out
}

impl Amounts {
    fn add(&mut self, other: &Self) {
        self.merge(other, u64::saturating_add);
    }

    fn max(&mut self, other: &Self) {
        self.merge(other, u64::max);
    }

    fn merge(&mut self, other: &Self, with: impl Fn(u64, u64) -> u64) {
        self.cpu_milli = with(self.cpu_milli, other.cpu_milli);
        self.memory_bytes = with(self.memory_bytes, other.memory_bytes);
        self.ephemeral_bytes = with(self.ephemeral_bytes, other.ephemeral_bytes);
        for (name, amount) in &other.others {
            let mine = self.others.entry(name.clone()).or_default();
            *mine = with(*mine, *amount);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(spec: serde_json::Value, cpu_milli: u64, memory_bytes: u64, others: &[(&str, u64)]) {
        let spec: PodSpec = serde_json::from_value(spec).unwrap_or_default();
        let amounts = of_pod(&spec);
        let expected: BTreeMap<Box<str>, u64> = others.iter().map(|(name, amount)| ((*name).into(), *amount)).collect();
        assert_eq!((amounts.cpu_milli, amounts.memory_bytes, amounts.others), (cpu_milli, memory_bytes, expected));
    }

    #[test]
    fn a_pod_asks_for_what_runs_together_or_its_largest_start() {
        let c = |cpu: &str, memory: &str| json!({"resources": {"requests": {"cpu": cpu, "memory": memory}}});
        let sidecar = |cpu: &str| json!({"restartPolicy": "Always", "resources": {"requests": {"cpu": cpu}}});
        check(json!({"containers": [{}]}), 0, 0, &[]);
        check(json!({"containers": [c("100m", "1Mi"), c("0.2", "1M")]}), 300, 2_048_576, &[]);
        check(json!({"containers": [c("0.0001", "1")]}), 1, 1, &[]);
        check(json!({"containers": [c("1", "1Gi")], "initContainers": [c("3", "1Mi")]}), 3_000, 1 << 30, &[]);
        check(json!({"containers": [c("1", "0")], "initContainers": [sidecar("1"), c("2", "0")]}), 3_000, 0, &[]);
        check(json!({"containers": [c("2", "0")], "initContainers": [c("2", "0"), sidecar("1")]}), 3_000, 0, &[]);
        check(json!({"containers": [c("1", "0")], "overhead": {"cpu": "50m"}}), 1_050, 0, &[]);
        check(
            json!({"containers": [c("1", "0")], "resources": {"requests": {"cpu": "4"}}, "overhead": {"cpu": "1"}}),
            5_000,
            0,
            &[],
        );
        let gpus = json!({"resources": {"requests": {"example.com/gpu": "2", "example.com/none": "0"}}});
        check(json!({"containers": [gpus]}), 0, 0, &[("example.com/gpu", 2)]);
    }
}

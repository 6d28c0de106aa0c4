//! The quality-of-service class of a Pod: who is throttled and killed first.

use serde_json::Value;

use crate::spec::PodSpec;

/// The three classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Qos {
    /// Every container has limits for cpu and memory, equal to its requests.
    Guaranteed,
    /// Something in between.
    Burstable,
    /// Nothing is asked for and nothing is limited.
    BestEffort,
}

impl Qos {
    /// The name in `status.qosClass`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Guaranteed => "Guaranteed",
            Self::Burstable => "Burstable",
            Self::BestEffort => "BestEffort",
        }
    }
}

/// The class of a Pod, from the requests and limits of its containers (or of the Pod, where given).
pub fn qos_class(spec: &PodSpec) -> Qos {
    let pod_level = [&spec.resources];
    let of_containers = spec.containers.iter().chain(&spec.init_containers).map(|container| &container.resources);
    let all: Vec<&Value> = if spec.resources.is_object() { pod_level.to_vec() } else { of_containers.collect() };
    let mut any = false;
    let mut guaranteed = true;
    for resources in all {
        for name in ["cpu", "memory"] {
            let request = amount(&resources["requests"][name]);
            let limit = amount(&resources["limits"][name]);
            any |= request.is_some() || limit.is_some();
            guaranteed &= limit.is_some() && (request.is_none() || request == limit);
        }
    }
    match (any, guaranteed) {
        (false, _) => Qos::BestEffort,
        (true, true) => Qos::Guaranteed,
        (true, false) => Qos::Burstable,
    }
}

/// A quantity that is there and not zero. The API server stores quantities in one canonical text.
fn amount(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (text != "0").then_some(text)
}

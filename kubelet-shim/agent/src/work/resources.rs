//! Requests and limits as the kernel's cgroups know them.

use kubernel_meta::Quantity;
use kubernel_podlife::Qos;
use kubernel_runtime::cgroup::PodLimits;
use kubernel_runtime::cri;
use serde_json::Value;

/// The period over which CPU quotas are counted.
const CPU_PERIOD_US: i64 = 100_000;
/// The kernel refuses smaller quotas.
const CPU_QUOTA_US_MIN: i64 = 1000;
/// The kernel's limits of cpu.shares.
const CPU_SHARES_MIN: i64 = 2;
const CPU_SHARES_MAX: i64 = 262_144;

/// The cgroup of a Pod below `root`; its class decides on which branch.
pub(crate) fn pod_cgroup(root: &str, qos: Qos, uid: &str) -> String {
    match qos {
        Qos::Guaranteed => format!("{root}/pod{uid}"),
        Qos::Burstable => format!("{root}/burstable/pod{uid}"),
        Qos::BestEffort => format!("{root}/besteffort/pod{uid}"),
    }
}

/// A container's resources for the runtime.
pub(crate) fn of_container(container: &Value, qos: Qos, node_memory_bytes: i64) -> cri::LinuxContainerResources {
    let resources = &container["resources"];
    let cpu_limit = milli(&resources["limits"]["cpu"]);
    let cpu_request = milli(&resources["requests"]["cpu"]).or(cpu_limit);
    let memory_limit = bytes(&resources["limits"]["memory"]);
    let memory_request = bytes(&resources["requests"]["memory"]).or(memory_limit).unwrap_or(0);
    cri::LinuxContainerResources {
        cpu_shares: shares(cpu_request.unwrap_or(0)),
        cpu_period: CPU_PERIOD_US,
        cpu_quota: cpu_limit.map_or(0, quota),
        memory_limit_in_bytes: memory_limit.unwrap_or(0),
        oom_score_adj: oom_score_adj(qos, memory_request, node_memory_bytes),
        ..Default::default()
    }
}

/// The limits of the Pod as a whole: a sum, where every container has one.
pub(crate) fn of_pod(pod: &Value, qos: Qos) -> PodLimits {
    let containers: Vec<&Value> = pod["spec"]["containers"].as_array().into_iter().flatten().collect();
    let sum =
        |pick: &dyn Fn(&Value) -> Option<i64>| containers.iter().map(|c| pick(&c["resources"])).sum::<Option<i64>>();
    let requests: i64 = containers
        .iter()
        .filter_map(|c| milli(&c["resources"]["requests"]["cpu"]).or_else(|| milli(&c["resources"]["limits"]["cpu"])))
        .sum();
    // Init containers may need more than the containers proper; their limits are their own, so the Pod gets none.
    let has_inits = pod["spec"]["initContainers"].as_array().is_some_and(|list| !list.is_empty());
    let limited = qos != Qos::BestEffort && !has_inits;
    let cpu = sum(&|resources| milli(&resources["limits"]["cpu"])).filter(|_| limited);
    let memory = sum(&|resources| bytes(&resources["limits"]["memory"])).filter(|_| limited);
    PodLimits {
        cpu_shares: shares(requests).unsigned_abs(),
        cpu_quota_us: cpu.map(|milli| quota(milli).unsigned_abs()),
        memory_bytes: memory.map(i64::unsigned_abs),
    }
}

/// Thousandths of a CPU, if given and not zero.
pub(crate) fn milli(value: &Value) -> Option<i64> {
    quantity(value).map(|quantity| quantity.milli_value()).filter(|milli| *milli > 0)
}

/// Whole units, if given and not zero.
pub(crate) fn bytes(value: &Value) -> Option<i64> {
    quantity(value).map(|quantity| quantity.value()).filter(|bytes| *bytes > 0)
}

fn quantity(value: &Value) -> Option<Quantity> {
    match value {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.to_string().parse().ok(),
        _ => None,
    }
}

fn shares(milli: i64) -> i64 {
    (milli.saturating_mul(1024) / 1000).clamp(CPU_SHARES_MIN, CPU_SHARES_MAX)
}

fn quota(milli: i64) -> i64 {
    (milli.saturating_mul(CPU_PERIOD_US) / 1000).max(CPU_QUOTA_US_MIN)
}

/// Who is killed first when memory runs out: best-effort Pods, then those that ask for little.
fn oom_score_adj(qos: Qos, memory_request: i64, node_memory_bytes: i64) -> i64 {
    match qos {
        Qos::Guaranteed => -997,
        Qos::BestEffort => 1000,
        Qos::Burstable => {
            let share = i128::from(memory_request) * 1000 / i128::from(node_memory_bytes.max(1));
            i64::try_from(1000 - share).unwrap_or(3).clamp(3, 999)
        }
    }
}

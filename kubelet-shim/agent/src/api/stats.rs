//! What the node and its Pods use: `/stats/summary` as JSON. For scrapers see `metrics`.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use kubernel_podlife::{PodView, qos_class};
use kubernel_runtime::cgroup::Usage;
use kubernel_runtime::cri;
use serde_json::{Value, json};

use super::{Json, Refusal, pods};
use crate::node::{NodeContext, machine};
use crate::pod::View;
use crate::work::pod_cgroup;

/// One Pod's use: its own cgroup's and its containers'.
pub(super) struct PodUse {
    pub(super) view: View,
    pub(super) usage: Usage,
    pub(super) containers: Vec<(String, Usage)>,
}

/// `/stats/summary`.
pub(crate) async fn summary(State(node): State<Arc<NodeContext>>) -> Result<Json, Refusal> {
    let uses = collect(&node).await?;
    let time = now();
    let (fs_size, fs_free) = machine::storage(&node.config.data_dir);
    let node_use = of_node(&node);
    let items = uses.iter().map(|one| {
        let meta = &one.view.object["metadata"];
        let containers = one.containers.iter().map(|(name, usage)| {
            let started = start_time(&one.view, name);
            let mut entry = json!({"name": name, "cpu": cpu(usage, &time), "memory": memory(usage, &time)});
            entry["startTime"] = started.unwrap_or_default().into();
            entry
        });
        json!({
            "podRef": {"name": meta["name"], "namespace": meta["namespace"], "uid": meta["uid"]},
            "startTime": one.view.status["startTime"],
            "containers": containers.collect::<Vec<_>>(),
            "cpu": cpu(&one.usage, &time),
            "memory": memory(&one.usage, &time),
        })
    });
    let items: Vec<Value> = items.collect();
    let fs = json!({"time": time, "capacityBytes": fs_size, "availableBytes": fs_free,
        "usedBytes": fs_size.saturating_sub(fs_free)});
    Ok(Json(json!({
        "node": {
            "nodeName": node.config.node_name,
            "cpu": cpu(&node_use, &time),
            "memory": memory(&node_use, &time),
            "fs": fs,
        },
        "pods": items,
    })))
}

/// What every Pod with a running container uses.
pub(super) async fn collect(node: &NodeContext) -> Result<Vec<PodUse>, Refusal> {
    let stats = node.runtime.container_stats().await;
    let stats = stats.map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")))?;
    let by_id: HashMap<String, Usage> =
        stats.iter().filter_map(|stats| Some((stats.attributes.as_ref()?.id.clone(), of_container(stats)))).collect();
    let mut out = Vec::new();
    for view in pods::views(node) {
        let running = view.containers.iter().filter(|(_, _, running)| *running);
        let containers: Vec<(String, Usage)> =
            running.filter_map(|(name, id, _)| Some((name.clone(), *by_id.get(id)?))).collect();
        if containers.is_empty() {
            continue;
        }
        let pod = PodView::from_json(&view.object);
        let cgroup = pod_cgroup(&node.config.cgroup_root, qos_class(&pod.spec), &pod.uid);
        let sum = containers.iter().fold(Usage::default(), |sum, (_, one)| Usage {
            cpu_ns: sum.cpu_ns + one.cpu_ns,
            memory_bytes: sum.memory_bytes + one.memory_bytes,
            memory_working_set_bytes: sum.memory_working_set_bytes + one.memory_working_set_bytes,
        });
        let usage = node.cgroups.usage(&cgroup).unwrap_or(sum);
        out.push(PodUse { view, usage, containers });
    }
    Ok(out)
}

fn of_container(stats: &cri::ContainerStats) -> Usage {
    let value = |value: &Option<cri::UInt64Value>| value.as_ref().map_or(0, |value| value.value);
    let cpu = stats.cpu.as_ref();
    let memory = stats.memory.as_ref();
    Usage {
        cpu_ns: cpu.map_or(0, |cpu| value(&cpu.usage_core_nano_seconds)),
        memory_bytes: memory.map_or(0, |memory| value(&memory.usage_bytes)),
        memory_working_set_bytes: memory.map_or(0, |memory| value(&memory.working_set_bytes)),
    }
}

pub(super) fn of_node(node: &NodeContext) -> Usage {
    let cpu_ns = node.cgroups.usage("/").map_or(0, |usage| usage.cpu_ns);
    let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let used = machine::memory(&meminfo, "MemTotal:").saturating_sub(machine::memory(&meminfo, "MemAvailable:"));
    Usage { cpu_ns, memory_bytes: used, memory_working_set_bytes: used }
}

pub(super) fn start_time(view: &View, container: &str) -> Option<String> {
    let lists = ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"];
    let mut all = lists.iter().flat_map(|list| view.status[*list].as_array().into_iter().flatten());
    let status = all.find(|status| status["name"] == container)?;
    Some(status["state"]["running"]["startedAt"].as_str()?.to_owned())
}

fn cpu(usage: &Usage, time: &str) -> Value {
    json!({"time": time, "usageCoreNanoSeconds": usage.cpu_ns})
}

fn memory(usage: &Usage, time: &str) -> Value {
    json!({"time": time, "usageBytes": usage.memory_bytes, "workingSetBytes": usage.memory_working_set_bytes})
}

fn now() -> String {
    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

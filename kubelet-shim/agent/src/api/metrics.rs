//! What scrapers read: `/metrics` of the agent itself, `/metrics/resource` for metrics-server, `/metrics/cadvisor` for
//! dashboards. Names and labels are upstream's; what this node does not measure is not there.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use kubernel_metrics::{Format, Page, Source as _, process};
use kubernel_runtime::cgroup::Usage;

use super::stats::{self, PodUse};
use super::{Refusal, pods};
use crate::node::{NodeContext, machine};
use crate::pod::View;

/// `/metrics`.
pub(crate) async fn of_agent(State(node): State<Arc<NodeContext>>, headers: HeaderMap) -> Response {
    let mut page = Scrape::begin(&headers);
    let out = &mut page.page;
    out.gauge("kubelet_node_name", "[ALPHA] The node's name. The value is always 1.");
    out.sample(&[("node", &node.config.node_name)], 1);
    let views = pods::views(&node);
    let running = views.iter().filter(|view| view.containers.iter().any(|(_, _, running)| *running)).count();
    out.gauge("kubelet_running_pods", "[ALPHA] Pods with a container that runs.");
    out.sample(&[], running);
    let (running, ended): (Vec<bool>, Vec<bool>) = views
        .iter()
        .flat_map(|view| view.containers.iter().map(|(_, _, running)| *running))
        .partition(|running| *running);
    out.gauge("kubelet_running_containers", "[ALPHA] Containers by their state.");
    for (state, count) in [("exited", ended.len()), ("running", running.len())] {
        out.sample(&[("container_state", state)], count);
    }
    out.gauge("kubelet_active_pods", "[ALPHA] Pods that are not over.");
    out.sample(&[("static", "")], views.iter().filter(|view| !view.finished).count());
    if let Some(metrics) = node.runtime.metrics() {
        metrics.write(out);
    }
    process::write(out);
    page.finish()
}

/// `/metrics/resource`.
pub(crate) async fn resource(State(node): State<Arc<NodeContext>>, headers: HeaderMap) -> Result<Response, Refusal> {
    let uses = stats::collect(&node).await?;
    let mut page = Scrape::begin(&headers);
    let out = &mut page.page;
    out.counter("container_cpu_usage_seconds_total", "[STABLE] CPU time of a container, in seconds.");
    each_container(&uses, |view, name, usage| out.sample(&labels(view, Some(name)), secs(usage)));
    out.gauge("container_memory_working_set_bytes", "[STABLE] Memory of a container that cannot be dropped, in bytes.");
    each_container(&uses, |view, name, usage| out.sample(&labels(view, Some(name)), usage.memory_working_set_bytes));
    out.gauge("container_start_time_seconds", "[STABLE] When a container began, in seconds since 1970.");
    each_container(&uses, |view, name, _| {
        if let Some(started) = started_secs(view, name) {
            out.sample(&labels(view, Some(name)), started);
        }
    });
    let of_node = stats::of_node(&node);
    out.counter("node_cpu_usage_seconds_total", "[STABLE] CPU time of the node, in seconds.");
    out.sample(&[], secs(&of_node));
    out.gauge("node_memory_working_set_bytes", "[STABLE] Memory of the node that cannot be dropped, in bytes.");
    out.sample(&[], of_node.memory_working_set_bytes);
    out.counter("pod_cpu_usage_seconds_total", "[STABLE] CPU time of a Pod, in seconds.");
    uses.iter().for_each(|one| out.sample(&labels(&one.view, None), secs(&one.usage)));
    out.gauge("pod_memory_working_set_bytes", "[STABLE] Memory of a Pod that cannot be dropped, in bytes.");
    uses.iter().for_each(|one| out.sample(&labels(&one.view, None), one.usage.memory_working_set_bytes));
    out.gauge("resource_scrape_error", "[STABLE] Whether something could not be measured.");
    out.sample(&[], 0);
    Ok(page.finish())
}

/// `/metrics/cadvisor`.
pub(crate) async fn cadvisor(State(node): State<Arc<NodeContext>>, headers: HeaderMap) -> Result<Response, Refusal> {
    let uses = stats::collect(&node).await?;
    let of_node = stats::of_node(&node);
    let mut page = Scrape::begin(&headers);
    let out = &mut page.page;
    type Value = fn(&Usage) -> f64;
    #[expect(clippy::cast_precision_loss, reason = "no machine has 2^53 bytes")]
    let metrics: [(&str, &str, bool, Value); 3] = [
        ("container_cpu_usage_seconds_total", "CPU time, in seconds.", true, |usage| usage.cpu_ns as f64 / 1e9),
        ("container_memory_usage_bytes", "Memory in use with the page cache, in bytes.", false, |usage| {
            usage.memory_bytes as f64
        }),
        ("container_memory_working_set_bytes", "Memory that cannot be dropped, in bytes.", false, |usage| {
            usage.memory_working_set_bytes as f64
        }),
    ];
    for (name, help, is_cpu, value) in metrics {
        if is_cpu {
            out.counter(name, help)
        } else {
            out.gauge(name, help)
        }
        // The root, the Pods, then their containers: sums over one of them leave out the others by its labels.
        let cpu = is_cpu.then_some(("cpu", "total"));
        let all: Vec<(&str, &str)> = [("container", "")].into_iter().chain(cpu).collect();
        let root = [("id", "/"), ("image", ""), ("name", ""), ("namespace", ""), ("pod", "")];
        out.sample(&[all.as_slice(), &root].concat(), value(&of_node));
        for one in &uses {
            out.sample(&[all.as_slice(), &of_container(&one.view, "", "", "")].concat(), value(&one.usage));
        }
        each_container(&uses, |view, name, usage| {
            let (id, _) = view.container(name).unwrap_or_default();
            let image = image(view, name);
            let all: Vec<(&str, &str)> = [("container", name)].into_iter().chain(cpu).collect();
            out.sample(&[all.as_slice(), &of_container(view, id, image, id)].concat(), value(usage));
        });
    }
    out.gauge("container_start_time_seconds", "When a container began, in seconds since 1970.");
    each_container(&uses, |view, name, _| {
        let (id, _) = view.container(name).unwrap_or_default();
        if let Some(started) = started_secs(view, name) {
            let labels = [&[("container", name)][..], &of_container(view, id, image(view, name), id)].concat();
            out.sample(&labels, started);
        }
    });
    out.gauge("machine_cpu_cores", "Processors of the machine.");
    out.sample(&[], std::thread::available_parallelism().map_or(1, usize::from));
    out.gauge("machine_memory_bytes", "Memory of the machine, in bytes.");
    let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    out.sample(&[], machine::memory(&meminfo, "MemTotal:"));
    Ok(page.finish())
}

/// A page in the form that a scraper takes.
struct Scrape {
    format: Format,
    page: Page,
}

impl Scrape {
    fn begin(headers: &HeaderMap) -> Self {
        let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let format = Format::accepted(accept);
        Self { format, page: Page::new(format) }
    }

    fn finish(self) -> Response {
        ([(header::CONTENT_TYPE, self.format.content_type())], self.page.finish()).into_response()
    }
}

fn each_container<'a>(uses: &'a [PodUse], mut look: impl FnMut(&'a View, &'a str, &'a Usage)) {
    for one in uses {
        one.containers.iter().for_each(|(name, usage)| look(&one.view, name, usage));
    }
}

fn labels<'a>(view: &'a View, container: Option<&'a str>) -> Vec<(&'static str, &'a str)> {
    let mut all: Vec<(&'static str, &str)> = container.map(|name| ("container", name)).into_iter().collect();
    all.extend([("namespace", meta(view, "namespace")), ("pod", meta(view, "name"))]);
    all
}

fn of_container<'a>(view: &'a View, id: &'a str, image: &'a str, name: &'a str) -> [(&'static str, &'a str); 5] {
    let id = if id.is_empty() { meta(view, "uid") } else { id };
    [("id", id), ("image", image), ("name", name), ("namespace", meta(view, "namespace")), ("pod", meta(view, "name"))]
}

fn meta<'a>(view: &'a View, field: &str) -> &'a str {
    view.object["metadata"][field].as_str().unwrap_or_default()
}

fn image<'a>(view: &'a View, container: &str) -> &'a str {
    let lists = ["containers", "initContainers", "ephemeralContainers"];
    let mut all = lists.iter().flat_map(|list| view.object["spec"][*list].as_array().into_iter().flatten());
    all.find(|one| one["name"] == container).and_then(|one| one["image"].as_str()).unwrap_or_default()
}

fn secs(usage: &Usage) -> String {
    format!("{}.{:09}", usage.cpu_ns / 1_000_000_000, usage.cpu_ns % 1_000_000_000)
}

fn started_secs(view: &View, container: &str) -> Option<i64> {
    let at: Timestamp = stats::start_time(view, container)?.parse().ok()?;
    Some(at.as_second())
}

//! What is read off the state when somebody scrapes: stored objects, logs, addresses, extension servers, the build.

use kubernel_kinds::Source as Kept;
use kubernel_metrics::Page;
use kubernel_store::At;
use serde_json::Value;

use crate::ApiServer;
use crate::context::Context;
use crate::discovery::version;
use crate::resources::Resource;

const API_SERVICES: &str = "/registry/apiregistration.k8s.io/apiservices/";

/// Writes all of it.
pub(super) async fn write(context: &Context, page: &mut Page) {
    build(context, page);
    stored(context, page);
    let server = &context.server;
    page.counter("kubernel_store_revision", "The last committed revision.");
    page.sample(&[], server.store().revision());
    let numbers = server.allocator().numbers();
    page.gauge("kube_apiserver_clusterip_allocator_allocated_ips", "[ALPHA] Cluster IPs that Services hold.");
    for (cidr, taken, _) in &numbers.addresses {
        page.sample(&[("cidr", cidr.to_string().as_str())], taken);
    }
    page.gauge("kube_apiserver_clusterip_allocator_available_ips", "[ALPHA] Cluster IPs that are free.");
    for (cidr, _, free) in &numbers.addresses {
        page.sample(&[("cidr", cidr.to_string().as_str())], free);
    }
    page.gauge("kube_apiserver_nodeport_allocator_allocated_ports", "[ALPHA] Node ports that Services hold.");
    page.sample(&[], numbers.ports.0);
    page.gauge("kube_apiserver_nodeport_allocator_available_ports", "[ALPHA] Node ports that are free.");
    page.sample(&[], numbers.ports.1);
    extensions(server, page).await;
}

fn build(context: &Context, page: &mut Page) {
    let version = version::version();
    let text = |field: &str| version[field].as_str().unwrap_or_default().to_owned();
    page.gauge("kubernetes_build_info", "[ALPHA] Which build this is.");
    let fields = [
        ("build_date", text("buildDate")),
        ("compiler", text("compiler")),
        ("git_commit", text("gitCommit")),
        ("git_tree_state", text("gitTreeState")),
        ("git_version", text("gitVersion")),
        ("go_version", text("goVersion")),
        ("major", text("major")),
        ("minor", text("minor")),
        ("platform", text("platform")),
    ];
    let labels: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    page.sample(&labels, 1);
    page.gauge("kubernetes_feature_enabled", "[BETA] Which features are on, and how mature they are.");
    for (name, stage, on) in context.server.features() {
        page.sample(&[("name", name), ("stage", stage)], u8::from(*on));
    }
}

/// How many objects each resource has, how many of its events the server saw, and how far it is.
fn stored(context: &Context, page: &mut Page) {
    let store = context.server.store();
    let is_kept = |resource: &&Resource| resource.kind.source == Kept::Store && resource.kind.stored_as.is_none();
    let mut kept: Vec<&Resource> = context.resources.iter().map(|resource| &**resource).filter(is_kept).collect();
    // Versions of a custom resource share what is stored.
    kept.sort_by_key(|resource| &resource.key_prefix);
    kept.dedup_by_key(|resource| &resource.key_prefix);
    let group = |resource: &Resource| resource.gvr.group.clone();
    page.gauge("apiserver_resource_objects", "[ALPHA] Stored objects by resource.");
    for resource in &kept {
        let labels = [("group", &*resource.gvr.group), ("resource", &*resource.gvr.resource)];
        page.sample(&labels, store.count(&resource.key_prefix));
    }
    page.gauge("apiserver_storage_objects", "[STABLE] Stored objects by resource, under its older name.");
    for resource in &kept {
        let group = group(resource);
        let name =
            if group.is_empty() { resource.gvr.resource.clone() } else { format!("{}.{group}", resource.gvr.resource) };
        page.sample(&[("resource", &name)], store.count(&resource.key_prefix));
    }
    page.counter("apiserver_watch_cache_events_received_total", "[ALPHA] Changes by resource since the start.");
    for resource in &kept {
        let labels = [("group", &*resource.gvr.group), ("resource", &*resource.gvr.resource)];
        page.sample(&labels, store.events(&resource.key_prefix));
    }
    let revision = store.revision();
    page.gauge("apiserver_watch_cache_resource_version", "[ALPHA] The revision that reads show, by resource.");
    for resource in &kept {
        page.sample(&[("group", &*resource.gvr.group), ("resource", &*resource.gvr.resource)], revision);
    }
}

/// Which extension API servers are away.
async fn extensions(server: &ApiServer, page: &mut Page) {
    let Ok(snapshot) = server.store().snapshot(API_SERVICES, At::Latest).await else { return };
    page.gauge("aggregator_unavailable_apiservice", "[ALPHA] APIServices that are not available are 1.");
    for entry in snapshot.range(API_SERVICES, "") {
        let Ok(object) = serde_json::from_slice::<Value>(&entry.json) else { continue };
        let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let away = conditions.iter().any(|one| one["type"] == "Available" && one["status"] == "False");
        page.sample(&[("name", object["metadata"]["name"].as_str().unwrap_or_default())], u8::from(away));
    }
}

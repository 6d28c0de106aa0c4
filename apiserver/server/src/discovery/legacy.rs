//! Discovery as it was before it was aggregated: one document for each group and version.

use http::{HeaderMap, header};
use serde_json::{Value, json};

use super::health;
use crate::resources::{Resource, Resources};

/// `/api`.
pub(super) fn versions(headers: &HeaderMap) -> Value {
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    json!({
        "kind": "APIVersions", "versions": ["v1"],
        "serverAddressByClientCIDRs": [{ "clientCIDR": "0.0.0.0/0", "serverAddress": host }],
    })
}

/// `/`: the paths that there are, and those of groups and versions on other servers.
pub(super) fn paths(resources: &Resources, others: &[String]) -> Value {
    let mut paths = vec!["/.well-known/openid-configuration".to_owned(), "/api".to_owned(), "/api/v1".to_owned()];
    paths.push("/apis".to_owned());
    for (group, versions) in resources.groups().into_iter().filter(|(group, _)| !group.is_empty()) {
        paths.push(format!("/apis/{group}"));
        paths.extend(versions.iter().map(|version| format!("/apis/{group}/{version}")));
    }
    for path in others {
        if !paths.contains(path) {
            paths.push(path.clone());
        }
    }
    let others = [
        "/apis/",
        "/debug/api_priority_and_fairness/dump_priority_levels",
        "/debug/api_priority_and_fairness/dump_queues",
        "/metrics",
        "/metrics/slis",
        "/openapi/v2",
        "/openapi/v3",
        "/openid/v1/jwks",
        "/version",
    ];
    paths.extend(others.map(str::to_owned));
    paths.extend(health::paths());
    paths.sort();
    json!({ "paths": paths })
}

/// `/apis`.
pub(super) fn groups(resources: &Resources) -> Value {
    let groups: Vec<Value> = resources
        .groups()
        .into_iter()
        .filter(|(group, _)| !group.is_empty())
        .map(|(name, v)| entry(name, &v))
        .collect();
    json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": groups })
}

/// `/apis/G`.
pub(super) fn group(resources: &Resources, name: &str) -> Option<Value> {
    let (name, versions) = resources.groups().into_iter().find(|(group, _)| !group.is_empty() && *group == name)?;
    let mut group = entry(name, &versions);
    group["kind"] = json!("APIGroup");
    group["apiVersion"] = json!("v1");
    Some(group)
}

fn entry(name: &str, versions: &[&str]) -> Value {
    let one = |version: &&str| json!({ "groupVersion": format!("{name}/{version}"), "version": version });
    let all: Vec<Value> = versions.iter().map(one).collect();
    json!({ "name": name, "versions": all, "preferredVersion": all.first() })
}

/// `/api/v1` and `/apis/G/V`.
pub(super) fn resources(resources: &Resources, group: &str, version: &str) -> Option<Value> {
    let served: Vec<&Resource> = resources
        .iter()
        .map(|resource| &**resource)
        .filter(|resource| resource.gvr.group == group && resource.gvr.version == version)
        .collect();
    let api_version = &served.first()?.api_version;
    let mut all: Vec<Value> = served.iter().flat_map(|resource| with_subresources(resource)).collect();
    all.sort_by(|a, b| a["name"].as_str().cmp(&b["name"].as_str()));
    let mut list = json!({ "kind": "APIResourceList", "groupVersion": api_version, "resources": all });
    if !group.is_empty() {
        list["apiVersion"] = json!("v1");
    }
    Some(list)
}

fn with_subresources(resource: &Resource) -> Vec<Value> {
    let kind = &resource.kind;
    let mut main = json!({
        "name": kind.plural, "singularName": kind.singular, "namespaced": kind.namespaced, "kind": kind.kind,
        "verbs": kind.verbs.as_ref(),
    });
    if !kind.short_names.is_empty() {
        main["shortNames"] = json!(kind.short_names.as_ref());
    }
    if !kind.categories.is_empty() {
        main["categories"] = json!(kind.categories.as_ref());
    }
    if !kind.storage_version_hash.is_empty() {
        main["storageVersionHash"] = json!(kind.storage_version_hash);
    }
    let mut all = vec![main];
    for sub in kind.subresources.iter() {
        let mut entry = json!({
            "name": format!("{}/{}", kind.plural, sub.name), "singularName": "", "namespaced": kind.namespaced,
            "kind": kind.kind, "verbs": sub.verbs.as_ref(),
        });
        if let Some((group, version, name)) = &sub.kind {
            entry["kind"] = json!(name);
            if (&**group, &**version) != (&*kind.group, &*kind.version) {
                entry["group"] = json!(group);
                entry["version"] = json!(version);
            }
        }
        all.push(entry);
    }
    all
}

//! What the server of an APIService says of itself: its resources, and where its OpenAPI documents are.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::StatusCode;
use parking_lot::Mutex;
use serde_json::{Map, Value, json};

use super::fetch;
use super::swagger::Kept;
use super::table::{ApiService, Backend};
use crate::ApiServer;

/// Aggregated discovery alone: a server that does not have it refuses, and is asked as of old.
const DISCOVERY: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
                         application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList";

/// What is known of one version on another server.
#[derive(Debug)]
pub(super) struct Remote {
    /// Its `APIVersionDiscovery`, with its freshness.
    pub(super) discovery: Value,
    /// Of the document that it is from.
    etag: String,
    /// The OpenAPI v3 documents of the version and its group: where they are, by their names.
    pub(super) openapi: BTreeMap<String, String>,
    /// Its OpenAPI v2 document, once somebody has asked for it.
    pub(super) swagger: Mutex<Option<Kept>>,
}

impl Remote {
    /// Asks the server for its resources; the rest stays as it was.
    pub(super) async fn read(server: &ApiServer, service: &ApiService, backend: &Backend, old: Option<&Self>) -> Self {
        let (discovery, etag) = match discovery(server, service, backend, old).await {
            Ok((entry, etag)) => (with_freshness(entry, "Current"), etag),
            Err(problem) => {
                tracing::debug!(name = service.name, problem, "discovery of an APIService failed");
                return Self::stale(service, old);
            }
        };
        let openapi = old.map(|old| old.openapi.clone()).unwrap_or_default();
        let swagger = Mutex::new(old.and_then(|old| old.swagger.lock().clone()));
        Self { discovery, etag, openapi, swagger }
    }

    /// The same, with the OpenAPI v3 documents that the server has now; `None` where they are the same.
    pub(super) async fn with_openapi(
        &self,
        server: &ApiServer,
        service: &ApiService,
        backend: &Backend,
    ) -> Option<Self> {
        match openapi(server, service, backend).await {
            Ok(openapi) if openapi == self.openapi => None,
            Ok(openapi) => Some(Self {
                discovery: self.discovery.clone(),
                etag: self.etag.clone(),
                openapi,
                swagger: Mutex::new(self.swagger.lock().clone()),
            }),
            Err(problem) => {
                tracing::debug!(name = service.name, problem, "no OpenAPI v3 of an APIService");
                None
            }
        }
    }

    /// What is left where the server cannot be asked.
    pub(super) fn stale(service: &ApiService, old: Option<&Self>) -> Self {
        let discovery = old.map_or_else(|| json!({ "version": service.version }), |old| old.discovery.clone());
        Self {
            discovery: with_freshness(discovery, "Stale"),
            etag: old.map(|old| old.etag.clone()).unwrap_or_default(),
            openapi: old.map(|old| old.openapi.clone()).unwrap_or_default(),
            swagger: Mutex::new(old.and_then(|old| old.swagger.lock().clone())),
        }
    }

    /// What this server's documents show of it.
    pub(super) fn shown(&self) -> (&Value, &BTreeMap<String, String>) {
        (&self.discovery, &self.openapi)
    }
}

fn with_freshness(mut entry: Value, freshness: &str) -> Value {
    if let Some(entry) = entry.as_object_mut() {
        entry.insert("freshness".to_owned(), json!(freshness));
    }
    entry
}

/// The version's `APIVersionDiscovery`, and the ETag of the document that it is from.
async fn discovery(
    server: &ApiServer,
    service: &ApiService,
    backend: &Backend,
    old: Option<&Remote>,
) -> Result<(Value, String), String> {
    let etag = old.map_or("", |old| &old.etag);
    let root = if service.group.is_empty() { "/api" } else { "/apis" };
    let answer = fetch::get(server, backend, root, (DISCOVERY, etag), fetch::WAIT).await?;
    match (answer.code, old) {
        (StatusCode::NOT_MODIFIED, Some(old)) => return Ok((old.discovery.clone(), old.etag.clone())),
        (StatusCode::OK, _) => {
            let list = parse(&answer.body)?;
            if list["kind"] == "APIGroupDiscoveryList" {
                let found = find(&list, &service.group, &service.version);
                let nothing = || json!({ "version": service.version });
                return Ok((found.map_or_else(nothing, tidy), answer.etag()));
            }
        }
        (StatusCode::NOT_ACCEPTABLE | StatusCode::NOT_FOUND, _) => {}
        (code, _) => return Err(format!("{root}: {code}")),
    }
    let path = service.path();
    let answer = fetch::get(server, backend, &path, ("application/json", ""), fetch::WAIT).await?;
    if answer.code != StatusCode::OK {
        return Err(format!("{path}: {}", answer.code));
    }
    Ok((of_legacy(&parse(&answer.body)?, &service.version), String::new()))
}

fn find<'a>(list: &'a Value, group: &str, version: &str) -> Option<&'a Value> {
    let groups = list["items"].as_array()?;
    let found = groups.iter().find(|known| known["metadata"]["name"].as_str().unwrap_or_default() == group)?;
    found["versions"].as_array()?.iter().find(|known| known["version"] == version)
}

/// The fields of an `APIVersionDiscovery` that have their types: clients read the merged document whole or not at all.
fn tidy(version: &Value) -> Value {
    const TEXTS: [&str; 5] = ["resource", "scope", "singularResource", "subresource", "version"];
    const LISTS: [&str; 3] = ["verbs", "shortNames", "categories"];
    let mut out = Map::new();
    for (field, value) in version.as_object().into_iter().flatten() {
        let kept = match (field.as_str(), value) {
            (name, Value::String(_)) if TEXTS.contains(&name) => value.clone(),
            (name, Value::Array(all)) if LISTS.contains(&name) => {
                all.iter().filter(|one| one.is_string()).cloned().collect()
            }
            ("responseKind", Value::Object(_)) => kind_of(value),
            ("acceptedTypes", Value::Array(all)) => all.iter().map(kind_of).collect(),
            ("resources" | "subresources", Value::Array(all)) => all.iter().map(tidy).collect(),
            _ => continue,
        };
        out.insert(field.clone(), kept);
    }
    Value::Object(out)
}

fn kind_of(from: &Value) -> Value {
    let text = |field: &str| from[field].as_str().unwrap_or_default();
    json!({ "group": text("group"), "version": text("version"), "kind": text("kind") })
}

fn parse(body: &Bytes) -> Result<Value, String> {
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

/// An `APIResourceList` as an `APIVersionDiscovery`.
fn of_legacy(list: &Value, version: &str) -> Value {
    let listed = list["resources"].as_array().map_or(&[][..], Vec::as_slice);
    let text = |from: &Value, field: &str| json!(from[field].as_str().unwrap_or_default());
    let verbs = |from: &Value| from["verbs"].as_array().cloned().unwrap_or_default();
    let mut resources: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for from in listed {
        let name = from["name"].as_str().unwrap_or_default();
        let (parent, sub) = name.split_once('/').map_or((name, ""), |(parent, sub)| (parent, sub));
        let entry = resources.entry(parent).or_default();
        entry.insert("resource".to_owned(), json!(parent));
        let scope = if from["namespaced"] == true { "Namespaced" } else { "Cluster" };
        entry.insert("scope".to_owned(), json!(scope));
        if sub.is_empty() {
            entry.insert("responseKind".to_owned(), kind_of(from));
            entry.insert("singularResource".to_owned(), text(from, "singularName"));
            entry.insert("verbs".to_owned(), json!(verbs(from)));
            for field in ["shortNames", "categories"] {
                if from[field].is_array() {
                    entry.insert(field.to_owned(), from[field].clone());
                }
            }
            continue;
        }
        let of_sub = json!({ "subresource": sub, "responseKind": kind_of(from), "verbs": verbs(from) });
        if let Some(all) = entry.entry("subresources").or_insert_with(|| json!([])).as_array_mut() {
            all.push(of_sub);
        }
    }
    let resources: Vec<Map<String, Value>> = resources.into_values().collect();
    json!({ "version": version, "resources": resources })
}

/// Where the OpenAPI v3 documents of the version and of its group are; nothing where the server has none.
async fn openapi(
    server: &ApiServer,
    service: &ApiService,
    backend: &Backend,
) -> Result<BTreeMap<String, String>, String> {
    let answer = fetch::get(server, backend, "/openapi/v3", ("application/json", ""), fetch::LONG_WAIT).await?;
    match answer.code {
        StatusCode::OK => {}
        StatusCode::NOT_FOUND => return Ok(BTreeMap::new()),
        code => return Err(code.to_string()),
    }
    let index = parse(&answer.body)?;
    let own = service.path();
    let own = own.trim_start_matches('/');
    let group = own.rsplit_once('/').map_or("", |(group, _)| group);
    let paths = index["paths"].as_object().into_iter().flatten();
    let ours = paths.filter(|(name, _)| *name == own || *name == group);
    Ok(ours.filter_map(|(name, entry)| Some((name.clone(), entry["serverRelativeURL"].as_str()?.to_owned()))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strange_documents() {
        let version = json!({"version": "v1", "freshness": 7, "more": {}, "resources": [
            {"resource": "things", "verbs": ["get", 1], "responseKind": {"kind": "Thing", "x": 1}, "scope": null,
             "subresources": [{"subresource": "status", "verbs": "get", "acceptedTypes": ["odd"]}]},
            "odd",
        ]});
        let nothing = json!({"group": "", "version": "", "kind": ""});
        let wanted = json!({"version": "v1", "resources": [
            {"resource": "things", "verbs": ["get"], "responseKind": {"group": "", "version": "", "kind": "Thing"},
             "subresources": [{"subresource": "status", "acceptedTypes": [nothing]}]},
            {},
        ]});
        assert_eq!(tidy(&version), wanted);
    }

    #[test]
    fn resources_as_of_old() {
        let list = json!({"kind": "APIResourceList", "resources": [
            {"name": "things", "singularName": "thing", "namespaced": true, "kind": "Thing", "verbs": ["get"],
             "shortNames": ["th"]},
            {"name": "things/status", "singularName": "", "namespaced": true, "kind": "Thing", "verbs": ["update"]},
            {"name": "things/scale", "namespaced": true, "group": "autoscaling", "version": "v1", "kind": "Scale",
             "verbs": ["get"]},
            {"name": "rooms", "singularName": "room", "namespaced": false, "kind": "Room", "verbs": []},
        ]});
        let own = |kind: &str| json!({"group": "", "version": "", "kind": kind});
        let wanted = json!({"version": "v1", "resources": [
            {"resource": "rooms", "scope": "Cluster", "responseKind": own("Room"), "singularResource": "room",
             "verbs": []},
            {"resource": "things", "scope": "Namespaced", "responseKind": own("Thing"), "singularResource": "thing",
             "verbs": ["get"], "shortNames": ["th"], "subresources": [
                 {"subresource": "status", "responseKind": own("Thing"), "verbs": ["update"]},
                 {"subresource": "scale", "verbs": ["get"],
                  "responseKind": {"group": "autoscaling", "version": "v1", "kind": "Scale"}},
             ]},
        ]});
        assert_eq!(of_legacy(&list, "v1"), wanted);
    }
}

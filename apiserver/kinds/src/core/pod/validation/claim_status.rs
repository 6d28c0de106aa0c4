//! The claims that a Pod's status names: those made for its own claims, and the one made for extended resources.

use std::collections::{HashMap, HashSet};

use kubernel_meta::field::{Error, Path};
use kubernel_meta::validation as meta;
use serde_json::Value;

use crate::tree::{items, set, text};
use crate::validate::texts;

/// What is wrong with `resourceClaimStatuses`.
pub(super) fn claims(path: &Path, spec: &Value, status: &Value) -> Vec<Error> {
    let known: HashSet<&str> = items(spec, "resourceClaims").iter().map(|claim| text(claim, "name")).collect();
    let mut seen = HashSet::new();
    let mut errors = Vec::new();
    for (i, status) in items(status, "resourceClaimStatuses").iter().enumerate() {
        let (at, name) = (path.index(i).child("name"), text(status, "name"));
        if !known.contains(name) {
            errors.push(at.invalid(name, "must match the name of an entry in `spec.resourceClaims`"));
        }
        if !seen.insert(name) {
            errors.push(at.duplicate(name));
        }
        if let Some(claim) = status.get("resourceClaimName").and_then(Value::as_str) {
            errors.extend(texts(&at, claim, meta::dns1123_subdomain(claim)));
        }
    }
    errors
}

/// What is wrong with `extendedResourceClaimStatus`. Upstream leaves out which request's name is wrong.
pub(super) fn extended(path: &Path, spec: &Value, status: &Value) -> Vec<Error> {
    let Some(status) = set(status, "extendedResourceClaimStatus") else { return Vec::new() };
    let containers: HashMap<&str, &Value> = ["initContainers", "containers"]
        .into_iter()
        .flat_map(|list| items(spec, list))
        .map(|container| (text(container, "name"), container))
        .collect();
    let at_list = path.child("requestMappings");
    let mappings = items(status, "requestMappings");
    let mut errors = Vec::new();
    if mappings.is_empty() {
        errors.push(at_list.required("at least one request mapping is required"));
    }
    let mut seen = HashSet::new();
    for (i, mapping) in mappings.iter().enumerate() {
        let at = at_list.index(i);
        let fields = ["containerName", "resourceName", "requestName"];
        let [container, resource, request] = fields.map(|field| text(mapping, field));
        match containers.get(container) {
            None => {
                let detail = "must match the name of an entry in spec.initContainers.name or spec.containers.name";
                errors.push(at.child("containerName").invalid(container, detail));
            }
            Some(asking) => {
                let requests = asking.pointer("/resources/requests");
                if requests.and_then(|requests| requests.get(resource)).is_none() {
                    let detail = "must match the extended resource name of an entry in \
                                  spec.initContainers.resources.requests or spec.containers.resources.requests";
                    errors.push(at.child("resourceName").invalid(resource, detail));
                }
            }
        }
        errors.extend(texts(&path.child("requestName"), request, meta::dns1123_label(request)));
        if !seen.insert([container, resource, request]) {
            let values = fields.into_iter().zip([container, resource, request]);
            errors.extend(values.map(|(field, value)| at.child(field).duplicate(value)));
        }
    }
    let (at, name) = (path.child("resourceClaimName"), text(status, "resourceClaimName"));
    if name.is_empty() {
        errors.push(at.required(""));
    } else {
        errors.extend(texts(&at, name, meta::dns1123_subdomain(name)));
    }
    errors
}

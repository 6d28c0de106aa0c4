//! What a node may do to Pods and in their name: mirror its own, tell of those it runs, evict and delete them, and ask for
//! the tokens they mount.

use std::sync::Arc;

use kubernel_meta::{ApiError, Gvr, Object};
use serde_json::Value;

use super::{Attributes, Operation, View};
use crate::ApiServer;
use crate::authz::{self, Decision};

const MIRROR: &str = "kubernetes.io/config.mirror";

pub(super) async fn check(
    view: &View<'_>,
    request: &Attributes<'_>,
    node: &str,
    object: Option<&Object>,
    old: Option<&Object>,
) -> Result<(), ApiError> {
    let refuse = |text: String| Err(request.forbidden(text));
    let operation = request.operation.name();
    match (request.subresource, request.operation) {
        ("", Operation::Create) => match object {
            Some(pod) => check_mirror(view, request, node, pod).await,
            None => Ok(()),
        },
        ("", Operation::Delete) => match old {
            Some(pod) if !is_on(pod, node) => {
                refuse(format!("node {node:?} can only delete pods with spec.nodeName set to itself"))
            }
            _ => Ok(()),
        },
        ("", _) => {
            refuse(format!("unexpected operation {operation:?}, node {node:?} can only create and delete mirror pods"))
        }
        ("status", Operation::Update) => match object.zip(old) {
            Some((pod, old)) => check_status(node, pod, old).map_or(Ok(()), refuse),
            None => Ok(()),
        },
        ("eviction", Operation::Create) => {
            let pod = find(view, request, request.name).await?;
            if is_on(&pod, node) {
                return Ok(());
            }
            refuse(format!("node {node} can only evict pods with spec.nodeName set to itself"))
        }
        ("status" | "eviction", _) => refuse(format!("unexpected operation {operation:?}")),
        (other, _) => refuse(format!("unexpected pod subresource {other:?}, only 'status' and 'eviction' are allowed")),
    }
}

/// A mirror Pod stands for one that the node runs of its own files: it belongs to the node and reaches for nothing.
async fn check_mirror(view: &View<'_>, request: &Attributes<'_>, node: &str, pod: &Object) -> Result<(), ApiError> {
    let refuse = |text: String| Err(request.forbidden(text));
    if !pod.annotations().any(|(key, _)| key == MIRROR) {
        return refuse(format!("pod does not have {MIRROR:?} annotation, node {node:?} can only create mirror pods"));
    }
    if !is_on(pod, node) {
        return refuse(format!("node {node:?} can only create pods with spec.nodeName set to itself"));
    }
    let owner = match pod.list_at(&["metadata", "ownerReferences"]) {
        [] => return refuse(format!("node {node:?} can only create pods with an owner reference set to itself")),
        [owner] => owner,
        _ => return refuse(format!("node {node:?} can only create pods with a single owner reference set to itself")),
    };
    if owner["apiVersion"] != "v1" || owner["kind"] != "Node" || owner["name"] != node {
        return refuse(format!("node {node:?} can only create pods with an owner reference set to itself"));
    }
    if owner["controller"] != true {
        return refuse(format!("node {node:?} can only create pods with a controller owner reference set to itself"));
    }
    if owner["blockOwnerDeletion"] == true {
        return refuse(format!("node {node:?} must not set blockOwnerDeletion on an owner reference"));
    }
    let Some(found) = view.get(&format!("/registry/core/nodes/{node}")).await? else {
        return Err(ApiError::not_found(&Gvr::new("", "v1", "nodes"), node));
    };
    let uid = owner["uid"].as_str().unwrap_or_default();
    if uid != found.uid() {
        return refuse(format!("node {node} UID mismatch: expected {uid} got {}", found.uid()));
    }
    if !pod.str_at(&["spec", "serviceAccountName"]).is_empty() {
        return refuse(format!("node {node:?} can not create pods that reference a service account"));
    }
    let spec = pod.at(&["spec"]).unwrap_or(&Value::Null);
    let projects_bundles = |volume: &Value| {
        let sources = volume.pointer("/projected/sources").and_then(Value::as_array);
        sources.is_some_and(|sources| sources.iter().any(|source| source.get("clusterTrustBundle").is_some()))
    };
    let volumes = pod.list_at(&["spec", "volumes"]);
    for (what, present) in [
        ("secrets", authz::names_any(spec, "secrets")),
        ("configmaps", authz::names_any(spec, "configmaps")),
        ("clustertrustbundles", volumes.iter().any(projects_bundles)),
        ("persistentvolumeclaims", authz::names_any(spec, "persistentvolumeclaims")),
        ("resourceclaims", !pod.list_at(&["spec", "resourceClaims"]).is_empty()),
    ] {
        if present {
            return refuse(format!("node {node:?} can not create pods that reference {what}"));
        }
    }
    Ok(())
}

fn check_status(node: &str, pod: &Object, old: &Object) -> Option<String> {
    if !is_on(old, node) {
        return Some(format!("node {node:?} can only update pod status for pods with spec.nodeName set to itself"));
    }
    if !pod.labels().eq(old.labels()) {
        return Some(format!("node {node:?} cannot update labels through pod status"));
    }
    let claims = |pod: &Object| pod.list_at(&["status", "resourceClaimStatuses"]).to_vec();
    (claims(pod) != claims(old)).then(|| format!("node {node:?} cannot update resource claim statues"))
}

/// A node asks for a token only for a Pod that it runs, and only for whom the Pod talks to.
pub(super) async fn check_token(
    server: &ApiServer,
    view: &View<'_>,
    request: &Attributes<'_>,
    node: &str,
    object: Option<&Object>,
) -> Result<(), ApiError> {
    let Some(asked) = object.filter(|_| request.operation == Operation::Create) else { return Ok(()) };
    let bound = |field: &str| asked.str_at(&["spec", "boundObjectRef", field]);
    let refuse = |text: String| Err(request.forbidden(text));
    if bound("apiVersion") != "v1" || bound("kind") != "Pod" || bound("name").is_empty() {
        return refuse("node requested token not bound to a pod".to_owned());
    }
    let uid = bound("uid");
    if uid.is_empty() {
        return refuse("node requested token with a pod binding without a uid".to_owned());
    }
    let pod = find(view, request, bound("name")).await?;
    if uid != pod.uid() {
        return refuse(format!(
            "the UID in the bound object reference ({uid}) does not match the UID in record. The object might have been \
             deleted and then recreated"
        ));
    }
    if !is_on(&pod, node) {
        return refuse("node requested token bound to a pod scheduled on a different node".to_owned());
    }
    let audience = match asked.list_at(&["spec", "audiences"]) {
        [] => "",
        [audience] => audience.as_str().unwrap_or_default(),
        _ => return refuse("node may only request 0 or 1 audiences".to_owned()),
    };
    if mounts_audience(&pod, audience) {
        return Ok(());
    }
    let wanted = authz::Attributes {
        user: request.user.clone(),
        verb: "request-serviceaccounts-token-audience".to_owned(),
        is_resource: true,
        version: "v1".to_owned(),
        resource: audience.to_owned(),
        namespace: request.namespace.to_owned(),
        name: request.name.to_owned(),
        ..authz::Attributes::default()
    };
    match authz::authorize(server, &wanted).await {
        Decision::Allow(_) => Ok(()),
        Decision::Deny(_) => refuse(format!("audience {audience:?} not found in pod spec volume")),
    }
}

/// Whether a volume of the Pod holds a token for the audience.
fn mounts_audience(pod: &Object, audience: &str) -> bool {
    pod.list_at(&["spec", "volumes"]).iter().any(|volume| {
        let sources = volume.pointer("/projected/sources").and_then(Value::as_array).into_iter().flatten();
        sources
            .filter_map(|source| source.get("serviceAccountToken"))
            .any(|token| token.get("audience").and_then(Value::as_str).unwrap_or_default() == audience)
    })
}

async fn find(view: &View<'_>, request: &Attributes<'_>, name: &str) -> Result<Arc<Object>, ApiError> {
    let found = view.get(&format!("/registry/core/pods/{}/{name}", request.namespace)).await?;
    found.ok_or_else(|| ApiError::not_found(&Gvr::new("", "v1", "pods"), name))
}

fn is_on(pod: &Object, node: &str) -> bool {
    pod.str_at(&["spec", "nodeName"]) == node
}

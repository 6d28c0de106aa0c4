//! NodeRestriction: a node writes its own Node, Lease, CSINode, ResourceSlices and Pods and nobody else's.
//!
//! Here is what is asked of every resource; [`node`] knows which labels a node may give itself, [`pod`] what it may do to
//! Pods and in their name, [`pod_certificate`] whom it may ask certificates for.

mod node;
mod pod;
mod pod_certificate;

use kubernel_meta::{ApiError, Object};

use super::{Attributes, Operation, View};
use crate::ApiServer;
use crate::pki::RequestSubject;

/// Signers whose certificates make a node of their holder.
const NODE_SIGNERS: [&str; 2] = ["kubernetes.io/kubelet-serving", "kubernetes.io/kube-apiserver-client-kubelet"];

/// Refuses what the node may not do; who is no node is not looked at.
pub(super) async fn check(
    server: &ApiServer,
    view: &View<'_>,
    request: &Attributes<'_>,
    object: Option<&Object>,
    old: Option<&Object>,
) -> Result<(), ApiError> {
    let Some(node) = request.user.node_name() else { return Ok(()) };
    if request.operation == Operation::Connect {
        return Ok(());
    }
    let refused = match (request.kind.group.as_ref(), request.kind.plural.as_ref()) {
        ("", "nodes") => node::check(request, node, object, old),
        ("", "pods") => return pod::check(view, request, node, object, old).await,
        ("", "serviceaccounts") if request.subresource == "token" => {
            return pod::check_token(server, view, request, node, object).await;
        }
        ("", "persistentvolumeclaims") => claim(request, node, object, old),
        ("coordination.k8s.io", "leases") => lease(request, node, object),
        ("storage.k8s.io", "csinodes") => named(request, node, object, "CSINode"),
        ("resource.k8s.io", "resourceslices") => slice(request, node, object, old),
        ("certificates.k8s.io", "podcertificaterequests") => {
            return pod_certificate::check(view, request, node, object).await;
        }
        ("certificates.k8s.io", "certificatesigningrequests") => certificate(request, node, object),
        _ => None,
    };
    refused.map_or(Ok(()), |text| Err(request.forbidden(text)))
}

fn name_of<'a>(request: &Attributes<'a>, object: Option<&'a Object>) -> &'a str {
    if request.name.is_empty() { object.map(Object::name).unwrap_or_default() } else { request.name }
}

fn lease(request: &Attributes<'_>, node: &str, object: Option<&Object>) -> Option<String> {
    if request.namespace != "kube-node-lease" {
        return Some("can only access leases in the \"kube-node-lease\" system namespace".to_owned());
    }
    let own = name_of(request, object) == node;
    (!own).then(|| "can only access node lease with the same name as the requesting node".to_owned())
}

fn named(request: &Attributes<'_>, node: &str, object: Option<&Object>, kind: &str) -> Option<String> {
    let own = name_of(request, object) == node;
    (!own).then(|| format!("can only access {kind} with the same name as the requesting node"))
}

fn slice(request: &Attributes<'_>, node: &str, object: Option<&Object>, old: Option<&Object>) -> Option<String> {
    let (slice, verb) = match request.operation {
        Operation::Create => (object?, "create"),
        Operation::Delete => (old?, "delete"),
        _ => return None,
    };
    let own = slice.str_at(&["spec", "nodeName"]) == node;
    (!own).then(|| format!("can only {verb} ResourceSlice with the same NodeName as the requesting node"))
}

/// A node asks for certificates in its own name only.
fn certificate(request: &Attributes<'_>, node: &str, object: Option<&Object>) -> Option<String> {
    let asked = object.filter(|_| request.operation == Operation::Create && request.subresource.is_empty())?;
    if !NODE_SIGNERS.contains(&asked.str_at(&["spec", "signerName"])) {
        return None;
    }
    let Some(subject) = RequestSubject::read(asked) else {
        return Some("unable to parse csr: PEM block type must be CERTIFICATE REQUEST".to_owned());
    };
    let own = format!("system:node:{node}");
    let other = subject.name.starts_with("system:node:") && subject.name != own;
    other.then(|| format!("can only create a node CSR with CN={own}"))
}

/// Of a claim a node tells how much there is and how a resize goes.
fn claim(request: &Attributes<'_>, node: &str, object: Option<&Object>, old: Option<&Object>) -> Option<String> {
    const TOLD: [&str; 4] = ["capacity", "conditions", "allocatedResourceStatuses", "allocatedResources"];
    if request.subresource != "status" {
        return Some("may only update PVC status".to_owned());
    }
    if request.operation != Operation::Update {
        return Some(format!("unexpected operation {:?}", request.operation.name()));
    }
    let rest = |claim: &Object| {
        let mut claim = claim.clone();
        TOLD.iter().for_each(|field| drop(claim.remove(&["status", field])));
        ["resourceVersion", "managedFields"].iter().for_each(|field| drop(claim.remove(&["metadata", field])));
        if claim.map_at(&["status"]).is_some_and(serde_json::Map::is_empty) {
            claim.remove(&["status"]);
        }
        claim
    };
    let same = rest(object?) == rest(old?);
    (!same).then(|| {
        format!("node {node:?} is not allowed to update fields other than status.capacity and status.conditions")
    })
}

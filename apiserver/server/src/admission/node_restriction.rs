//! NodeRestriction: a node writes its own Node, Lease and Pods and nobody else's.

use kubernel_meta::{ApiError, Object};

use super::{Attributes, Operation};

pub(super) fn check(request: &Attributes<'_>, object: Option<&Object>, old: Option<&Object>) -> Result<(), ApiError> {
    let Some(node) = request.user.node_name() else { return Ok(()) };
    if request.is_of("", "nodes") {
        return check_node(request, node, object);
    }
    if request.is_of("", "pods") {
        return check_pod(request, node, object, old);
    }
    if request.is_main("coordination.k8s.io", "leases") {
        if request.namespace != "kube-node-lease" {
            return Err(request.forbidden("can only access leases in the \"kube-node-lease\" system namespace"));
        }
        if name_of(request, object) != node {
            return Err(request.forbidden("can only access node lease with the same name as the requesting node"));
        }
    }
    Ok(())
}

fn check_node(request: &Attributes<'_>, node: &str, object: Option<&Object>) -> Result<(), ApiError> {
    let name = name_of(request, object);
    if name == node {
        return Ok(());
    }
    Err(request.forbidden(match request.operation {
        Operation::Create => format!("node {node:?} is not allowed to create node {name:?}"),
        _ => format!("node {node:?} is not allowed to modify node {name:?}"),
    }))
}

fn check_pod(
    request: &Attributes<'_>,
    node: &str,
    object: Option<&Object>,
    old: Option<&Object>,
) -> Result<(), ApiError> {
    let is_on_node = |pod: &Object| pod.str_at(&["spec", "nodeName"]) == node;
    match (request.operation, request.subresource) {
        (Operation::Create, "") => {
            let Some(pod) = object else { return Ok(()) };
            if !pod.annotations().any(|(key, _)| key == "kubernetes.io/config.mirror") {
                return Err(request.forbidden(format!("pod does not have \"kubernetes.io/config.mirror\" annotation, node {node:?} can only create mirror pods")));
            }
            if !is_on_node(pod) {
                return Err(
                    request.forbidden(format!("node {node:?} can only create pods with spec.nodeName set to itself"))
                );
            }
            Ok(())
        }
        (Operation::Update, "status" | "resize") | (Operation::Delete, "") => match old {
            Some(pod) if !is_on_node(pod) => {
                let what = if request.operation == Operation::Delete { "delete" } else { "update status for" };
                Err(request.forbidden(format!("node {node:?} can only {what} pods with spec.nodeName set to itself")))
            }
            _ => Ok(()),
        },
        (Operation::Create, "eviction") => Ok(()),
        (operation, subresource) => {
            Err(request.forbidden(format!("unexpected operation {operation:?} {subresource:?}, node cannot do that")))
        }
    }
}

fn name_of<'a>(request: &Attributes<'a>, object: Option<&'a Object>) -> &'a str {
    if request.name.is_empty() { object.map(Object::name).unwrap_or_default() } else { request.name }
}

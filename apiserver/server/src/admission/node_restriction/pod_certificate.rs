//! What a node may ask certificates for: Pods that it runs, named as they are.
//!
//! A name that does not fit is refused for good. A uid that does not may be of what the server has not seen yet: upstream
//! answers 500, and the node asks again.

use std::sync::Arc;

use kubernel_meta::{ApiError, Object};

use super::{Attributes, Operation, View};
use crate::verbs::bare;

const MIRROR: &str = "kubernetes.io/config.mirror";

pub(super) async fn check(
    view: &View<'_>,
    request: &Attributes<'_>,
    node: &str,
    object: Option<&Object>,
) -> Result<(), ApiError> {
    let refuse = |text: String| Err(request.forbidden(text));
    let Some(asked) = object.filter(|_| request.operation == Operation::Create) else {
        return refuse(format!("unexpected operation {}", request.operation.name()));
    };
    if !request.subresource.is_empty() {
        return refuse(format!("unexpected subresource {}", request.subresource));
    }
    let named = |field: &str| asked.str_at(&["spec", field]);
    if named("nodeName") != node {
        let name = named("nodeName");
        return refuse(format!(
            "PodCertificateRequest.Spec.NodeName={name:?}, which is not the requesting node {node:?}"
        ));
    }
    let at = |name: &str| format!("{}/{name}", request.namespace);
    let (pod_name, account_name) = (at(named("podName")), at(named("serviceAccountName")));
    let found = find(view, "nodes", "node", node).await?;
    if found.uid() != named("nodeUID") {
        return Err(bare(format!(
            "PodCertificateRequest for pod {pod_name:?} names node UID {:?}, inconsistent with the running node ({:?})",
            named("nodeUID"),
            found.uid()
        )));
    }
    let pod = find(view, "pods", "pod", &pod_name).await?;
    if pod.uid() != named("podUID") {
        return Err(bare(format!(
            "PodCertificateRequest for pod {pod_name:?} contains pod UID ({:?}) which differs from running pod {:?}",
            named("podUID"),
            pod.uid()
        )));
    }
    if pod.str_at(&["spec", "nodeName"]) != node {
        return refuse(format!("pod {pod_name:?} is not running on node {node:?} named in the PodCertificateRequest"));
    }
    if pod.annotations().any(|(key, _)| key == MIRROR) {
        return refuse(format!("pod {pod_name:?} is a mirror pod"));
    }
    let runs_as = pod.str_at(&["spec", "serviceAccountName"]);
    if runs_as != named("serviceAccountName") {
        return refuse(format!(
            "PodCertificateRequest for pod {pod_name:?} contains serviceAccountName ({:?}) that differs from running \
             pod ({runs_as:?})",
            named("serviceAccountName")
        ));
    }
    let account = find(view, "serviceaccounts", "service account", &account_name).await?;
    if account.uid() != named("serviceAccountUID") {
        return Err(bare(format!(
            "PodCertificateRequest for pod {pod_name:?} names service account UID {:?}, which differs from the running \
             service account ({:?})",
            named("serviceAccountUID"),
            account.uid()
        )));
    }
    Ok(())
}

/// The object under this name, which for what is in a namespace begins with that.
async fn find(view: &View<'_>, plural: &str, what: &str, name: &str) -> Result<Arc<Object>, ApiError> {
    let found = view.get(&format!("/registry/core/{plural}/{name}")).await?;
    let (kind, bare_name) = (what.replace(' ', ""), name.rsplit('/').next().unwrap_or_default());
    found.ok_or_else(|| {
        bare(format!(
            "while retrieving {what} {name:?} named in the PodCertificateRequest: {kind} {bare_name:?} not found"
        ))
    })
}

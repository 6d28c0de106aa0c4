//! NamespaceLifecycle: nothing is written into a namespace that is missing, nothing new into one that is going, and
//! the namespaces that the cluster itself needs are not deleted.

use std::sync::Arc;

use kubernel_meta::{ApiError, Cause, Gvr, Object};

use super::{Attributes, Operation, View};

/// Namespaces that may not be deleted.
const IMMORTAL: [&str; 3] = ["default", "kube-system", "kube-public"];

pub(super) async fn admit(view: &View<'_>, request: &Attributes<'_>, object: &Object) -> Result<(), ApiError> {
    let Some(namespace) = namespace(view, request).await? else { return Ok(()) };
    if request.operation != Operation::Create || namespace.str_at(&["status", "phase"]) != "Terminating" {
        return Ok(());
    }
    let name = if object.name().is_empty() { request.name } else { object.name() };
    let detail =
        format!("unable to create new content in namespace {} because it is being terminated", request.namespace);
    Err(ApiError::forbidden(&request.kind.gvr(), name, detail).with_cause(Cause {
        reason: "NamespaceTerminating".to_owned(),
        message: format!("namespace {} is being terminated", request.namespace),
        field: "metadata.namespace".to_owned(),
    }))
}

/// NamespaceExists: the namespace is there, going or not.
pub(super) async fn check_exists(view: &View<'_>, request: &Attributes<'_>) -> Result<(), ApiError> {
    namespace(view, request).await.map(drop)
}

/// The namespace that is written into; none where there is nothing to look at.
async fn namespace(view: &View<'_>, request: &Attributes<'_>) -> Result<Option<Arc<Object>>, ApiError> {
    let reviews = request.kind.group == "authorization.k8s.io";
    if request.namespace.is_empty() || !request.kind.namespaced || reviews {
        return Ok(None);
    }
    let found = view.get(&format!("/registry/core/namespaces/{}", request.namespace)).await?;
    found.map(Some).ok_or_else(|| ApiError::not_found(&Gvr::new("", "v1", "namespaces"), request.namespace))
}

pub(super) fn check_delete(request: &Attributes<'_>) -> Result<(), ApiError> {
    if request.is_main("", "namespaces") && IMMORTAL.contains(&request.name) {
        return Err(request.forbidden("this namespace may not be deleted"));
    }
    Ok(())
}

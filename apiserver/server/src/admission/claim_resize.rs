//! PersistentVolumeClaimResize: only a bound claim grows, and only where its class lets it.

use kubernel_kinds::core::pod::amounts;
use kubernel_meta::{ApiError, Object};
use serde_json::Value;

use super::{Attributes, Operation, View};

const CLASS_ANNOTATION: &str = "volume.beta.kubernetes.io/storage-class";

pub(super) async fn check(
    view: &View<'_>,
    request: &Attributes<'_>,
    claim: &Object,
    old: Option<&Object>,
) -> Result<(), ApiError> {
    if !request.is_main("", "persistentvolumeclaims") || request.operation != Operation::Update {
        return Ok(());
    }
    let Some(old) = old else { return Ok(()) };
    let size = |claim: &Object| {
        claim.at(&["spec", "resources", "requests", "storage"]).and_then(amounts::quantity).unwrap_or_default()
    };
    if size(claim) <= size(old) {
        return Ok(());
    }
    if old.str_at(&["status", "phase"]) != "Bound" {
        return Err(request.forbidden("Only bound persistent volume claims can be expanded"));
    }
    let (class, before) = (class_of(claim), class_of(old));
    let expandable = class == before && !class.is_empty() && {
        let class = view.get(&format!("/registry/storage.k8s.io/storageclasses/{class}")).await?;
        class.is_some_and(|class| class.at(&["allowVolumeExpansion"]).and_then(Value::as_bool) == Some(true))
    };
    if expandable {
        return Ok(());
    }
    Err(request.forbidden(
        "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize",
    ))
}

fn class_of(claim: &Object) -> &str {
    let annotated = claim.annotations().find(|(key, _)| *key == CLASS_ANNOTATION).map(|(_, class)| class);
    annotated.unwrap_or_else(|| claim.str_at(&["spec", "storageClassName"]))
}

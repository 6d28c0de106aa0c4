//! Admin access to devices: claims may ask for it only in a namespace that is marked for it (upstream checks this in the
//! strategies of ResourceClaim and ResourceClaimTemplate, which may read namespaces there).

use kubernel_meta::{ApiError, Object, field};
use serde_json::Value;

use super::{Attributes, Operation, View};

const LABEL: &str = "resource.kubernetes.io/admin-access";
const GROUP: &str = "resource.k8s.io";

pub(super) async fn check(
    view: &View<'_>,
    request: &Attributes<'_>,
    object: &Object,
    old: Option<&Object>,
) -> Result<(), ApiError> {
    let errors = match (request.kind.plural.as_ref(), request.subresource, request.operation) {
        _ if request.kind.group != GROUP => return Ok(()),
        ("resourceclaims", "", Operation::Create) => asked(object.list_at(&["spec", "devices", "requests"])),
        ("resourceclaimtemplates", "", Operation::Create) => {
            asked(object.list_at(&["spec", "spec", "devices", "requests"]))
        }
        ("resourceclaims", "status", _) => granted(object, old),
        _ => return Ok(()),
    };
    if errors.is_empty() {
        return Ok(());
    }
    let namespace = view.get(&format!("/registry/core/namespaces/{}", request.namespace)).await?;
    if namespace.is_some_and(|namespace| namespace.labels().any(|(key, value)| key == LABEL && value == "true")) {
        return Ok(());
    }
    Err(ApiError::invalid(&request.kind.error_gvk(), object.name(), &errors))
}

/// The requests that ask for it. Upstream names the path of a claim in templates as well.
fn asked(requests: &[Value]) -> Vec<field::Error> {
    let path = field::Path::root("spec").child("devices").child("requests");
    let mut errors = Vec::new();
    for (at, request) in requests.iter().enumerate() {
        if request.pointer("/exactly/adminAccess") == Some(&Value::Bool(true)) {
            errors.push(forbidden(&path.index(at)));
        }
    }
    errors
}

/// The results that give it, where they are new.
fn granted(object: &Object, old: Option<&Object>) -> Vec<field::Error> {
    if old.is_some_and(|old| old.at(&["status", "allocation"]).is_some_and(Value::is_object)) {
        return Vec::new();
    }
    let path = field::Path::root("status").child("allocation").child("devices").child("results");
    let results = object.list_at(&["status", "allocation", "devices", "results"]).iter().enumerate();
    let given = results.filter(|(_, result)| result["adminAccess"] == Value::Bool(true));
    given.map(|(at, _)| forbidden(&path.index(at))).collect()
}

fn forbidden(path: &field::Path) -> field::Error {
    path.child("adminAccess")
        .forbidden(format!("admin access to devices requires the `{LABEL}: true` label on the containing namespace"))
}

//! OwnerReferencesPermissionEnforcement (off by default): who makes an object go with another must be allowed to delete
//! it, and who makes an owner wait must be allowed to set the owner's finalizers.

use kubernel_meta::{ApiError, Object};
use serde_json::Value;

use super::{Attributes, Operation};
use crate::ApiServer;
use crate::authz::{self, Decision};

pub(super) async fn check(
    server: &ApiServer,
    request: &Attributes<'_>,
    object: &Object,
    old: Option<&Object>,
) -> Result<(), ApiError> {
    let references = |object: &Object| object.list_at(&["metadata", "ownerReferences"]).to_vec();
    let (now, before) = (references(object), old.map(references).unwrap_or_default());
    let matters = matches!(request.operation, Operation::Create | Operation::Update) && now != before;
    if !matters || (request.is_of("", "pods") && request.operation == Operation::Create && now.is_empty()) {
        return Ok(());
    }
    if request.operation == Operation::Update || !now.is_empty() {
        let mut wanted = attributes(request, "delete", &request.kind.group, &request.kind.plural);
        wanted.version.clone_from(&request.kind.gvr().version);
        wanted.subresource = request.subresource.to_owned();
        wanted.name = request.name.to_owned();
        if let Decision::Deny(reason) = authz::authorize(server, &wanted).await {
            let text = format!("cannot set an ownerRef on a resource you can't delete: {reason}, <nil>");
            return Err(request.forbidden(text));
        }
    }
    for reference in
        now.iter().filter(|reference| blocks(reference) && !before.iter().any(|old| is_same(old, reference)))
    {
        let text = |field: &str| reference[field].as_str().unwrap_or_default();
        let (group, version) = text("apiVersion").split_once('/').unwrap_or(("", text("apiVersion")));
        let resources = server.resources();
        let owner = resources.iter().find(|resource| {
            resource.gvk.group == group && resource.gvk.version == version && resource.gvk.kind == text("kind")
        });
        let Some(owner) = owner else {
            return Err(request.forbidden(format!(
                "cannot set blockOwnerDeletion in this case because cannot find RESTMapping for APIVersion {} Kind {}",
                text("apiVersion"),
                text("kind")
            )));
        };
        let mut wanted = attributes(request, "update", group, &owner.gvr.resource);
        wanted.version = version.to_owned();
        wanted.subresource = "finalizers".to_owned();
        wanted.name = text("name").to_owned();
        if !owner.kind.namespaced {
            wanted.namespace.clear();
        }
        if let Decision::Deny(reason) = authz::authorize(server, &wanted).await {
            return Err(request.forbidden(format!(
                "cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on: \
                 {reason}, <nil>"
            )));
        }
    }
    Ok(())
}

fn blocks(reference: &Value) -> bool {
    reference["blockOwnerDeletion"] == true
}

/// Whether a reference blocked the same owner before.
fn is_same(old: &Value, new: &Value) -> bool {
    blocks(old) && old["uid"] == new["uid"]
}

fn attributes(request: &Attributes<'_>, verb: &str, group: &str, resource: &str) -> authz::Attributes {
    authz::Attributes {
        user: request.user.clone(),
        verb: verb.to_owned(),
        is_resource: true,
        group: group.to_owned(),
        resource: resource.to_owned(),
        namespace: request.namespace.to_owned(),
        ..authz::Attributes::default()
    }
}

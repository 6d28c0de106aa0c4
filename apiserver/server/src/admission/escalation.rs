//! Roles and bindings grant no more than their writer holds; see [`crate::authz::escalation`].

use kubernel_meta::{ApiError, Object};

use super::Attributes;
use crate::authz::{Authorizer, escalation};

pub(super) fn check(
    authorizer: &Authorizer,
    request: &Attributes<'_>,
    object: &Object,
    old: Option<&Object>,
) -> Result<(), ApiError> {
    if request.kind.group != "rbac.authorization.k8s.io" {
        return Ok(());
    }
    match &*request.kind.plural {
        "roles" | "clusterroles" => escalation::check_role(authorizer, request.user, request.kind, object, old),
        "rolebindings" | "clusterrolebindings" => {
            escalation::check_binding(authorizer, request.user, request.kind, object, old)
        }
        _ => Ok(()),
    }
}

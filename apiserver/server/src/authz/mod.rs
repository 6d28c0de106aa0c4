//! Whether a user may do what a request asks: RBAC over an index that follows the store, and the node authorizer.
//!
//! Knows nothing of how the user was found; see [`crate::authn`]. What a user may hand on to others is decided by
//! [`escalation`].

mod aggregation;
mod authorizer;
pub mod escalation;
mod index;
mod node;
mod rule;
#[cfg(test)]
mod tests;

pub use aggregation::aggregate_roles;
pub use authorizer::Authorizer;
pub use node::NodeAuthorizer;
pub(crate) use node::names_any;
pub use rule::Rule;

use kubernel_meta::{ApiError, Details, Gvr, Reason};

use crate::authn::user::MASTERS;
use crate::{ApiServer, User};

/// What somebody wants to do (authorizer.Attributes).
#[derive(Clone, Debug, Default)]
pub struct Attributes {
    /// Who.
    pub user: User,
    /// `get`, `list`, `watch`, `create`, …; for paths outside the API the HTTP method in lower case.
    pub verb: String,
    /// Whether it is about a resource; else about `path`.
    pub is_resource: bool,
    /// The API group; empty for the core group.
    pub group: String,
    /// The version.
    pub version: String,
    /// The plural resource.
    pub resource: String,
    /// The subresource, or empty.
    pub subresource: String,
    /// The namespace, or empty.
    pub namespace: String,
    /// The object's name, or empty.
    pub name: String,
    /// The URL path.
    pub path: String,
}

/// What the authorizers say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Yes, and by which rule.
    Allow(String),
    /// No, and why, where there is anything to say.
    Deny(String),
}

impl Attributes {
    /// `pods/log`: the resource with its subresource.
    pub fn resource_path(&self) -> String {
        if self.subresource.is_empty() {
            self.resource.clone()
        } else {
            format!("{}/{}", self.resource, self.subresource)
        }
    }

    /// The 403 that refuses the request, in upstream's words; `reason` may say more, or be empty.
    pub fn refuse(&self, reason: &str) -> ApiError {
        let Self { verb, group, namespace, path, .. } = self;
        let mut detail = format!("User {:?} cannot {verb} ", self.user.name);
        if !self.is_resource {
            detail.push_str(&format!("path {path:?}"));
        } else {
            detail.push_str(&format!("resource {:?} in API group {group:?} ", self.resource_path()));
            if namespace.is_empty() {
                detail.push_str("at the cluster scope");
            } else {
                detail.push_str(&format!("in the namespace {namespace:?}"));
            }
        }
        if !reason.is_empty() {
            detail.push_str(": ");
            detail.push_str(reason);
        }
        if self.is_resource {
            ApiError::forbidden(&Gvr::new(&**group, &*self.version, &*self.resource), &self.name, detail)
        } else {
            ApiError::new(403, Reason::Forbidden, format!("forbidden: {detail}")).with_details(Details::default())
        }
    }
}

/// Asks the authorizers: the node authorizer where the user is a node, then roles.
pub async fn authorize(server: &ApiServer, attributes: &Attributes) -> Decision {
    if attributes.user.in_group(MASTERS) {
        return Decision::Allow(String::new());
    }
    let (roles, store) = (server.authorizer(), &**server.store());
    if let Err(error) = roles.repair(store).await {
        return Decision::Deny(format!("RBAC: {error}"));
    }
    let Some(node) = attributes.user.node_name() else { return roles.decide(attributes) };
    let of_node = match server.node_authorizer().decide(node, attributes, roles, store).await {
        Ok(Decision::Allow(reason)) => return Decision::Allow(reason),
        Ok(Decision::Deny(reason)) => reason,
        Err(error) => error.message().to_owned(),
    };
    match roles.decide(attributes) {
        Decision::Deny(reason) if reason.is_empty() => Decision::Deny(of_node),
        decision => decision,
    }
}

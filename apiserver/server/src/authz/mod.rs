//! Whether a user may do what a request asks.

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

/// Asks the authorizers.
pub async fn authorize(_server: &ApiServer, _attributes: &Attributes) -> Decision {
    Decision::Allow(String::new())
}

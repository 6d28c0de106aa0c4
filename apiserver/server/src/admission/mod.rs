//! What the cluster adds to or refuses of a write, after it was authorized.

use kubernel_kinds::Kind;
use kubernel_meta::{ApiError, Object};

use crate::{ApiServer, User};

mod view;

pub use view::View;

/// What kind of write it is (admission.Operation).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of upstream's admission operations")]
pub enum Operation {
    Create,
    Update,
    Delete,
    Connect,
}

/// A write on its way in (admission.Attributes).
#[derive(Debug)]
pub struct Attributes<'a> {
    /// Who writes.
    pub user: &'a User,
    /// What kind of write.
    pub operation: Operation,
    /// The kind of the resource in the path.
    pub kind: &'a Kind,
    /// The subresource, or empty. `object` then is what that subresource carries (a Scale, a Binding, …).
    pub subresource: &'a str,
    /// The namespace, or empty.
    pub namespace: &'a str,
    /// The object's name; empty before a `generateName` is filled in.
    pub name: &'a str,
    /// Nothing will be written.
    pub dry_run: bool,
}

/// Changes a new or changed object. Never called for deletions.
pub async fn mutate(
    _server: &ApiServer,
    _attributes: &Attributes<'_>,
    _object: &mut Object,
    _old: Option<&Object>,
) -> Result<(), ApiError> {
    Ok(())
}

/// Accepts or refuses the write; returns texts for `Warning` headers. `object` is `None` for deletions.
pub async fn validate(
    _server: &ApiServer,
    _attributes: &Attributes<'_>,
    _object: Option<&Object>,
    _old: Option<&Object>,
) -> Result<Vec<String>, ApiError> {
    Ok(Vec::new())
}

/// Answers a review (SubjectAccessReview, TokenReview, …): the object with its status filled in.
pub async fn review(
    _server: &ApiServer,
    _user: &User,
    kind: &Kind,
    _namespace: &str,
    _object: Object,
) -> Result<Object, ApiError> {
    Err(ApiError::method_not_supported(&kind.gvr(), "create"))
}

/// `serviceaccounts/token`: the TokenRequest with its status filled in.
pub async fn service_account_token(
    _server: &ApiServer,
    _namespace: &str,
    _name: &str,
    _request: Object,
) -> Result<Object, ApiError> {
    Err(ApiError::internal("no token issuer"))
}

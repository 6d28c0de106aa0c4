//! Questions that are answered at once and never stored: may somebody do something, whose token is this, who am I; and
//! tokens for ServiceAccounts.

mod access;
mod rules;
mod token;
mod token_request;

use kubernel_kinds::Kind;
use kubernel_meta::{ApiError, Object};

use crate::{ApiServer, User};

pub use token_request::{TOKEN_SECS_DEFAULT, TokenRequest};

/// Answers a review: the object as it was sent, decoded and with its fields owned, with its status filled in.
/// `namespace` is the one of the path.
pub async fn review(
    server: &ApiServer,
    user: &User,
    kind: &Kind,
    namespace: &str,
    object: Object,
) -> Result<Object, ApiError> {
    match &*kind.kind {
        "SelfSubjectAccessReview" => access::self_review(server, user, object).await,
        "SubjectAccessReview" => access::review(server, object).await,
        "LocalSubjectAccessReview" => access::local_review(server, namespace, object).await,
        "SelfSubjectRulesReview" => rules::review(server, user, object),
        "TokenReview" => token::review(server, object).await,
        "SelfSubjectReview" => Ok(token::self_review(user)),
        _ => Err(ApiError::method_not_supported(&kind.gvr(), "create")),
    }
}

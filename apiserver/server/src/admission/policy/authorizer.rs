//! The authorizer as expressions ask it: for the sender of the request, or for a ServiceAccount.

use std::fmt;
use std::sync::Arc;

use futures::FutureExt as _;
use kubernel_cel::library::authz::{Authorizer, Check, Decision, Who};

use crate::admission::Attributes;
use crate::authz::{self, Decision as Answer};
use crate::{ApiServer, User};

/// Asks the server's authorizers.
struct Asking {
    server: ApiServer,
    user: User,
}

impl fmt::Debug for Asking {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("Asking").field(&self.user.name).finish()
    }
}

/// The authorizer for the sender of a write.
pub(in crate::admission) fn of(server: &ApiServer, write: &Attributes<'_>) -> Arc<dyn Authorizer> {
    Arc::new(Asking { server: server.clone(), user: write.user.clone() })
}

/// The question whether the sender may do something to what the write is about; the verb is open.
pub(in crate::admission) fn request_resource(write: &Attributes<'_>) -> Check {
    Check {
        group: write.kind.group.to_string(),
        resource: write.kind.plural.to_string(),
        subresource: write.subresource.to_owned(),
        namespace: write.namespace.to_owned(),
        name: write.name.to_owned(),
        ..Check::default()
    }
}

impl Authorizer for Asking {
    fn authorize(&self, check: &Check) -> Decision {
        let user = match &check.who {
            Who::Sender => self.user.clone(),
            Who::ServiceAccount { namespace, name } => User::service_account(namespace, name, ""),
        };
        let attributes = authz::Attributes {
            user,
            verb: check.verb.clone(),
            is_resource: check.path.is_none(),
            group: check.group.clone(),
            version: if check.path.is_none() { "*".to_owned() } else { String::new() },
            resource: check.resource.clone(),
            subresource: check.subresource.clone(),
            namespace: check.namespace.clone(),
            name: check.name.clone(),
            path: check.path.clone().unwrap_or_default(),
        };
        // Expressions do not wait. Roles are in memory; what a node may read is in a snapshot that is at hand.
        match authz::authorize(&self.server, &attributes).now_or_never() {
            Some(Answer::Allow(reason)) => Decision { allowed: true, reason, error: None },
            Some(Answer::Deny(reason)) => Decision { allowed: false, reason, error: None },
            None => Decision { error: Some("the authorizer has no answer yet".to_owned()), ..Decision::default() },
        }
    }
}

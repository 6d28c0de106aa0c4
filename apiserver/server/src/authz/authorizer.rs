//! The authorizer: the index, brought up to date before every decision, and the decision.

use kubernel_store::{Store, StoreError};

use super::index::Index;
use super::{Attributes, Decision, Rule};
use crate::User;
use crate::authn::user::MASTERS;
use crate::follow::Followed;

/// Decides by RBAC. What was committed in this process counts from the next decision on.
#[derive(Default)]
pub struct Authorizer {
    pub(super) followed: Followed<Index>,
}

impl Authorizer {
    /// Reads all roles and bindings.
    pub async fn start(&self, store: &dyn Store) -> Result<(), StoreError> {
        self.followed.start(store).await
    }

    /// Reads again what a watch could not tell; to be called before [`Authorizer::decide`].
    pub async fn repair(&self, store: &dyn Store) -> Result<(), StoreError> {
        self.followed.repair(store).await
    }

    /// The decision; a denial without a reason has none worth telling.
    pub fn decide(&self, attributes: &Attributes) -> Decision {
        let user = &attributes.user;
        if user.in_group(MASTERS) {
            return Decision::Allow(String::new());
        }
        let namespace = if attributes.is_resource { attributes.namespace.as_str() } else { "" };
        let (mut allowed, mut problems) = (None, Vec::new());
        self.followed.now().visit(user, namespace, |found| {
            match found {
                Ok((rule, binding)) if rule.allows(attributes) => allowed = Some(binding.describe()),
                Ok(_) => {}
                Err(problem) => problems.push(problem),
            }
            allowed.is_none()
        });
        match allowed {
            Some(grant) => Decision::Allow(format!("RBAC: allowed by {grant}")),
            None => Decision::Deny(describe_problems(&problems)),
        }
    }

    /// All rules that hold for the user in this namespace, and the problems on the way.
    pub fn rules_for(&self, user: &User, namespace: &str) -> (Vec<Rule>, Vec<String>) {
        self.followed.now().rules_for(user, namespace)
    }

    /// The rules that a `roleRef` of a binding in this namespace means; the error is upstream's text.
    pub fn rules_of(&self, kind: &str, name: &str, namespace: &str) -> Result<Vec<Rule>, String> {
        self.followed.now().rules_of(kind, name, namespace).map(<[Rule]>::to_vec)
    }

    /// Whether a role allows a request by itself, whoever asks.
    pub fn role_allows(&self, kind: &str, name: &str, namespace: &str, attributes: &Attributes) -> bool {
        let index = self.followed.now();
        index.rules_of(kind, name, namespace).is_ok_and(|rules| rules.iter().any(|rule| rule.allows(attributes)))
    }
}

/// `RBAC: [a, b]`, as upstream adds problems to a refusal; empty where there are none.
fn describe_problems(problems: &[String]) -> String {
    let mut unique: Vec<&str> = Vec::new();
    for problem in problems {
        if !unique.contains(&problem.as_str()) {
            unique.push(problem);
        }
    }
    match unique.as_slice() {
        [] => String::new(),
        [one] => format!("RBAC: {one}"),
        many => format!("RBAC: [{}]", many.join(", ")),
    }
}

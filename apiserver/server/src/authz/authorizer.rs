//! The authorizer: the index, kept up to date by a watch on the store, and the decision.

use std::sync::{Arc, Weak};
use std::time::Duration;

use kubernel_store::{At, Store, StoreError, Watch};
use parking_lot::RwLock;

use super::index::{Index, PREFIX, RESOURCES};
use super::{Attributes, Decision, Rule};
use crate::User;
use crate::authn::user::MASTERS;

/// How long to wait before the store is asked again after it failed.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// Decides by RBAC.
#[derive(Debug, Default)]
pub struct Authorizer {
    index: RwLock<Index>,
}

impl Authorizer {
    /// Reads all roles and bindings, and follows them from then on, in tasks of their own that end with the
    /// authorizer.
    pub async fn start(self: &Arc<Self>, store: &Arc<dyn Store>) -> Result<(), StoreError> {
        for resource in RESOURCES {
            let watch = self.load(resource, &**store).await?;
            tokio::spawn(follow(resource, Arc::downgrade(self), Arc::downgrade(store), watch));
        }
        Ok(())
    }

    /// The decision; a denial without a reason has none worth telling.
    pub fn decide(&self, attributes: &Attributes) -> Decision {
        let user = &attributes.user;
        if user.in_group(MASTERS) {
            return Decision::Allow(String::new());
        }
        let namespace = if attributes.is_resource { attributes.namespace.as_str() } else { "" };
        let (mut allowed, mut problems) = (None, Vec::new());
        self.index.read().visit(user, namespace, |found| {
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
        self.index.read().rules_for(user, namespace)
    }

    /// The rules that a `roleRef` of a binding in this namespace means; the error is upstream's text.
    pub fn rules_of(&self, kind: &str, name: &str, namespace: &str) -> Result<Vec<Rule>, String> {
        self.index.read().rules_of(kind, name, namespace).map(<[Rule]>::to_vec)
    }

    async fn load(&self, resource: &str, store: &dyn Store) -> Result<Box<dyn Watch>, StoreError> {
        let prefix = format!("{PREFIX}{resource}/");
        let snapshot = store.snapshot(&prefix, At::Latest).await?;
        let mut index = self.index.write();
        index.remove_all(resource);
        for entry in snapshot.range(&prefix, "") {
            index.put(&entry);
        }
        drop(index);
        store.watch(&prefix, snapshot.revision())
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

async fn follow(
    resource: &'static str,
    authorizer: Weak<Authorizer>,
    store: Weak<dyn Store>,
    mut watch: Box<dyn Watch>,
) {
    loop {
        let events = watch.next().await;
        let Some(authorizer) = authorizer.upgrade() else { return };
        match events {
            Ok(events) => {
                let mut index = authorizer.index.write();
                for event in &events {
                    if event.deleted {
                        index.remove(&event.entry.key);
                    } else {
                        index.put(&event.entry);
                    }
                }
            }
            Err(error) => {
                tracing::warn!(%error, resource, "reading again");
                let Some(store) = store.upgrade() else { return };
                match authorizer.load(resource, &*store).await {
                    Ok(fresh) => watch = fresh,
                    Err(_) => tokio::time::sleep(RETRY_PAUSE).await,
                }
            }
        }
    }
}

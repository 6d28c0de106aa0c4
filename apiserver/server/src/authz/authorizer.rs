//! The authorizer: the index, brought up to date before every decision, and the decision.

use futures::FutureExt;
use kubernel_store::{At, Store, StoreError, Watch};
use parking_lot::{Mutex, RwLock};

use super::index::{Index, PREFIX, RESOURCES};
use super::{Attributes, Decision, Rule};
use crate::User;
use crate::authn::user::MASTERS;

/// Decides by RBAC. What was committed in this process counts from the next decision on.
#[derive(Default)]
pub struct Authorizer {
    pub(super) index: RwLock<Index>,
    feeds: Mutex<Vec<Feed>>,
}

/// The events of one resource that the index has not seen yet.
struct Feed {
    resource: &'static str,
    /// `None` where the store has forgotten some of them: everything has to be read again.
    watch: Option<Box<dyn Watch>>,
}

impl Authorizer {
    /// Reads all roles and bindings.
    pub async fn start(&self, store: &dyn Store) -> Result<(), StoreError> {
        self.feeds.lock().clear();
        for resource in RESOURCES {
            let watch = Some(self.load(resource, store).await?);
            self.feeds.lock().push(Feed { resource, watch });
        }
        Ok(())
    }

    /// Reads again what a watch could not tell; to be called before [`Authorizer::decide`].
    pub async fn repair(&self, store: &dyn Store) -> Result<(), StoreError> {
        while let Some(resource) = self.broken() {
            let watch = self.load(resource, store).await?;
            if let Some(feed) = self.feeds.lock().iter_mut().find(|feed| feed.resource == resource) {
                feed.watch = Some(watch);
            }
        }
        Ok(())
    }

    /// The decision; a denial without a reason has none worth telling.
    pub fn decide(&self, attributes: &Attributes) -> Decision {
        let user = &attributes.user;
        if user.in_group(MASTERS) {
            return Decision::Allow(String::new());
        }
        self.catch_up();
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
        self.catch_up();
        self.index.read().rules_for(user, namespace)
    }

    /// The rules that a `roleRef` of a binding in this namespace means; the error is upstream's text.
    pub fn rules_of(&self, kind: &str, name: &str, namespace: &str) -> Result<Vec<Rule>, String> {
        self.catch_up();
        self.index.read().rules_of(kind, name, namespace).map(<[Rule]>::to_vec)
    }

    fn broken(&self) -> Option<&'static str> {
        self.feeds.lock().iter().find(|feed| feed.watch.is_none()).map(|feed| feed.resource)
    }

    /// Takes over the events that are there.
    fn catch_up(&self) {
        for feed in self.feeds.lock().iter_mut() {
            while let Some(outcome) = feed.watch.as_mut().and_then(|watch| watch.next().now_or_never()) {
                match outcome {
                    Ok(events) => self.index.write().apply(&events),
                    Err(error) => {
                        tracing::warn!(%error, resource = feed.resource, "to be read again");
                        feed.watch = None;
                    }
                }
            }
        }
    }

    /// Whether a role allows a request by itself, whoever asks.
    pub fn role_allows(&self, kind: &str, name: &str, namespace: &str, attributes: &Attributes) -> bool {
        self.catch_up();
        let index = self.index.read();
        index.rules_of(kind, name, namespace).is_ok_and(|rules| rules.iter().any(|rule| rule.allows(attributes)))
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

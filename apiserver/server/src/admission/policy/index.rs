//! Policies with their bindings, by name: what a request looks at instead of the store.

use std::collections::BTreeMap;
use std::sync::Arc;

use kubernel_meta::{ApiError, Object};
use kubernel_store::{Entry, Store, StoreError};

use super::compiled::{Binding, Policy};
use crate::follow::{self, Followed};

const VALIDATING: &str = "/registry/admissionregistration.k8s.io/validatingadmissionpolicies/";
const VALIDATING_BINDINGS: &str = "/registry/admissionregistration.k8s.io/validatingadmissionpolicybindings/";
const MUTATING: &str = "/registry/admissionregistration.k8s.io/mutatingadmissionpolicies/";
const MUTATING_BINDINGS: &str = "/registry/admissionregistration.k8s.io/mutatingadmissionpolicybindings/";

/// All policies.
#[derive(Default)]
pub(crate) struct Policies(Followed<Index>);

/// A policy with the bindings that put it to work.
#[derive(Clone, Debug)]
pub(super) struct Hook {
    pub(super) policy: Arc<Policy>,
    pub(super) bindings: Vec<Arc<Binding>>,
}

#[derive(Default)]
struct Index {
    validating: Family,
    mutating: Family,
}

/// The policies of one kind.
#[derive(Default)]
struct Family {
    policies: BTreeMap<String, Arc<Policy>>,
    bindings: BTreeMap<String, Arc<Binding>>,
    /// Made anew when any of them changes.
    hooks: Arc<[Hook]>,
}

impl Policies {
    /// Reads all policies.
    pub(crate) async fn start(&self, store: &dyn Store) -> Result<(), StoreError> {
        self.0.start(store).await
    }

    /// The validating policies that have bindings, by name.
    pub(super) async fn validating(&self, store: &dyn Store) -> Result<Arc<[Hook]>, ApiError> {
        self.0.repair(store).await.map_err(ApiError::internal)?;
        Ok(self.0.now().validating.hooks.clone())
    }

    /// Whether there are any mutating policies with bindings.
    pub(crate) async fn any_mutating(&self, store: &dyn Store) -> Result<bool, ApiError> {
        self.mutating(store).await.map(|hooks| !hooks.is_empty())
    }

    /// The mutating policies that have bindings, by name.
    pub(super) async fn mutating(&self, store: &dyn Store) -> Result<Arc<[Hook]>, ApiError> {
        self.0.repair(store).await.map_err(ApiError::internal)?;
        Ok(self.0.now().mutating.hooks.clone())
    }
}

impl Index {
    /// The family that a key belongs to, the object's name, and whether it is a policy.
    fn place<'a>(&mut self, key: &'a str) -> Option<(&mut Family, &'a str, bool)> {
        let name = |prefix: &str| key.strip_prefix(prefix);
        if let Some(name) = name(VALIDATING) {
            return Some((&mut self.validating, name, true));
        }
        if let Some(name) = name(VALIDATING_BINDINGS) {
            return Some((&mut self.validating, name, false));
        }
        if let Some(name) = name(MUTATING) {
            return Some((&mut self.mutating, name, true));
        }
        name(MUTATING_BINDINGS).map(|name| (&mut self.mutating, name, false))
    }
}

impl follow::Index for Index {
    const PREFIXES: &'static [&'static str] = &[VALIDATING, VALIDATING_BINDINGS, MUTATING, MUTATING_BINDINGS];

    fn put(&mut self, entry: &Entry) {
        let Some(object) = serde_json::from_slice(&entry.json).ok().map(Object::new) else { return };
        let mutates = entry.key.starts_with(MUTATING);
        let Some((family, name, is_policy)) = self.place(&entry.key) else { return };
        if is_policy {
            family.policies.insert(name.to_owned(), Arc::new(Policy::parse(&object, mutates)));
        } else {
            family.bindings.insert(name.to_owned(), Arc::new(Binding::parse(&object)));
        }
        family.join();
    }

    fn remove(&mut self, key: &str) {
        let Some((family, name, is_policy)) = self.place(key) else { return };
        if is_policy {
            family.policies.remove(name);
        } else {
            family.bindings.remove(name);
        }
        family.join();
    }

    fn remove_all(&mut self, prefix: &str) {
        let Some((family, _, is_policy)) = self.place(prefix) else { return };
        if is_policy {
            family.policies.clear();
        } else {
            family.bindings.clear();
        }
        family.join();
    }
}

impl Family {
    fn join(&mut self) {
        let bindings = |policy: &Policy| -> Vec<Arc<Binding>> {
            self.bindings.values().filter(|binding| binding.policy == policy.name).cloned().collect()
        };
        let hooks = self.policies.values().map(|policy| Hook { policy: policy.clone(), bindings: bindings(policy) });
        self.hooks = hooks.filter(|hook| !hook.bindings.is_empty()).collect();
    }
}

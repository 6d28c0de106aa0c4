//! Which role the Pods of a namespace count in, and what it weighs.
//!
//! A namespace is a role of its own name, or of the name in its label [`ROLE_LABEL`]. A ResourceRole of that name gives
//! the weight and the parent; the path of a role is its parents' names and its own.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use kubernel_kernel::limits::{ROLE_DEPTH_MAX, WEIGHT_MILLI_DEFAULT, WEIGHT_MILLI_MAX};

use crate::wire::{Named, ResourceRole};

/// The label of a Namespace that names its ResourceRole, where that is not the namespace's own name.
pub const ROLE_LABEL: &str = "kernel.kubernel.io/role";
/// The label of a Namespace that says what its role weighs when the scheduler makes the ResourceRole for it.
pub const WEIGHT_LABEL: &str = "kernel.kubernel.io/weight";

/// Namespaces and ResourceRoles, as far as roles depend on them.
#[derive(Debug, Default)]
pub struct Tenancy {
    namespaces: BTreeMap<Box<str>, Labels>,
    roles: BTreeMap<Box<str>, Spec>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Labels {
    uid: Box<str>,
    role: Option<Box<str>>,
    weight: Option<f64>,
}

/// What a ResourceRole says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Spec {
    pub(crate) weight_milli: u32,
    pub(crate) parent: Box<str>,
    pub(crate) generation: i64,
    /// What it can always get, and the most it may have; `None`: nothing is settled.
    pub(crate) settled: Option<Settled>,
}

/// A guarantee and a limit, as they are written.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Settled {
    pub(crate) guarantee: BTreeMap<String, String>,
    pub(crate) limit: BTreeMap<String, String>,
}

impl Tenancy {
    /// Takes a Namespace over; whether its Pods are in another role now.
    pub fn set_namespace(&mut self, namespace: &Named) -> bool {
        let labels = &namespace.metadata.labels;
        let role = labels.get(ROLE_LABEL).filter(|role| !role.is_empty()).map(|role| role.as_str().into());
        let weight = labels.get(WEIGHT_LABEL).and_then(|weight| weight.parse().ok());
        let name: Box<str> = namespace.metadata.name.as_str().into();
        let new = Labels { uid: namespace.metadata.uid.as_str().into(), role, weight };
        let changed = self.namespaces.get(&name).map(|old| &old.role) != Some(&new.role);
        self.namespaces.insert(name, new);
        changed
    }

    /// A Namespace is gone.
    pub fn remove_namespace(&mut self, name: &str) {
        self.namespaces.remove(name);
    }

    /// Takes a ResourceRole over; whether a path may have changed by it.
    pub fn set_role(&mut self, role: &ResourceRole) -> bool {
        let spec = Spec {
            weight_milli: role.spec.weight.map_or(WEIGHT_MILLI_DEFAULT, milli),
            parent: role.spec.parent.as_str().into(),
            generation: role.metadata.generation,
            settled: (!role.spec.guarantee.is_empty() || !role.spec.limit.is_empty())
                .then(|| Settled { guarantee: role.spec.guarantee.clone(), limit: role.spec.limit.clone() }),
        };
        let old = self.roles.insert(role.metadata.name.as_str().into(), spec);
        old.map(|old| old.parent).unwrap_or_default() != role.spec.parent.as_str().into()
    }

    /// A ResourceRole is gone; whether a path may have changed by it.
    pub fn remove_role(&mut self, name: &str) -> bool {
        self.roles.remove(name).is_some_and(|old| !old.parent.is_empty())
    }

    /// What a ResourceRole says, if there is one.
    pub(crate) fn role(&self, name: &str) -> Option<&Spec> {
        self.roles.get(name)
    }

    /// The names of all ResourceRoles.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.roles.keys().map(|name| &**name)
    }

    /// The names of all Namespaces.
    pub fn namespaces(&self) -> impl Iterator<Item = &str> {
        self.namespaces.keys().map(|name| &**name)
    }

    /// The name of the role of a namespace.
    pub fn role_of<'a>(&'a self, namespace: &'a str) -> &'a str {
        self.namespaces.get(namespace).and_then(|labels| labels.role.as_deref()).unwrap_or(namespace)
    }

    /// The namespace in which what counts in a role belongs: the one of the role's own name, or the first that names it.
    pub fn namespace_of(&self, path: &str) -> Option<&str> {
        let name = path.rsplit('/').next().unwrap_or(path);
        let counts = |namespace: &str| *self.path(self.role_of(namespace)) == *path;
        let own = self.namespaces.get_key_value(name).map(|(own, _)| &**own).filter(|own| counts(own));
        own.or_else(|| self.namespaces().find(|namespace| counts(namespace)))
    }

    /// The weight to give a ResourceRole that has to be made for a namespace.
    pub(crate) fn weight_of(&self, namespace: &str) -> f64 {
        let weight = self.namespaces.get(namespace).and_then(|labels| labels.weight);
        f64::from(weight.map_or(WEIGHT_MILLI_DEFAULT, milli)) / 1_000.0
    }

    /// The uid of a namespace that is there.
    pub(crate) fn uid_of(&self, namespace: &str) -> Option<&str> {
        self.namespaces.get(namespace).map(|labels| &*labels.uid).filter(|uid| !uid.is_empty())
    }

    /// The weight of a role in thousandths.
    pub(crate) fn weight_milli(&self, role: &str) -> u32 {
        self.roles.get(role).map_or(WEIGHT_MILLI_DEFAULT, |spec| spec.weight_milli)
    }

    /// The path of a role. Where parents run in a circle, or too deep, it starts at the role.
    pub fn path(&self, role: &str) -> Arc<str> {
        let mut names = vec![role];
        let mut seen = BTreeSet::from([role]);
        let mut at = role;
        while let Some(spec) = self.roles.get(at).filter(|spec| !spec.parent.is_empty()) {
            at = &spec.parent;
            if !seen.insert(at) || names.len() >= ROLE_DEPTH_MAX {
                return role.into();
            }
            names.push(at);
        }
        names.reverse();
        names.join("/").into()
    }
}

/// A weight in thousandths, as the kernel counts.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is between what the kernel takes")]
fn milli(weight: f64) -> u32 {
    (weight * 1_000.0).round().clamp(1.0, f64::from(WEIGHT_MILLI_MAX)) as u32
}

/// Whether a role is another or lies below it.
pub(crate) fn is_below_or(path: &str, above: &str) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn role(name: &str, parent: &str) -> ResourceRole {
        weighed(name, &json!({"weight": 3, "parent": parent}))
    }

    fn weighed(name: &str, spec: &Value) -> ResourceRole {
        serde_json::from_value(json!({"metadata": {"name": name}, "spec": spec})).unwrap_or_default()
    }

    #[test]
    fn namespaces_map_to_roles_and_paths() {
        let mut tenancy = Tenancy::default();
        let labelled = json!({"metadata": {"name": "web", "labels": {ROLE_LABEL: "shop", WEIGHT_LABEL: "5.5"}}});
        let labelled: Named = serde_json::from_value(labelled).unwrap_or_default();
        assert_eq!(tenancy.role_of("web"), "web");
        assert!(tenancy.set_namespace(&labelled));
        assert!(!tenancy.set_namespace(&labelled));
        assert_eq!((tenancy.role_of("web"), tenancy.weight_of("web")), ("shop", 5.5));
        assert_eq!((&*tenancy.path("shop"), tenancy.weight_milli("shop")), ("shop", 1_000));
        assert!(tenancy.set_role(&role("shop", "teams")));
        assert_eq!((&*tenancy.path("shop"), tenancy.weight_milli("shop")), ("teams/shop", 3_000));
        tenancy.set_role(&role("teams", "all"));
        assert_eq!(&*tenancy.path("shop"), "all/teams/shop");
        assert_eq!(tenancy.namespace_of("all/teams/shop"), Some("web"));
        assert_eq!((tenancy.namespace_of("shop"), tenancy.namespace_of("*")), (None, None));
        tenancy.set_role(&role("all", "shop"));
        assert_eq!(&*tenancy.path("shop"), "shop", "a circle");
    }

    #[test]
    fn weights_are_counted_in_thousandths() {
        for (spec, expected) in [
            (json!({}), 1_000),
            (json!({"weight": 3}), 3_000),
            (json!({"weight": 2.5}), 2_500),
            (json!({"weight": 0.001}), 1),
            (json!({"weight": 1.001}), 1_001),
            (json!({"weight": 0}), 1),
            (json!({"weight": 1e12}), WEIGHT_MILLI_MAX),
        ] {
            let mut tenancy = Tenancy::default();
            tenancy.set_role(&weighed("shop", &spec));
            assert_eq!(tenancy.weight_milli("shop"), expected, "{spec}");
        }
    }
}

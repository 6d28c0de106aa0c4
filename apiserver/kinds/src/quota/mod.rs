//! What objects count for in a namespace's ResourceQuotas, as admission charges it and the quota controller counts it
//! anew (upstream's `pkg/quota/v1/evaluator`).
//!
//! [`Measure`] is one resource's way of counting: which names of a quota it is about, which quotas an object falls
//! under, and what it uses. Writing the sums is others' work.

mod claim;
mod pod;
mod scope;
mod service;

use std::collections::BTreeSet;

use jiff::Timestamp;
use kubernel_meta::{Object, Quantity, QuantityFormat};
use serde_json::Value;

use crate::core::pod::amounts::Amounts;

pub use claim::Classes;
pub use pod::missing;

/// Resources that are never counted: they are not kept, or not for long.
const IGNORED: [(&str, &str); 2] = [("", "events"), ("events.k8s.io", "events")];
/// Kinds of the core group that quotas also name by their plural alone.
const NAMED: [&str; 4] = ["configmaps", "resourcequotas", "replicationcontrollers", "secrets"];

/// How the objects of one resource are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measure<'a> {
    group: &'a str,
    plural: &'a str,
}

impl<'a> Measure<'a> {
    /// That of a resource; none where its objects are not counted at all.
    pub fn of(group: &'a str, plural: &'a str) -> Option<Self> {
        (!IGNORED.contains(&(group, plural))).then_some(Self { group, plural })
    }

    /// Whether a quota's resource is about these objects.
    pub fn counts(&self, name: &str, classes: &Classes) -> bool {
        if name == self.object_count() {
            return true;
        }
        match (self.group, self.plural) {
            ("", "pods") => pod::counts(name),
            ("", "services") => service::NAMES.contains(&name),
            ("", "persistentvolumeclaims") => claim::of_storage(name),
            ("resource.k8s.io", "resourceclaims") => claim::of_devices(name, classes),
            ("", plural) => name == plural && NAMED.contains(&plural),
            _ => false,
        }
    }

    /// Whether an object falls under a quota's scopes.
    pub fn is_in_scope(&self, quota: &Object, object: &Object) -> bool {
        scope::all(quota, |scope| match (self.group, self.plural) {
            ("", "pods") => scope.holds_for_pod(object),
            ("", "persistentvolumeclaims") => scope.holds_for_claim(object),
            _ => false,
        })
    }

    /// What an object uses.
    pub fn usage(&self, object: &Object, classes: &Classes, now: Timestamp) -> Amounts {
        let mut usage = Amounts::from([(self.object_count(), whole(1))]);
        match (self.group, self.plural) {
            ("", "pods") => pod::usage(object, now, &mut usage),
            ("", "services") => service::usage(object, &mut usage),
            ("", "persistentvolumeclaims") => claim::storage_usage(object, &mut usage),
            ("resource.k8s.io", "resourceclaims") => claim::device_usage(object, classes, &mut usage),
            ("", plural) if NAMED.contains(&plural) => {
                usage.insert(plural.to_owned(), whole(1));
            }
            _ => {}
        }
        usage
    }

    /// Whether the number of objects alone says how much of these resources is used; of Pods those that have ended do not
    /// count.
    pub fn is_plain_count(&self, names: &BTreeSet<String>) -> bool {
        let is_pods = self.group.is_empty() && self.plural == "pods";
        let is_plural = |name: &String| self.group.is_empty() && !is_pods && name == self.plural;
        names.iter().all(|name| *name == self.object_count() || is_plural(name))
    }

    fn object_count(&self) -> String {
        match self.group {
            "" => format!("count/{}", self.plural),
            group => format!("count/{}.{group}", self.plural),
        }
    }
}

/// The resource that a quota's name `count/PLURAL.GROUP` or plain plural is about.
pub fn counted_resource(name: &str) -> Option<(&str, &str)> {
    let Some(resource) = name.strip_prefix("count/") else {
        return NAMED.iter().find(|plural| **plural == name).map(|plural| ("", *plural));
    };
    Some(match resource.split_once('.') {
        Some((plural, group)) => (group, plural),
        None => ("", resource),
    })
}

/// The resources that are counted in more ways than by their number.
pub const MEASURED: [(&str, &str); 4] =
    [("", "pods"), ("", "services"), ("", "persistentvolumeclaims"), ("resource.k8s.io", "resourceclaims")];

/// Adds amounts to a sum.
pub fn add(sum: &mut Amounts, more: &Amounts) {
    for (name, amount) in more {
        let total = sum.get(name).map_or_else(|| amount.clone(), |old| old.add(amount));
        sum.insert(name.clone(), total);
    }
}

/// What is used more than before, by name; nothing counts as less than before.
pub fn growth(now: &Amounts, before: &Amounts) -> Amounts {
    let grown = now.iter().map(|(name, amount)| match before.get(name) {
        Some(old) => (name.clone(), amount.sub(old)),
        None => (name.clone(), amount.clone()),
    });
    grown.filter(|(_, amount)| amount.signum() > 0).collect()
}

/// A whole number of things.
pub fn whole(count: i64) -> Quantity {
    Quantity::from_value(count, QuantityFormat::DecimalSi)
}

fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests;

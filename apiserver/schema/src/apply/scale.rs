//! Ownership of `replicas` through the scale subresource: the parent's entries seen as entries of the Scale, and back.

use serde_json::Value;

use super::managed::{Entry, Identity, ManagedFields, Operation};
use super::path::PathElement;
use super::set::Set;

const SCALE_VERSION: &str = "autoscaling/v1";
const SCALE_PATH: [&str; 2] = ["spec", "replicas"];

/// Where a resource keeps its replicas.
#[derive(Clone, Copy, Debug)]
pub struct Replicas<'a> {
    /// The resource's `apiVersion`; entries in other versions are left out.
    pub api_version: &'a str,
    /// The field, for example `["spec", "replicas"]`.
    pub path: &'a [&'a str],
}

/// The managedFields of the Scale of an object with these managedFields.
pub fn to_scale(parent: &[Value], replicas: &Replicas<'_>) -> Result<Vec<Value>, String> {
    let path = steps(replicas.path);
    let mut out = ManagedFields::default();
    for entry in ManagedFields::decode(parent)?.entries() {
        if entry.api_version == replicas.api_version && entry.set.has(&path) {
            out.put(Entry {
                identity: in_version(&entry.identity, SCALE_VERSION),
                api_version: SCALE_VERSION.to_owned(),
                set: Set::of_fields(&[&SCALE_PATH]),
                time: entry.time.clone(),
            });
        }
    }
    Ok(out.encode())
}

/// The managedFields of the object after its Scale was written and ended with these `scale` entries.
pub fn to_parent(parent: &[Value], scale: &[Value], replicas: &Replicas<'_>) -> Result<Vec<Value>, String> {
    let path = steps(replicas.path);
    let replicas_set = Set::of_fields(&[replicas.path]);
    let mut scale = ManagedFields::decode(scale)?;
    let mut out = ManagedFields::default();
    for entry in ManagedFields::decode(parent)?.entries() {
        if entry.api_version != replicas.api_version {
            continue;
        }
        let kept = !entry.set.has(&path) || scale.take(&in_version(&entry.identity, SCALE_VERSION)).is_some();
        let set = if kept { entry.set.clone() } else { entry.set.clone().difference(&replicas_set) };
        out.put(Entry { set, ..entry.clone() });
    }
    // Upstream gives the new owners no time.
    for entry in scale.entries().iter().filter(|entry| entry.set.has(&steps(&SCALE_PATH))) {
        out.put(Entry {
            identity: in_version(&entry.identity, replicas.api_version),
            api_version: replicas.api_version.to_owned(),
            set: replicas_set.clone(),
            time: None,
        });
    }
    Ok(out.encode())
}

fn steps(path: &[&str]) -> Vec<PathElement> {
    path.iter().map(|name| PathElement::field(name)).collect()
}

fn in_version(identity: &Identity, api_version: &str) -> Identity {
    let api_version = if identity.operation == Operation::Apply { "" } else { api_version };
    Identity { api_version: api_version.to_owned(), ..identity.clone() }
}

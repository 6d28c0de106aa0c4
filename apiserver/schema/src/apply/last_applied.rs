//! The annotation in which client-side apply keeps its last configuration, as far as server-side apply heeds it.
//!
//! Only `kubectl` itself is helped: what the annotation shows to have been applied by the client before may be taken
//! over without conflict, and the annotation is kept up to date.

use kubernel_meta::Object;
use serde_json::{Map, Value};

use super::collect::field_set;
use super::compare::compare;
use super::conflict::Conflict;
use super::set::Set;
use super::types::Type;

/// The one manager this is for.
pub(super) const MANAGER: &str = "kubectl";

const ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";
const ANNOTATIONS_BYTES_MAX: usize = 256 * 1024;

/// The conflicts without those on fields that client-side apply set and nobody changed since.
pub(super) fn remaining_conflicts(
    ty: Type<'_>,
    live: &Map<String, Value>,
    api_version: &str,
    conflicts: Vec<Conflict>,
) -> Vec<Conflict> {
    let Some(allowed) = last_applied_set(ty, live, api_version) else { return conflicts };
    conflicts
        .into_iter()
        .map(|conflict| Conflict { set: conflict.set.difference(&allowed), ..conflict })
        .filter(|conflict| !conflict.set.is_empty())
        .collect()
}

/// Puts the applied configuration into the annotation, where the object carries it.
pub(super) fn refresh(object: &mut Object, config: &Object) {
    let path = ["metadata", "annotations", ANNOTATION];
    if object.str_at(&path).is_empty() {
        return;
    }
    let mut config = config.clone();
    config.remove(&["metadata", "managedFields"]);
    config.remove(&path);
    let text = format!("{}\n", config.into_value());
    let others: usize =
        object.annotations().filter(|(key, _)| *key != ANNOTATION).map(|(key, value)| key.len() + value.len()).sum();
    if others + ANNOTATION.len() + text.len() > ANNOTATIONS_BYTES_MAX {
        object.remove(&path);
    } else {
        object.set(&path, text);
    }
}

fn last_applied_set(ty: Type<'_>, live: &Map<String, Value>, api_version: &str) -> Option<Set> {
    let text = live.get("metadata")?.get("annotations")?.get(ANNOTATION)?.as_str()?;
    let applied: Value = serde_json::from_str(text).ok()?;
    if applied.get("apiVersion")?.as_str()? != api_version {
        return None;
    }
    let set = field_set(ty, &applied).ok()?;
    let difference = compare(ty, applied.as_object()?, live).ok()?;
    Some(set.difference(&difference.modified).difference(&difference.added).difference(&difference.removed))
}

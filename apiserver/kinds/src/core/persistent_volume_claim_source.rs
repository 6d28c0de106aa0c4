//! Where a claim's content comes from: an old field and a new one, which are kept the same (KEP-1495).

use kubernel_meta::Object;
use serde_json::Value;

use crate::tree::text;

const SOURCE: [&str; 2] = ["spec", "dataSource"];
const REFERENCE: [&str; 2] = ["spec", "dataSourceRef"];

/// Brings both fields of a claim that is written into agreement.
pub(super) fn prepare(claim: &mut Object, old: Option<&Object>) {
    let was = |path: &[&str]| old.and_then(|old| old.at(path)).is_some_and(Value::is_object);
    let other_namespace = |reference: &Value| !text(reference, "namespace").is_empty();
    // Claims do not yet reach into other namespaces.
    if claim.at(&REFERENCE).is_some_and(other_namespace) && !was(&REFERENCE) {
        claim.remove(&REFERENCE);
    }
    let given = |claim: &Object, path: &[&str]| claim.at(path).filter(|value| value.is_object()).cloned();
    let reference = given(claim, &REFERENCE);
    if !was(&SOURCE) && reference.is_none() && claim.at(&SOURCE).is_some_and(|source| !is_classic(source)) {
        claim.remove(&SOURCE);
    }
    match (given(claim, &SOURCE), reference) {
        (Some(source), None) => claim.set(&REFERENCE, source),
        (None, Some(mut reference)) if !other_namespace(&reference) => {
            if let Some(map) = reference.as_object_mut() {
                map.remove("namespace");
            }
            claim.set(&SOURCE, reference);
        }
        _ => {}
    }
}

/// What the old field has always taken: another claim or a snapshot. All else it silently loses.
fn is_classic(source: &Value) -> bool {
    matches!(
        (text(source, "apiGroup"), text(source, "kind")),
        ("", "PersistentVolumeClaim") | ("snapshot.storage.k8s.io", "VolumeSnapshot")
    )
}

//! Which ReplicaSet is a Deployment's new one: templates compared, hashes and revisions. Pure.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::PodTemplateSpec;

/// The label that keeps the Pods of a Deployment's ReplicaSets apart.
pub(super) const HASH_LABEL: &str = "pod-template-hash";
/// The annotation with a ReplicaSet's place in the Deployment's history.
pub(super) const REVISION: &str = "deployment.kubernetes.io/revision";
/// The annotation with the places that a ReplicaSet had before.
pub(super) const REVISION_HISTORY: &str = "deployment.kubernetes.io/revision-history";
/// The annotation with the Deployment's replicas when the ReplicaSet was last scaled.
pub(super) const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
/// The annotation with the most Pods that the Deployment could have then.
pub(super) const MAX: &str = "deployment.kubernetes.io/max-replicas";
/// Annotations of a Deployment that its ReplicaSets do not get.
const NOT_COPIED: [&str; 6] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    REVISION_HISTORY,
    DESIRED,
    MAX,
    "deprecated.deployment.rollback.to",
];

/// The ReplicaSet made from the Deployment's current template; the oldest where several are.
pub(super) fn find_new<'a>(deployment: &Deployment, sets: &[&'a ReplicaSet]) -> Option<&'a ReplicaSet> {
    let wanted = deployment.spec.as_ref().map(|spec| without_hash(spec.template.clone()))?;
    let mut by_age = sets.to_vec();
    by_age.sort_by(|a, b| age(a).cmp(&age(b)));
    by_age.into_iter().find(|set| {
        let template = set.spec.as_ref().and_then(|spec| spec.template.clone()).map(without_hash);
        template.as_ref() == Some(&wanted)
    })
}

/// Creation time, then name: the order of age.
pub(super) fn age(set: &ReplicaSet) -> (Option<jiff::Timestamp>, Option<&str>) {
    (set.metadata.creation_timestamp.as_ref().map(|time| time.0), set.metadata.name.as_deref())
}

fn without_hash(mut template: PodTemplateSpec) -> PodTemplateSpec {
    if let Some(labels) = template.metadata.as_mut().and_then(|meta| meta.labels.as_mut()) {
        labels.remove(HASH_LABEL);
    }
    template
}

/// The hash in names and labels: FNV-1a over the template's JSON and the collision count, spelled without vowels and
/// look-alikes (upstream's rand.SafeEncodeString), so that no name is rude.
pub(super) fn hash(template: &PodTemplateSpec, collisions: Option<i32>) -> String {
    const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut hash: u32 = 0x811c_9dc5;
    let json = serde_json::to_vec(template).unwrap_or_default();
    let salt = collisions.map(i32::to_le_bytes);
    for byte in json.iter().chain(salt.iter().flatten()) {
        hash = (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    }
    hash.to_string().bytes().map(|byte| char::from(ALPHABET[usize::from(byte) % ALPHABET.len()])).collect()
}

/// A revision annotation as a number; 0 where there is none.
pub(super) fn revision(annotations: Option<&BTreeMap<String, String>>) -> i64 {
    annotations.and_then(|all| all.get(REVISION)).and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// What a ReplicaSet's annotations become when it is (again) the Deployment's new one with this revision; `None` where
/// nothing changes.
pub(super) fn annotations(
    deployment: &Deployment,
    current: Option<&BTreeMap<String, String>>,
    new_revision: i64,
) -> Option<BTreeMap<String, String>> {
    let mut next = current.cloned().unwrap_or_default();
    let theirs = deployment.metadata.annotations.iter().flatten();
    for (key, value) in theirs.filter(|(key, _)| !NOT_COPIED.contains(&key.as_str())) {
        next.insert(key.clone(), value.clone());
    }
    let old = revision(current);
    if old < new_revision {
        if old > 0 {
            let history = next.entry(REVISION_HISTORY.to_owned()).or_default();
            let places: Vec<&str> = history.split(',').filter(|place| !place.is_empty()).collect();
            let place = old.to_string();
            if !places.contains(&place.as_str()) {
                *history = places.into_iter().chain([place.as_str()]).collect::<Vec<_>>().join(",");
            }
        }
        next.insert(REVISION.to_owned(), new_revision.to_string());
    }
    (current != Some(&next)).then_some(next)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn deployment(annotations: serde_json::Value) -> Deployment {
        serde_json::from_value(json!({"metadata": {"annotations": annotations}})).unwrap()
    }

    #[test]
    fn revisions_go_up_and_keep_their_history() {
        let plain = deployment(json!({"note": "x", REVISION: "9"}));
        let cases = [
            (json!({}), 1, Some(json!({"note": "x", REVISION: "1"}))),
            (json!({"note": "x", REVISION: "1"}), 1, None),
            (json!({"note": "x", REVISION: "1"}), 3, Some(json!({"note": "x", REVISION: "3", REVISION_HISTORY: "1"}))),
            (
                json!({"note": "x", REVISION: "3", REVISION_HISTORY: "1"}),
                5,
                Some(json!({"note": "x", REVISION: "5", REVISION_HISTORY: "1,3"})),
            ),
        ];
        for (current, revision, wanted) in cases {
            let current: BTreeMap<String, String> = serde_json::from_value(current).unwrap();
            let next = annotations(&plain, Some(&current), revision);
            assert_eq!(next.map(|next| json!(next)), wanted, "{current:?} at {revision}");
        }
    }

    #[test]
    fn the_hash_depends_on_template_and_collisions() {
        let template: PodTemplateSpec = serde_json::from_value(json!({"metadata": {"labels": {"a": "b"}}})).unwrap();
        let other: PodTemplateSpec = serde_json::from_value(json!({"metadata": {"labels": {"a": "c"}}})).unwrap();
        let hashes = [hash(&template, None), hash(&template, Some(1)), hash(&other, None)];
        assert_eq!(hash(&template, None), hashes[0]);
        assert!(hashes[0] != hashes[1] && hashes[0] != hashes[2]);
        assert!(hashes.iter().all(|hash| !hash.is_empty() && hash.len() <= 10));
    }
}

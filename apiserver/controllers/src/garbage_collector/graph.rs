//! Who owns whom: the graph of all objects by uid, and what changes in it call for. Pure.
//!
//! It keeps only identities and owners. What it says is a hint: before anything is deleted, the API is asked again.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

/// The finalizer of an owner that waits for its dependents.
pub(super) const FOREGROUND: &str = "foregroundDeletion";
/// The finalizer of an owner whose dependents shall stay.
pub(super) const ORPHAN: &str = "orphan";

/// A uid.
pub(super) type Uid = Arc<str>;

/// Where an object is found: the number of its resource in the collector's table, namespace and name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) resource: usize,
    pub(super) namespace: Arc<str>,
    pub(super) name: Arc<str>,
}

/// What is to be looked into.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Task {
    /// Whether this object has to go.
    Delete(Uid),
    /// This owner's dependents are to be let go.
    Orphan(Uid),
}

impl std::fmt::Display for Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Delete(uid) => write!(f, "delete {uid}"),
            Self::Orphan(uid) => write!(f, "orphan dependents of {uid}"),
        }
    }
}

#[derive(Debug, Default)]
struct Node {
    /// `None`: known only as somebody's owner.
    place: Option<Place>,
    owners: Vec<OwnerReference>,
    dependents: BTreeSet<Uid>,
    /// Being deleted, and waiting for its dependents.
    waits_for_dependents: bool,
    /// Being deleted, and its dependents shall stay.
    orphans_dependents: bool,
}

/// All objects by uid.
#[derive(Debug, Default)]
pub(super) struct Graph {
    nodes: HashMap<Uid, Node>,
}

impl Graph {
    /// An object was seen. Returns what to look into.
    pub(super) fn seen(&mut self, place: Place, meta: &ObjectMeta) -> Vec<Task> {
        let uid: Uid = meta.uid.as_deref().unwrap_or_default().into();
        let owners = meta.owner_references.clone().unwrap_or_default();
        let deleting = meta.deletion_timestamp.is_some();
        let has = |finalizer: &str| meta.finalizers.iter().flatten().any(|other| other == finalizer);
        let (waits, orphans) = (deleting && has(FOREGROUND), deleting && has(ORPHAN));
        let node = self.nodes.entry(uid.clone()).or_default();
        node.place = Some(place);
        let old_owners = std::mem::replace(&mut node.owners, owners.clone());
        let (waited, orphaned) = (node.waits_for_dependents, node.orphans_dependents);
        node.waits_for_dependents = waits;
        node.orphans_dependents = orphans;
        let dependents: Vec<Uid> = node.dependents.iter().cloned().collect();
        let mut tasks = Vec::new();
        let changed = old_owners != owners;
        if changed {
            for gone in old_owners.iter().filter(|old| !owners.iter().any(|owner| owner.uid == old.uid)) {
                self.unlink(&gone.uid, &uid);
            }
            let unblocked = old_owners.iter().filter(|old| {
                let now = owners.iter().find(|owner| owner.uid == old.uid);
                blocks(old) && !now.is_some_and(blocks)
            });
            tasks.extend(unblocked.map(|owner| Task::Delete(owner.uid.as_str().into())));
            let mut missing = false;
            for owner in &owners {
                let node = self.nodes.entry(owner.uid.as_str().into()).or_default();
                node.dependents.insert(uid.clone());
                missing |= node.place.is_none() || node.waits_for_dependents;
            }
            if missing {
                tasks.push(Task::Delete(uid.clone()));
            }
        }
        if orphans && !orphaned {
            tasks.push(Task::Orphan(uid.clone()));
        }
        if waits && !waited {
            tasks.extend(dependents.into_iter().map(Task::Delete));
            tasks.push(Task::Delete(uid));
        }
        tasks
    }

    /// An object is gone. Returns what to look into.
    pub(super) fn gone(&mut self, uid: &str) -> Vec<Task> {
        let Some(node) = self.nodes.remove(uid) else { return Vec::new() };
        let mut tasks: Vec<Task> = node.dependents.iter().cloned().map(Task::Delete).collect();
        for owner in &node.owners {
            self.unlink(&owner.uid, uid);
            // An owner that waits for its dependents may be free to go now.
            if self.nodes.get(owner.uid.as_str()).is_some_and(|owner| owner.waits_for_dependents) {
                tasks.push(Task::Delete(owner.uid.as_str().into()));
            }
        }
        if !node.dependents.is_empty() {
            // Kept as an owner without a place until its dependents are gone too.
            let kept = Node { dependents: node.dependents, ..Node::default() };
            self.nodes.insert(uid.into(), kept);
        }
        tasks
    }

    /// Where the object is.
    pub(super) fn place(&self, uid: &str) -> Option<Place> {
        self.nodes.get(uid)?.place.clone()
    }

    /// Whether anything depends on the object.
    pub(super) fn has_dependents(&self, uid: &str) -> bool {
        self.nodes.get(uid).is_some_and(|node| !node.dependents.is_empty())
    }

    /// The dependents that their owner waits for, each with whether it is itself waiting for dependents.
    pub(super) fn blocking(&self, owner: &str) -> Vec<(Uid, bool)> {
        let dependents = self.nodes.get(owner).into_iter().flat_map(|node| &node.dependents);
        dependents
            .filter_map(|uid| Some((uid, self.nodes.get(uid)?)))
            .filter(|(_, node)| node.owners.iter().any(|reference| reference.uid == owner && blocks(reference)))
            .map(|(uid, node)| (uid.clone(), node.waits_for_dependents))
            .collect()
    }

    /// Where the object's dependents are.
    pub(super) fn dependents(&self, owner: &str) -> Vec<Place> {
        let dependents = self.nodes.get(owner).into_iter().flat_map(|node| &node.dependents);
        dependents.filter_map(|uid| self.place(uid)).collect()
    }

    /// Whether some dependent waits for dependents of its own: an owner that waits for it could wait for itself.
    pub(super) fn has_waiting_dependent(&self, owner: &str) -> bool {
        let dependents = self.nodes.get(owner).into_iter().flat_map(|node| &node.dependents);
        dependents.filter_map(|uid| self.nodes.get(uid)).any(|node| node.waits_for_dependents)
    }

    /// The uids of a resource's objects.
    pub(super) fn of_resource(&self, resource: usize) -> Vec<Uid> {
        let is_here = |node: &Node| node.place.as_ref().is_some_and(|place| place.resource == resource);
        self.nodes.iter().filter(|(_, node)| is_here(node)).map(|(uid, _)| uid.clone()).collect()
    }

    fn unlink(&mut self, owner: &str, dependent: &str) {
        if let Some(node) = self.nodes.get_mut(owner) {
            node.dependents.remove(dependent);
            if node.dependents.is_empty() && node.place.is_none() {
                self.nodes.remove(owner);
            }
        }
    }
}

fn blocks(owner: &OwnerReference) -> bool {
    owner.block_owner_deletion == Some(true)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn place(name: &str) -> Place {
        Place { resource: 0, namespace: "ns".into(), name: name.into() }
    }

    fn meta(uid: &str, owners: &[&str], finalizer: Option<&str>) -> ObjectMeta {
        let owners: Vec<_> = owners
            .iter()
            .map(|owner| json!({"apiVersion": "v1", "kind": "K", "name": owner, "uid": owner, "blockOwnerDeletion": true}))
            .collect();
        let deletion = finalizer.map(|_| "2026-01-01T00:00:00Z");
        let finalizers: Vec<_> = finalizer.into_iter().collect();
        serde_json::from_value(
            json!({"uid": uid, "ownerReferences": owners, "finalizers": finalizers, "deletionTimestamp": deletion}),
        )
        .unwrap()
    }

    fn delete(uid: &str) -> Task {
        Task::Delete(uid.into())
    }

    #[test]
    fn dependents_of_what_is_gone_are_looked_into() {
        let mut graph = Graph::default();
        assert_eq!(graph.seen(place("owner"), &meta("owner", &[], None)), []);
        assert_eq!(graph.seen(place("child"), &meta("child", &["owner"], None)), []);
        assert_eq!(graph.gone("owner"), [delete("child")]);
        assert_eq!(graph.gone("child"), []);
        assert!(graph.nodes.is_empty(), "nothing is left behind");
    }

    #[test]
    fn an_unknown_owner_is_asked_about() {
        let mut graph = Graph::default();
        assert_eq!(graph.seen(place("child"), &meta("child", &["owner"], None)), [delete("child")]);
    }

    #[test]
    fn a_foreground_deletion_waits_for_blocking_dependents() {
        let mut graph = Graph::default();
        graph.seen(place("owner"), &meta("owner", &[], None));
        graph.seen(place("child"), &meta("child", &["owner"], None));
        let deleting = meta("owner", &[], Some(FOREGROUND));
        assert_eq!(graph.seen(place("owner"), &deleting), [delete("child"), delete("owner")]);
        assert_eq!(graph.seen(place("owner"), &deleting), []);
        assert_eq!(graph.blocking("owner"), [("child".into(), false)]);
        assert_eq!(graph.gone("child"), [delete("owner")]);
        assert_eq!(graph.blocking("owner"), []);
    }

    #[test]
    fn orphaning_is_asked_for_once() {
        let mut graph = Graph::default();
        graph.seen(place("owner"), &meta("owner", &[], None));
        graph.seen(place("child"), &meta("child", &["owner"], None));
        let deleting = meta("owner", &[], Some(ORPHAN));
        assert_eq!(graph.seen(place("owner"), &deleting), [Task::Orphan("owner".into())]);
        assert_eq!(graph.seen(place("owner"), &deleting), []);
        assert_eq!(graph.dependents("owner"), [place("child")]);
        graph.seen(place("child"), &meta("child", &[], None));
        assert_eq!(graph.dependents("owner"), []);
    }
}

//! The CRDs that the follower knows, by what it asks for: those of a group and the names that they hold, those about
//! which something is to be written, those that are leaving, and the resources of all in discovery's order.
//!
//! Nothing here walks over all CRDs when one changes: clusters have thousands, most of them created one after the other.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use kubernel_kinds::custom::{Names, NamesInUse, compare_versions};
use kubernel_meta::Object;
use kubernel_store::Revision;

use super::CLEANUP_FINALIZER;
use crate::resources::Resource;

/// A CRD.
pub(super) struct Known {
    /// Of the state that is known.
    pub(super) revision: Revision,
    /// Without its schemas and owners.
    pub(super) crd: Object,
    /// What its resources were made from.
    pub(super) fingerprint: u64,
    /// What is served of it.
    pub(super) resources: Vec<Arc<Resource>>,
}

/// All of them.
#[derive(Default)]
pub(super) struct Definitions {
    by_name: BTreeMap<String, Known>,
    groups: HashMap<String, Group>,
    /// Something may be to be written about these.
    unsettled: BTreeSet<String>,
    /// These wait for their objects to be gone.
    leaving: BTreeSet<String>,
    served: BTreeMap<Place, Arc<Resource>>,
}

/// The CRDs of a group.
#[derive(Default)]
struct Group {
    members: BTreeSet<String>,
    /// Those that were not given all the names that they want.
    waiting: BTreeSet<String>,
    /// The names that members hold, where that is known.
    in_use: Option<NamesInUse>,
}

/// Where discovery lists a resource: newer versions first.
#[derive(PartialEq, Eq)]
struct Place {
    group: String,
    version: String,
    plural: String,
    crd: String,
}

impl Ord for Place {
    fn cmp(&self, other: &Self) -> Ordering {
        let version = || compare_versions(&other.version, &self.version).then_with(|| self.version.cmp(&other.version));
        let order = self.group.cmp(&other.group).then_with(version);
        order.then_with(|| self.plural.cmp(&other.plural)).then_with(|| self.crd.cmp(&other.crd))
    }
}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Place {
    fn of(crd: &str, resource: &Resource) -> Self {
        let gvr = &resource.gvr;
        Self {
            group: gvr.group.clone(),
            version: gvr.version.clone(),
            plural: gvr.resource.clone(),
            crd: crd.to_owned(),
        }
    }
}

impl Known {
    /// The API group of its resources.
    pub(super) fn group(&self) -> &str {
        self.crd.str_at(&["spec", "group"])
    }

    /// Whether it has not been given all the names that it wants.
    pub(super) fn wants_names(&self) -> bool {
        self.crd.at(&["spec", "names"]) != self.crd.at(&["status", "acceptedNames"])
    }

    fn names(&self) -> Names {
        Names::read(self.crd.at(&["status", "acceptedNames"]))
    }

    fn is_leaving(&self) -> bool {
        self.crd.deletion_timestamp().is_some() && self.crd.finalizers().any(|name| name == CLEANUP_FINALIZER)
    }
}

impl Definitions {
    /// A CRD by its name.
    pub(super) fn get(&self, name: &str) -> Option<&Known> {
        self.by_name.get(name)
    }

    /// The names of all.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    /// Takes over a state of a CRD, and gives the one before.
    pub(super) fn put(&mut self, name: &str, known: Known) -> Option<Known> {
        if known.is_leaving() {
            self.leaving.insert(name.to_owned())
        } else {
            self.leaving.remove(name)
        };
        self.unsettled.insert(name.to_owned());
        let names = known.names();
        let old = self.by_name.remove(name);
        if let Some(old) = &old {
            self.unserve(name, old);
        }
        for resource in &known.resources {
            self.served.insert(Place::of(name, resource), resource.clone());
        }
        let group = self.groups.entry(known.group().to_owned()).or_default();
        group.members.insert(name.to_owned());
        match old.as_ref().map(Known::names).filter(|had| *had != Names::default()) {
            None => {
                group.in_use.iter_mut().for_each(|in_use| in_use.add(&names));
            }
            Some(had) if had == names => {}
            Some(_) => group.free(&mut self.unsettled),
        }
        self.by_name.insert(name.to_owned(), known);
        old
    }

    /// Forgets a CRD, and gives what was known of it.
    pub(super) fn remove(&mut self, name: &str) -> Option<Known> {
        let old = self.by_name.remove(name)?;
        self.unserve(name, &old);
        self.unsettled.remove(name);
        self.leaving.remove(name);
        if let Some(group) = self.groups.get_mut(old.group()) {
            group.members.remove(name);
            group.waiting.remove(name);
            group.free(&mut self.unsettled);
            if group.members.is_empty() {
                self.groups.remove(old.group());
            }
        }
        Some(old)
    }

    fn unserve(&mut self, name: &str, old: &Known) {
        for resource in &old.resources {
            self.served.remove(&Place::of(name, resource));
        }
    }

    /// Those about which something may be to be written, by their names.
    pub(super) fn unsettled(&self) -> Vec<String> {
        self.unsettled.iter().cloned().collect()
    }

    /// Nothing is to be written about this one until it changes, or a name in its group may have become free.
    pub(super) fn settle(&mut self, name: &str) {
        self.unsettled.remove(name);
        if let Some(known) = self.by_name.get(name).filter(|known| known.wants_names())
            && let Some(group) = self.groups.get_mut(known.group())
        {
            group.waiting.insert(name.to_owned());
        }
    }

    /// A CRD, and the names that those of its group hold; what is added to them is held from now on.
    pub(super) fn with_names(&mut self, name: &str) -> Option<(&Known, &mut NamesInUse)> {
        let known = self.by_name.get(name)?;
        let group = self.groups.get_mut(known.group())?;
        let members = group.members.iter().filter_map(|name| self.by_name.get(name));
        let in_use = group.in_use.get_or_insert_with(|| {
            let mut in_use = NamesInUse::default();
            members.for_each(|known| in_use.add(&known.names()));
            in_use
        });
        Some((known, in_use))
    }

    /// Names that this CRD was to be given, it was not.
    pub(super) fn recount(&mut self, name: &str) {
        if let Some(known) = self.by_name.get(name)
            && let Some(group) = self.groups.get_mut(known.group())
        {
            group.in_use = None;
        }
    }

    /// Those that wait for their objects to be gone.
    pub(super) fn leaving(&self) -> impl Iterator<Item = &Known> {
        self.leaving.iter().filter_map(|name| self.by_name.get(name))
    }

    /// The resources of all, in discovery's order.
    pub(super) fn served(&self) -> impl Iterator<Item = &Arc<Resource>> {
        self.served.values()
    }
}

impl Group {
    /// A name may have become free: lets those who wait try again.
    fn free(&mut self, unsettled: &mut BTreeSet<String>) {
        self.in_use = None;
        unsettled.append(&mut self.waiting);
    }
}

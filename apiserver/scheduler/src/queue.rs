//! Pods that wait for a place: by role, then by class, the most important and then the oldest first.
//!
//! A class that fits nowhere is blocked as a whole; its Pods stay where they are and are not looked at again until
//! something changed that may help.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use kubernel_kernel::RoleId;

use crate::class::ClassId;

/// Where a Pod stands: priority, then order of arrival.
pub(crate) type Place = (Reverse<i32>, u64);

/// All waiting Pods.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    roles: BTreeMap<RoleId, RoleQueue>,
    /// The roles in which Pods of a class wait.
    of_class: HashMap<ClassId, BTreeSet<RoleId>>,
    blocked: BTreeSet<ClassId>,
    /// Roles whose demand may have changed.
    changed: BTreeSet<RoleId>,
}

#[derive(Debug, Default)]
struct RoleQueue {
    classes: BTreeMap<ClassId, BTreeMap<Place, Arc<str>>>,
    /// The first of each class that is not blocked.
    heads: BTreeSet<(Place, ClassId)>,
    /// How many wait that are not blocked.
    ready: usize,
}

impl Queue {
    /// A Pod waits.
    pub(crate) fn push(&mut self, role: RoleId, class: ClassId, place: Place, uid: Arc<str>) {
        let blocked = self.blocked.contains(&class);
        self.roles.entry(role).or_default().change(class, blocked, |pods| drop(pods.insert(place, uid)));
        self.of_class.entry(class).or_default().insert(role);
        self.changed.insert(role);
    }

    /// A Pod no longer waits.
    pub(crate) fn remove(&mut self, role: RoleId, class: ClassId, place: Place) {
        let blocked = self.blocked.contains(&class);
        let Some(queue) = self.roles.get_mut(&role) else { return };
        queue.change(class, blocked, |pods| drop(pods.remove(&place)));
        self.changed.insert(role);
        if queue.classes.contains_key(&class) {
            return;
        }
        if queue.classes.is_empty() {
            self.roles.remove(&role);
        }
        let Some(roles) = self.of_class.get_mut(&class) else { return };
        roles.remove(&role);
        if roles.is_empty() {
            self.of_class.remove(&class);
            self.blocked.remove(&class);
        }
    }

    /// The next Pod of a role.
    pub(crate) fn first(&self, role: RoleId) -> Option<(ClassId, Place, Arc<str>)> {
        let queue = self.roles.get(&role)?;
        let (place, class) = *queue.heads.first()?;
        let uid = queue.classes.get(&class)?.get(&place)?;
        Some((class, place, uid.clone()))
    }

    /// How many Pods of a role wait that are not blocked.
    pub(crate) fn ready(&self, role: RoleId) -> usize {
        self.roles.get(&role).map_or(0, |queue| queue.ready)
    }

    /// How many wait that are not blocked, and that are.
    pub(crate) fn counts(&self) -> (usize, usize) {
        self.roles.values().fold((0, 0), |(ready, blocked), queue| {
            let all: usize = queue.classes.values().map(BTreeMap::len).sum();
            (ready + queue.ready, blocked + all - queue.ready)
        })
    }

    /// Blocks a class, or lets it be tried again.
    pub(crate) fn set_blocked(&mut self, class: ClassId, blocked: bool) {
        let Some(roles) = self.of_class.get(&class) else { return };
        let same = if blocked { !self.blocked.insert(class) } else { !self.blocked.remove(&class) };
        if same {
            return;
        }
        for role in roles {
            if let Some(queue) = self.roles.get_mut(role) {
                let pods = queue.classes.get(&class).map_or(0, BTreeMap::len);
                queue.ready = if blocked { queue.ready - pods } else { queue.ready + pods };
                queue.set_head(class, blocked);
            }
            self.changed.insert(*role);
        }
    }

    pub(crate) fn is_blocked(&self, class: ClassId) -> bool {
        self.blocked.contains(&class)
    }

    pub(crate) fn blocked(&self) -> impl Iterator<Item = ClassId> + '_ {
        self.blocked.iter().copied()
    }

    /// The Pods of a class that wait.
    pub(crate) fn of_class(&self, class: ClassId) -> impl Iterator<Item = &Arc<str>> {
        let roles = self.of_class.get(&class).into_iter().flatten();
        roles.filter_map(move |role| self.roles.get(role)?.classes.get(&class)).flat_map(BTreeMap::values)
    }

    /// The demand of a role has to be said again.
    pub(crate) fn mark_changed(&mut self, role: RoleId) {
        self.changed.insert(role);
    }

    /// The roles whose demand may have changed since the last call.
    pub(crate) fn take_changed(&mut self) -> BTreeSet<RoleId> {
        std::mem::take(&mut self.changed)
    }
}

impl RoleQueue {
    fn change(&mut self, class: ClassId, blocked: bool, change: impl FnOnce(&mut BTreeMap<Place, Arc<str>>)) {
        let pods = self.classes.entry(class).or_default();
        let before = (pods.len(), pods.first_key_value().map(|(place, _)| *place));
        change(pods);
        let after = pods.len();
        if pods.is_empty() {
            self.classes.remove(&class);
        }
        if let Some(place) = before.1 {
            self.heads.remove(&(place, class));
        }
        if !blocked {
            self.ready = self.ready + after - before.0;
        }
        self.set_head(class, blocked);
    }

    fn set_head(&mut self, class: ClassId, blocked: bool) {
        let Some((place, _)) = self.classes.get(&class).and_then(BTreeMap::first_key_value) else { return };
        if blocked {
            self.heads.remove(&(*place, class));
        } else {
            self.heads.insert((*place, class));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: RoleId = RoleId(1);

    #[track_caller]
    fn check(queue: &Queue, first: Option<&str>, ready: usize) {
        assert_eq!((queue.first(ROLE).map(|(.., uid)| uid), queue.ready(ROLE)), (first.map(Into::into), ready));
    }

    #[test]
    fn importance_then_age_and_blocked_classes_aside() {
        let mut queue = Queue::default();
        check(&queue, None, 0);
        queue.push(ROLE, 1, (Reverse(0), 1), "old".into());
        queue.push(ROLE, 1, (Reverse(0), 2), "new".into());
        queue.push(ROLE, 2, (Reverse(9), 3), "vip".into());
        check(&queue, Some("vip"), 3);
        queue.set_blocked(2, true);
        check(&queue, Some("old"), 2);
        queue.push(ROLE, 2, (Reverse(99), 4), "another".into());
        check(&queue, Some("old"), 2);
        queue.remove(ROLE, 1, (Reverse(0), 1));
        check(&queue, Some("new"), 1);
        assert_eq!(queue.counts(), (1, 2));
        queue.remove(ROLE, 1, (Reverse(0), 2));
        check(&queue, None, 0);
        queue.set_blocked(2, false);
        check(&queue, Some("another"), 2);
        assert_eq!(queue.counts(), (2, 0));
        queue.remove(ROLE, 2, (Reverse(9), 3));
        queue.remove(ROLE, 2, (Reverse(99), 4));
        check(&queue, None, 0);
        assert!(queue.take_changed().contains(&ROLE) && queue.take_changed().is_empty());
    }
}

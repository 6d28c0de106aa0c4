//! Pods that are over and whose frameworks know it: the latest are kept to be looked at. Looked up for every task that
//! begins, so without walking through them.

use std::collections::{BTreeMap, HashMap};

use super::PodName;

/// Beyond it the oldest go.
const COMPLETED_MAX: usize = 1_000;

/// These Pods, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Completed {
    pods: BTreeMap<u64, PodName>,
    numbers: HashMap<PodName, u64>,
    next: u64,
}

impl Completed {
    /// Puts a Pod last, unless it is here.
    pub(super) fn add(&mut self, pod: PodName) {
        if self.numbers.contains_key(&pod) {
            return;
        }
        self.numbers.insert(pod.clone(), self.next);
        self.pods.insert(self.next, pod);
        self.next += 1;
    }

    /// Takes a Pod out that is gone, or whose name is used again.
    pub(super) fn remove(&mut self, pod: &PodName) {
        if let Some(number) = self.numbers.remove(pod) {
            self.pods.remove(&number);
        }
    }

    /// Takes the oldest out where there are too many.
    pub(super) fn make_room(&mut self) -> Option<PodName> {
        let (_, pod) = if self.pods.len() > COMPLETED_MAX { self.pods.pop_first()? } else { return None };
        self.numbers.remove(&pod);
        Some(pod)
    }

    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = &PodName> {
        self.pods.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(number: usize) -> PodName {
        PodName { namespace: "ns".into(), name: number.to_string().into() }
    }

    #[test]
    fn the_oldest_make_room() {
        let mut completed = Completed::default();
        (0..COMPLETED_MAX).chain([1]).for_each(|number| completed.add(pod(number)));
        assert_eq!(completed.make_room(), None);
        completed.remove(&pod(0));
        completed.remove(&pod(0));
        completed.add(pod(0));
        completed.add(pod(COMPLETED_MAX));
        assert_eq!(completed.make_room(), Some(pod(1)));
        assert_eq!(completed.make_room(), None);
        assert_eq!(completed.iter().count(), COMPLETED_MAX);
    }
}

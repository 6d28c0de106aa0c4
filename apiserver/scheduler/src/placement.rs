//! The best node for a Pod of a class, without a look at every node for every Pod.
//!
//! Each class keeps its nodes in a heap by score. A node's score only falls as Pods come to it, so the score on the
//! heap is at least the real one: the top is looked at anew and either is the best or goes back with what it is worth
//! now. A node that got something free goes on top of every heap, to be looked at next.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
};

use kubernel_kernel::{ResourceId, Resources};

use crate::class::ClassId;

/// Classes whose heaps are kept at a time; beyond, they are made anew.
const HEAPS_MAX: usize = 256;
/// How many entries a heap may have for each node before it is made anew.
const ENTRIES_PER_NODE_MAX: usize = 4;
/// The score of a node that must be looked at.
const UNKNOWN: i64 = i64::MAX;

/// A node's number.
pub(crate) type NodeIx = usize;

/// The heaps.
#[derive(Debug, Default)]
pub(crate) struct Placement {
    heaps: HashMap<ClassId, BinaryHeap<(i64, Reverse<NodeIx>)>>,
}

impl Placement {
    /// The best node of a class: `nodes` are all there are, `score` tells what one is worth now, if it is possible.
    pub(crate) fn best(
        &mut self,
        class: ClassId,
        nodes: impl ExactSizeIterator<Item = NodeIx>,
        score: impl Fn(NodeIx) -> Option<i64>,
    ) -> Option<NodeIx> {
        let count = nodes.len();
        if self.heaps.get(&class).is_some_and(|heap| heap.len() > count * ENTRIES_PER_NODE_MAX + 64) {
            self.heaps.remove(&class);
        }
        if self.heaps.len() >= HEAPS_MAX && !self.heaps.contains_key(&class) {
            self.heaps.clear();
        }
        let heap =
            self.heaps.entry(class).or_insert_with(|| nodes.filter_map(|ix| Some((score(ix)?, Reverse(ix)))).collect());
        while let Some((kept, Reverse(ix))) = heap.pop() {
            let Some(now) = score(ix) else { continue };
            let next = heap.peek().map_or(i64::MIN, |(next, _)| *next);
            heap.push((now, Reverse(ix)));
            if kept == now || now >= next {
                return Some(ix);
            }
        }
        None
    }

    /// A node is new, has changed, or has more free than before.
    pub(crate) fn touch(&mut self, ix: NodeIx) {
        for heap in self.heaps.values_mut() {
            heap.push((UNKNOWN, Reverse(ix)));
        }
    }

    /// A class has no Pods any more.
    pub(crate) fn forget(&mut self, class: ClassId) {
        self.heaps.remove(&class);
    }
}

/// What a node is worth: how much of it stays free, and how evenly, after upstream's NodeResourcesLeastAllocated and
/// NodeResourcesBalancedAllocation, in thousandths; the preference of the class goes before.
pub(crate) fn score(preference: i64, requests: &Resources, free: &Resources, total: &Resources) -> i64 {
    let left = |id: ResourceId| {
        let after = u128::from(free.get(id).saturating_sub(requests.get(id)));
        let parts = (after * 1_000).checked_div(u128::from(total.get(id))).unwrap_or(0);
        i64::try_from(parts).unwrap_or(1_000)
    };
    let (cpu, memory, pods) = (left(ResourceId::CPU), left(ResourceId::MEMORY), left(ResourceId::PODS));
    let balance = 1_000 - (cpu - memory).abs();
    preference.saturating_mul(100).saturating_add((cpu + memory + pods) / 3 + balance / 2)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn the_best_node_is_found_as_scores_fall_and_rise() {
        let free = RefCell::new(vec![3_i64, 5, 4]);
        let mut placement = Placement::default();
        let take = |placement: &mut Placement| {
            let best = placement.best(1, 0..3, |ix| Some(free.borrow()[ix]).filter(|free| *free > 0));
            if let Some(ix) = best {
                free.borrow_mut()[ix] -= 1;
            }
            best
        };
        let taken: Vec<Option<NodeIx>> = (0..13).map(|_| take(&mut placement)).collect();
        let count = |ix| taken.iter().filter(|taken| **taken == Some(ix)).count();
        assert_eq!((count(0), count(1), count(2)), (3, 5, 4), "{taken:?}");
        assert_eq!((taken[0], taken[12]), (Some(1), None));
        assert_eq!(take(&mut placement), None);
        free.borrow_mut()[2] = 1;
        placement.touch(2);
        let best = placement.best(1, 0..3, |ix| Some(free.borrow()[ix]).filter(|free| *free > 0));
        assert_eq!(best, Some(2));
    }
}

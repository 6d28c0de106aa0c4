//! Sets of numbers as sorted intervals: ports, and the items of sets (each item has a number).

use std::fmt;

/// A set of numbers. Intervals are closed, sorted, and neither overlap nor touch, so that equal sets are equal values.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    /// Nothing.
    pub const EMPTY: Self = Self(Vec::new());

    /// The numbers from `begin` to `end`, both among them; nothing when `end` is less.
    pub fn interval(begin: u64, end: u64) -> Self {
        if begin <= end { Self(vec![(begin, end)]) } else { Self::EMPTY }
    }

    /// The intervals, in order.
    pub fn intervals(&self) -> &[(u64, u64)] {
        &self.0
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many numbers there are; the largest number rather than an overflow.
    pub fn count(&self) -> u64 {
        self.0.iter().fold(0, |sum: u64, (begin, end)| sum.saturating_add((end - begin).saturating_add(1)))
    }

    /// Whether all of `other` is in here.
    pub fn contains(&self, other: &Self) -> bool {
        other.0.iter().all(|(begin, end)| {
            let at = self.0.partition_point(|(_, own_end)| own_end < end);
            self.0.get(at).is_some_and(|(own, _)| own <= begin)
        })
    }

    /// Whether any number is in both.
    pub fn overlaps(&self, other: &Self) -> bool {
        let mut without = self.clone();
        without.take(other);
        without != *self
    }

    /// Adds all of `other`.
    pub fn add(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
        self.0.sort_unstable();
        let mut merged: Vec<(u64, u64)> = Vec::with_capacity(self.0.len());
        for (begin, end) in self.0.drain(..) {
            match merged.last_mut() {
                Some((_, last)) if begin <= last.saturating_add(1) => *last = (*last).max(end),
                _ => merged.push((begin, end)),
            }
        }
        self.0 = merged;
    }

    /// Takes away what of `other` is in here.
    pub fn take(&mut self, other: &Self) {
        let mut rest = Vec::with_capacity(self.0.len());
        let mut cuts = other.0.iter().peekable();
        for (mut begin, end) in self.0.drain(..) {
            let mut left = true;
            while let Some((cut, cut_end)) = cuts.peek().copied().copied() {
                if cut_end < begin {
                    cuts.next();
                    continue;
                }
                if cut > end {
                    break;
                }
                if cut > begin {
                    rest.push((begin, cut - 1));
                }
                if cut_end >= end {
                    left = false;
                    break;
                }
                begin = cut_end + 1;
                cuts.next();
            }
            if left {
                rest.push((begin, end));
            }
        }
        self.0 = rest;
    }
}

impl fmt::Debug for Ranges {
    /// As Mesos writes them: `[31000-32000, 40000-40000]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (begin, end)) in self.0.iter().enumerate() {
            write!(f, "{}{begin}-{end}", if at == 0 { "[" } else { ", " })?;
        }
        f.write_str(if self.0.is_empty() { "[]" } else { "]" })
    }
}

impl FromIterator<(u64, u64)> for Ranges {
    /// Closed intervals in any order; those that end before they begin are nothing.
    fn from_iter<T: IntoIterator<Item = (u64, u64)>>(intervals: T) -> Self {
        let mut out = Self::EMPTY;
        out.add(&Self(intervals.into_iter().filter(|(begin, end)| begin <= end).collect()));
        out
    }
}

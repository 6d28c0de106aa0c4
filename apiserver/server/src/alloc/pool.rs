//! Ranges of numbers, and one of which some are taken.

use std::collections::HashSet;

/// Numbers from `first` on, `size` of them. The lower part is left to those who name a number; dynamic choices come from
/// the upper part as long as there are any (KEP-3070, KEP-3668).
#[derive(Debug)]
pub(super) struct Range {
    first: u32,
    size: u32,
    /// How many of the first numbers dynamic choices avoid.
    reserved: u32,
    cursor: u32,
}

/// A range with what is taken of it.
#[derive(Debug)]
pub(super) struct Pool {
    range: Range,
    taken: HashSet<u32>,
}

/// Why a number could not be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It is not in the range.
    OutOfRange,
    /// It is in no range.
    NoRange,
    /// Somebody has it.
    Taken,
}

impl Range {
    pub(super) fn new(first: u32, size: u32, reserved: u32) -> Self {
        let reserved = if reserved < size { reserved } else { 0 };
        Self { first, size, reserved, cursor: reserved }
    }

    /// How many numbers there are.
    pub(super) fn size(&self) -> usize {
        self.size as usize
    }

    pub(super) fn contains(&self, number: u32) -> bool {
        number.checked_sub(self.first).is_some_and(|offset| offset < self.size)
    }

    /// The next number that is free; `None` where there is none.
    pub(super) fn next(&mut self, is_taken: impl Fn(u32) -> bool) -> Option<u32> {
        let upper = self.size - self.reserved;
        let offsets = (0..upper).map(|step| self.reserved + (self.cursor - self.reserved + step) % upper.max(1));
        let offset = offsets.chain(0..self.reserved).find(|offset| !is_taken(self.first + offset))?;
        if offset >= self.reserved {
            self.cursor = if offset + 1 < self.size { offset + 1 } else { self.reserved };
        }
        Some(self.first + offset)
    }
}

impl Pool {
    pub(super) fn new(first: u32, size: u32, reserved: u32) -> Self {
        Self { range: Range::new(first, size, reserved), taken: HashSet::new() }
    }

    /// How many are taken and free.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.taken.len(), self.range.size().saturating_sub(self.taken.len()))
    }

    /// Takes this number.
    pub(super) fn take(&mut self, number: u32) -> Result<(), Refusal> {
        if !self.range.contains(number) {
            return Err(Refusal::OutOfRange);
        }
        if self.taken.insert(number) { Ok(()) } else { Err(Refusal::Taken) }
    }

    /// Takes any free number; `None` where there is none.
    pub(super) fn take_any(&mut self) -> Option<u32> {
        let number = self.range.next(|number| self.taken.contains(&number))?;
        self.taken.insert(number);
        Some(number)
    }

    /// Gives a number back.
    pub(super) fn release(&mut self, number: u32) {
        self.taken.remove(&number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_each_number_once_and_the_upper_part_first() {
        let mut pool = Pool::new(100, 4, 2);
        assert_eq!(pool.take(100), Ok(()));
        assert_eq!(pool.take(100), Err(Refusal::Taken));
        assert_eq!(pool.take(104), Err(Refusal::OutOfRange));
        assert_eq!(pool.take(99), Err(Refusal::OutOfRange));
        let rest: Vec<Option<u32>> = (0..4).map(|_| pool.take_any()).collect();
        assert_eq!(rest, [Some(102), Some(103), Some(101), None]);
        pool.release(102);
        assert_eq!(pool.take_any(), Some(102));
    }
}

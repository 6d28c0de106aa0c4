//! Ranges of numbers, and in which order they are given away.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_each_number_once_and_the_upper_part_first() {
        let mut range = Range::new(100, 4, 2);
        assert!(range.contains(100) && range.contains(103) && !range.contains(99) && !range.contains(104));
        let mut taken = vec![100];
        for wanted in [Some(102), Some(103), Some(101), None] {
            let next = range.next(|number| taken.contains(&number));
            assert_eq!(next, wanted);
            taken.extend(next);
        }
        taken.retain(|number| *number != 102);
        assert_eq!(range.next(|number| taken.contains(&number)), Some(102));
    }
}

//! Ranges of sizes and costs that saturate.

/// From the least to the greatest that is possible: a size in `size()`'s units, or a cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Range {
    /// The least.
    pub min: u64,
    /// The greatest; `u64::MAX` when nothing bounds it.
    pub max: u64,
}

impl std::ops::Add for Range {
    type Output = Range;

    /// Adds both ends.
    fn add(self, other: Range) -> Range {
        Range { min: self.min.saturating_add(other.min), max: self.max.saturating_add(other.max) }
    }
}

impl std::ops::Mul for Range {
    type Output = Range;

    /// Multiplies both ends.
    fn mul(self, other: Range) -> Range {
        Range { min: self.min.saturating_mul(other.min), max: self.max.saturating_mul(other.max) }
    }
}

impl Range {
    /// Nothing is known.
    pub const UNKNOWN: Range = Range { min: 0, max: u64::MAX };
    /// Nothing.
    pub const ZERO: Range = Range { min: 0, max: 0 };

    /// Exactly this.
    #[must_use]
    pub const fn fixed(value: u64) -> Range {
        Range { min: value, max: value }
    }

    /// Multiplies both ends by a factor and rounds up.
    #[must_use]
    pub fn times(self, factor: f64) -> Range {
        Range { min: times(self.min, factor), max: times(self.max, factor) }
    }

    /// What includes both.
    #[must_use]
    pub fn union(self, other: Range) -> Range {
        Range { min: self.min.min(other.min), max: self.max.max(other.max) }
    }
}

fn times(value: u64, factor: f64) -> u64 {
    // The cast saturates.
    (value as f64 * factor).ceil() as u64
}

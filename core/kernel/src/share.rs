//! A share of the cluster as an exact fraction, compared without division or floating point.

use std::cmp::Ordering;

use crate::{ResourceId, Resources};

/// The weighted dominant share: how much somebody has of the resource of which it has the largest part, divided by all
/// there is of it and by its weight.
#[derive(Clone, Copy, Debug)]
pub struct Share {
    /// What it has.
    part: u64,
    /// All there is, times the weight in thousandths. Never 0.
    whole: u128,
    /// All there is.
    total: u64,
}

impl Share {
    /// Nothing of anything.
    pub const ZERO: Self = Self { part: 0, whole: 1, total: 1 };

    /// The share of somebody who uses `used` of `total` and has this weight. Resources of which the cluster has none do
    /// not count.
    pub fn of(used: &Resources, total: &Resources, weight_milli: u32) -> Self {
        let mut most = (0u64, 1u64);
        for (id, part) in used.iter() {
            let all = total.get(id);
            if all > 0 && u128::from(part) * u128::from(most.1) > u128::from(most.0) * u128::from(all) {
                most = (part, all);
            }
        }
        Self { part: most.0, whole: u128::from(most.1) * u128::from(weight_milli.max(1)), total: most.1 }
    }

    /// A lot instead of a share: the least of several, each with its own weight, is each one's with a probability that
    /// is as its weight. (An exponentially distributed number divided by the weight.)
    pub fn lot(seeds: [u64; 3], weight_milli: u32) -> Self {
        let mut mixed = 0u64;
        for seed in seeds {
            mixed = mixed.wrapping_add(seed).wrapping_add(0x9e37_79b9_7f4a_7c15);
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^= mixed >> 31;
        }
        Self { part: minus_log2(mixed), whole: u128::from(weight_milli.max(1)), total: 64 << 32 }
    }

    /// The resource of which somebody has the largest part of all there is, if it has any.
    pub fn dominant(used: &Resources, total: &Resources) -> Option<ResourceId> {
        let parts = used.iter().filter(|(id, _)| total.get(*id) > 0);
        parts
            .reduce(|most, next| {
                let (more, less) = (next.1, most.1);
                let larger =
                    u128::from(more) * u128::from(total.get(most.0)) > u128::from(less) * u128::from(total.get(next.0));
                if larger { next } else { most }
            })
            .map(|(id, _)| id)
    }

    /// The share before weighing, in millionths of the cluster, rounded down; for people to read.
    pub fn millionths(&self) -> u64 {
        u64::try_from(u128::from(self.part) * 1_000_000 / u128::from(self.total)).unwrap_or(u64::MAX)
    }
}

/// Minus the binary logarithm of a number taken as a fraction of 2⁶⁴, in 2⁻³².
fn minus_log2(number: u64) -> u64 {
    let zeros = number.leading_zeros().min(63);
    let mut mantissa = u128::from(number << zeros | 1);
    let mut fraction = 0u64;
    for _ in 0..32 {
        mantissa = (mantissa * mantissa) >> 63;
        fraction <<= 1;
        if mantissa >> 64 != 0 {
            mantissa >>= 1;
            fraction |= 1;
        }
    }
    ((u64::from(zeros) + 1) << 32) - fraction
}

impl Ord for Share {
    fn cmp(&self, other: &Self) -> Ordering {
        wide(self.part, other.whole).cmp(&wide(other.part, self.whole))
    }
}

/// The product in 192 bits: the upper 128 and the lower 64.
fn wide(a: u64, b: u128) -> (u128, u64) {
    let low = u128::from(a) * (b & u128::from(u64::MAX));
    let high = u128::from(a) * (b >> 64) + (low >> 64);
    (high, (low & u128::from(u64::MAX)) as u64)
}

impl PartialOrd for Share {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Share {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Share {}

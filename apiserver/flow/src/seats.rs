//! How the server's seats are divided: nominally by shares, and every few seconds anew by who needs them.

use crate::Level;

/// How much of the old smoothed demand stays at every adjustment (upstream's `seatDemandSmoothingCoefficient`).
const SMOOTHING: f64 = 0.977;
/// Halvings of the interval in which the fair proportion lies.
const HALVINGS: u32 = 60;

/// The seats of a level: its own, and between which bounds borrowing moves them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// By shares alone.
    pub nominal: u32,
    /// What is left where others have borrowed all that may be lent.
    pub min: u32,
    /// With all that may be borrowed.
    pub max: u32,
}

/// What a level needed between two adjustments, in seats.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Demand {
    /// The most at any moment.
    pub high: f64,
    /// Over time.
    pub average: f64,
    /// Its standard deviation.
    pub deviation: f64,
}

/// The bounds of every level out of `total` seats, in the order of `levels`.
pub fn bounds(total: u32, levels: &[&Level]) -> Vec<Bounds> {
    let shares: u64 = levels.iter().map(|level| u64::from(level.shares)).sum::<u64>().max(1);
    let of = |level: &&Level| {
        let nominal = (u64::from(total) * u64::from(level.shares)).div_ceil(shares);
        let percent = |percent: u32| (nominal * u64::from(percent) + 50) / 100;
        let seats = |seats: u64| u32::try_from(seats).unwrap_or(u32::MAX);
        let max = level.borrowing_percent.map_or(nominal + u64::from(total), |limit| nominal + percent(limit));
        Bounds { nominal: seats(nominal), min: seats(nominal - percent(level.lendable_percent)), max: seats(max) }
    };
    levels.iter().map(of).collect()
}

/// What is remembered of a level's demand: it rises at once and falls slowly.
pub fn smooth(before: f64, demand: Demand) -> f64 {
    let envelope = demand.average + demand.deviation;
    envelope.max(SMOOTHING * before + (1.0 - SMOOTHING) * envelope)
}

/// The seats of every level for the next while: no less than it keeps and needed, no more than it may borrow, and in
/// between in the same proportion to its smoothed demand for all.
pub fn divide(total: u32, levels: &[(Bounds, Demand, f64)]) -> Vec<u32> {
    let lowest = |(bounds, demand, _): &(Bounds, Demand, f64)| {
        f64::from(bounds.min).max(f64::from(bounds.nominal).min(demand.high))
    };
    let at = |level: &(Bounds, Demand, f64), proportion: f64| {
        let target = lowest(level).max(level.2);
        (target * proportion).max(lowest(level)).min(f64::from(level.0.max))
    };
    let sum = |proportion: f64| levels.iter().map(|level| at(level, proportion)).sum::<f64>();
    let total = f64::from(total);
    let (mut low, mut high) = (0.0, 1.0);
    while sum(high) < total && high < total.max(1.0) * 2.0 {
        high *= 2.0;
    }
    for _ in 0..HALVINGS {
        let middle = (low + high) / 2.0;
        if sum(middle) > total { high = middle } else { low = middle }
    }
    levels.iter().map(|level| at(level, low).round().max(1.0) as u32).collect()
}

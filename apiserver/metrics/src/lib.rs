//! Metrics as Prometheus scrapes them: instruments that are counted on the way ([`Counter`], [`Gauge`],
//! [`Histogram`]), series of them by label ([`Family`]), and the [`Page`] that shows them.
//!
//! Counting is a few atomic additions; only the first request of a new series takes a lock for writing. Whoever owns
//! instruments is a [`Source`]; a page asks every source when it is scraped, so that what can be read off the state
//! needs no bookkeeping at all. Why not a library: upstream has counters whose names do not end in `_total` and its
//! dashboards ask for them, which libraries of the OpenMetrics school refuse to write.
//!
//! Knows no clock: durations come in as seconds. `process` alone reads files, the system's about this process.

pub mod buckets;
mod family;
mod instrument;
mod page;
pub mod process;

pub use family::{About, Family, SERIES_MAX};
pub use instrument::{Counter, Gauge, Held, Histogram};
pub use page::{Format, Kind, Page};

/// Somebody who has metrics to show.
pub trait Source: Send + Sync {
    /// Writes them; the families of two sources differ.
    fn write(&self, page: &mut Page);
}

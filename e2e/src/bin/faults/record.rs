//! What clients saw.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kubernel_e2e::history::{Operation, Outcome, Time};
use parking_lot::Mutex;

/// Every operation and what is to be said of Pods.
pub(crate) struct Record {
    began: Instant,
    operations: Mutex<Vec<Operation>>,
    refused: Mutex<Vec<String>>,
    values: AtomicU64,
    /// How long Pods took from being made to being bound, in microseconds.
    placed: Mutex<Vec<u64>>,
}

impl Default for Record {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            operations: Mutex::default(),
            refused: Mutex::default(),
            values: AtomicU64::new(1),
            placed: Mutex::default(),
        }
    }
}

impl Record {
    /// The time.
    pub(crate) fn now(&self) -> Time {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// A value that nobody else writes.
    pub(crate) fn value(&self) -> u64 {
        self.values.fetch_add(1, Ordering::Relaxed)
    }

    /// An operation that was called then has ended now.
    pub(crate) fn ended(&self, key: &str, called: Time, outcome: Outcome) {
        let operation = Operation { key: key.to_owned(), called, ended: self.now(), outcome };
        self.operations.lock().push(operation);
    }

    /// A client that retried was refused for good.
    pub(crate) fn refuse(&self, why: String) {
        self.refused.lock().push(why);
    }

    /// A Pod was bound so long after it was made.
    pub(crate) fn place(&self, took: Duration) {
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.placed.lock().push(took);
    }

    pub(crate) fn operations(&self) -> Vec<Operation> {
        self.operations.lock().clone()
    }

    pub(crate) fn refused(&self) -> Vec<String> {
        self.refused.lock().clone()
    }

    /// How long Pods took to be bound, sorted.
    pub(crate) fn placed(&self) -> Vec<Duration> {
        let mut placed = self.placed.lock().clone();
        placed.sort_unstable();
        placed.into_iter().map(Duration::from_micros).collect()
    }
}

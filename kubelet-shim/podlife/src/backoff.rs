//! Waiting longer after each failure.

use jiff::{SignedDuration, Timestamp};

/// First wait.
const INITIAL_SECS: i64 = 10;
/// Longest wait.
const MAX_SECS: i64 = 300;
/// A container that ran this long starts from the first wait again.
const RESET_SECS: i64 = 2 * MAX_SECS;

/// `at + secs`, or the end of time.
pub(crate) fn after(at: Timestamp, secs: i64) -> Timestamp {
    at.checked_add(SignedDuration::from_secs(secs)).unwrap_or(Timestamp::MAX)
}

/// A doubling wait: 10 s, 20 s, … up to 300 s.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Backoff {
    delay_secs: i64,
    updated: Option<Timestamp>,
}

impl Backoff {
    /// Until when to wait after something that happened at `event`; none for not at all.
    pub(crate) fn until(&self, event: Timestamp) -> Option<Timestamp> {
        if self.expired(event) || self.delay_secs == 0 { None } else { Some(after(event, self.delay_secs)) }
    }

    /// The present wait.
    pub(crate) fn delay_secs(&self) -> i64 {
        self.delay_secs
    }

    /// Takes note of another attempt at `now`, after a failure at `event`.
    pub(crate) fn next(&mut self, now: Timestamp, event: Timestamp) {
        let start = self.delay_secs == 0 || self.expired(event);
        self.delay_secs = if start { INITIAL_SECS } else { (self.delay_secs * 2).min(MAX_SECS) };
        self.updated = Some(now);
    }

    fn expired(&self, event: Timestamp) -> bool {
        self.updated.is_some_and(|updated| event.duration_since(updated).as_secs() > RESET_SECS)
    }
}

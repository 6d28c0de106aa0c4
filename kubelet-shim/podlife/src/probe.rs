//! One probe of one running container: when it is due and what its results add up to.

use jiff::Timestamp;

use crate::backoff::after;
use crate::spec::ProbeSpec;

/// The three kinds of probes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProbeKind {
    /// Whether the container has come up; the others wait for it.
    Startup,
    /// Whether it must be restarted.
    Liveness,
    /// Whether it takes traffic.
    Readiness,
}

impl ProbeKind {
    /// As events name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Startup => "Startup",
            Self::Liveness => "Liveness",
            Self::Readiness => "Readiness",
        }
    }
}

/// A probe's schedule and memory. It lives as long as one run of its container.
#[derive(Clone, Debug)]
pub(crate) struct Probe {
    pub(crate) kind: ProbeKind,
    pub(crate) grace_secs: Option<i64>,
    pub(crate) due: Timestamp,
    pub(crate) in_flight: bool,
    period_secs: i64,
    success_threshold: i64,
    failure_threshold: i64,
    streak: i64,
    last: Option<bool>,
    /// What enough results in a row have established.
    pub(crate) verdict: Option<bool>,
}

impl Probe {
    pub(crate) fn new(kind: ProbeKind, spec: &ProbeSpec, started_at: Timestamp, now: Timestamp) -> Self {
        let or = |value: i64, default: i64| if value > 0 { value } else { default };
        Self {
            kind,
            grace_secs: spec.termination_grace_period_seconds,
            due: after(started_at, spec.initial_delay_seconds.max(0)).max(now),
            in_flight: false,
            period_secs: or(spec.period_seconds, 10),
            success_threshold: or(spec.success_threshold, 1),
            failure_threshold: or(spec.failure_threshold, 3),
            streak: 0,
            last: None,
            verdict: None,
        }
    }

    /// Takes a result; true when the verdict changed by it.
    pub(crate) fn result(&mut self, now: Timestamp, success: bool) -> bool {
        self.scheduled(now);
        self.streak = if self.last == Some(success) { self.streak + 1 } else { 1 };
        self.last = Some(success);
        let threshold = if success { self.success_threshold } else { self.failure_threshold };
        if self.streak < threshold || self.verdict == Some(success) {
            return false;
        }
        self.verdict = Some(success);
        true
    }

    /// The probe could not be made: try again in its time.
    pub(crate) fn scheduled(&mut self, now: Timestamp) {
        self.in_flight = false;
        self.due = after(self.due, self.period_secs);
        if self.due <= now {
            // A slow probe loses its missed turns.
            self.due = after(now, self.period_secs);
        }
    }
}

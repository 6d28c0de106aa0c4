//! What the user sees while the process starts: one line per step, with the time since the start.

use std::time::Instant;

/// A clock that talks.
#[derive(Clone, Copy)]
pub(crate) struct Progress {
    started: Instant,
}

impl Progress {
    /// Starts the clock.
    pub(crate) fn start() -> Self {
        Self { started: Instant::now() }
    }

    /// Tells the user that a step is done.
    pub(crate) fn done(self, step: &str) {
        println!("{:>8.3} s  {step}", self.started.elapsed().as_secs_f64());
    }
}

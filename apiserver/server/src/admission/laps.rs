//! How long each plug-in took: a stopwatch that goes from one plug-in to the next.

use std::time::Instant;

use super::{Operation, Plugin};
use crate::ApiServer;
use crate::metrics::{AdmissionMetrics, Step};

/// One pass of a write through the plug-ins of one half of admission.
pub(super) struct Laps<'a> {
    metrics: &'a AdmissionMetrics,
    step: Step,
    operation: Operation,
    last: Instant,
}

impl<'a> Laps<'a> {
    pub(super) fn start(server: &'a ApiServer, step: Step, operation: Operation) -> Self {
        Self { metrics: &server.metrics().admission, step, operation, last: Instant::now() }
    }

    /// A plug-in that cannot fail is done.
    pub(super) fn done(&mut self, plugin: Plugin) {
        self.lap(plugin, false);
    }

    /// A plug-in is done; its outcome goes through.
    pub(super) fn over<T, E>(&mut self, plugin: Plugin, outcome: Result<T, E>) -> Result<T, E> {
        self.lap(plugin, outcome.is_err());
        outcome
    }

    fn lap(&mut self, plugin: Plugin, rejected: bool) {
        let now = Instant::now();
        if plugin.handles(self.operation) {
            self.metrics.plugin(plugin, self.step, self.operation, rejected, now.duration_since(self.last));
        }
        self.last = now;
    }
}

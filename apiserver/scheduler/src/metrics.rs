//! What the scheduler counts, under the names that kube-scheduler has for it.

use std::time::Duration;

use kubernel_metrics::{About, Counter, Family, Gauge, Histogram, Kind, Page, Source, buckets};

use crate::engine::{Counts, FRAMEWORK, Outcome};

/// All of it.
pub struct SchedulerMetrics {
    attempts: Family<Counter>,
    durations: Family<Histogram>,
    algorithm: Histogram,
    bind: Family<Histogram>,
    waited: Family<Histogram>,
    tries: Histogram,
    pending: Family<Gauge>,
    known: Family<Gauge>,
}

/// How many tries of a Pod are told apart; upstream counts the same.
static TRIES: [f64; 5] = [1.0, 2.0, 4.0, 8.0, 16.0];

impl Default for SchedulerMetrics {
    fn default() -> Self {
        let durations = About {
            name: "scheduler_scheduling_attempt_duration_seconds",
            help: "[STABLE] How long attempts to schedule a Pod took, its binding included, in seconds.",
            labels: &["profile", "result"],
        };
        let bind = About {
            name: "scheduler_framework_extension_point_duration_seconds",
            help: "[STABLE] How long bindings took, in seconds.",
            labels: &["extension_point", "profile", "status"],
        };
        let waited = About {
            name: "scheduler_pod_scheduling_sli_duration_seconds",
            help: "[BETA] How long Pods waited until they were bound, in seconds.",
            labels: &["attempts"],
        };
        Self {
            attempts: Family::counters(
                "scheduler_schedule_attempts_total",
                "[STABLE] Attempts to schedule Pods by how they ended.",
                &["profile", "result"],
            ),
            durations: Family::new(durations, || Histogram::new(&buckets::DOUBLING_SECS)),
            algorithm: Histogram::new(&buckets::DOUBLING_SECS),
            bind: Family::new(bind, || Histogram::new(&buckets::DOUBLING_SECS)),
            waited: Family::new(waited, || Histogram::new(&buckets::WAITING_SECS)),
            tries: Histogram::new(&TRIES),
            pending: Family::gauges("scheduler_pending_pods", "[STABLE] Pods that wait, by why.", &["queue"]),
            known: Family::gauges("scheduler_cache_size", "[ALPHA] What the scheduler keeps in mind.", &["type"]),
        }
    }
}

impl SchedulerMetrics {
    /// Places were found for this many Pods in this time.
    pub(crate) fn placed(&self, pods: usize, took: Duration) {
        let Some(each) = u32::try_from(pods).ok().filter(|pods| *pods > 0).map(|pods| took / pods) else { return };
        (0..pods).for_each(|_| self.algorithm.observe(each.as_secs_f64()));
    }

    /// A Pod was told that it fits nowhere.
    pub(crate) fn unschedulable(&self) {
        self.attempts.with(&[FRAMEWORK, "unschedulable"]).inc();
    }

    /// A binding is over.
    pub(crate) fn bound(&self, outcome: Outcome, took: Duration) {
        let (result, status) = match outcome {
            Outcome::Bound => ("scheduled", "Success"),
            Outcome::Gone | Outcome::Failed => ("error", "Error"),
        };
        let secs = took.as_secs_f64();
        self.attempts.with(&[FRAMEWORK, result]).inc();
        self.durations.with(&[FRAMEWORK, result]).observe(secs);
        self.bind.with(&["Bind", FRAMEWORK, status]).observe(secs);
    }

    /// A Pod is bound that had waited for this long and was tried this often.
    pub(crate) fn scheduled(&self, waited: Duration, tries: u32) {
        // Upstream tells the first fifteen apart.
        let label = if tries > 15 { "16+".to_owned() } else { tries.to_string() };
        self.waited.with(&[&label]).observe(waited.as_secs_f64());
        self.tries.observe(f64::from(tries));
    }

    /// How things stand.
    pub(crate) fn look(&self, counts: &Counts) {
        let set = |gauge: &Gauge, count: usize| gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        for (queue, count) in [("active", counts.ready), ("backoff", counts.delayed), ("unschedulable", counts.blocked)]
        {
            set(&self.pending.with(&[queue]), count);
        }
        for (kind, count) in [("nodes", counts.nodes), ("pods", counts.pods), ("assumed_pods", counts.bindings)] {
            set(&self.known.with(&[kind]), count);
        }
    }
}

impl Source for SchedulerMetrics {
    fn write(&self, page: &mut Page) {
        self.attempts.write(page);
        self.durations.write(page);
        let algorithm = About {
            name: "scheduler_scheduling_algorithm_duration_seconds",
            help: "[ALPHA] How long it took to find a Pod's place, in seconds.",
            labels: &[],
        };
        page.metric(&algorithm, Kind::Histogram);
        page.histogram(&[], &self.algorithm);
        self.bind.write(page);
        self.waited.write(page);
        let tries = About {
            name: "scheduler_pod_scheduling_attempts",
            help: "[STABLE] How often a Pod was tried until it was bound.",
            labels: &[],
        };
        page.metric(&tries, Kind::Histogram);
        page.histogram(&[], &self.tries);
        self.pending.write(page);
        self.known.write(page);
    }
}

#[cfg(test)]
mod tests {
    use kubernel_metrics::Format;

    use super::*;

    #[test]
    fn dashboards_find_their_series() {
        let metrics = SchedulerMetrics::default();
        metrics.placed(2, Duration::from_millis(3));
        metrics.bound(Outcome::Bound, Duration::from_millis(2));
        metrics.bound(Outcome::Failed, Duration::from_millis(2));
        metrics.unschedulable();
        metrics.scheduled(Duration::from_millis(30), 17);
        metrics.look(&Counts { ready: 1, blocked: 2, delayed: 3, bindings: 4, pods: 5, nodes: 6 });
        let mut page = Page::new(Format::Text);
        metrics.write(&mut page);
        let page = page.finish();
        for line in [
            "scheduler_schedule_attempts_total{profile=\"default-scheduler\",result=\"scheduled\"} 1",
            "scheduler_schedule_attempts_total{profile=\"default-scheduler\",result=\"unschedulable\"} 1",
            "scheduler_scheduling_attempt_duration_seconds_bucket{profile=\"default-scheduler\",result=\"error\",le=\"0.002\"} 1",
            "scheduler_scheduling_algorithm_duration_seconds_count 2",
            "scheduler_framework_extension_point_duration_seconds_count{extension_point=\"Bind\",profile=\"default-scheduler\",status=\"Success\"} 1",
            "scheduler_pod_scheduling_sli_duration_seconds_bucket{attempts=\"16+\",le=\"0.04\"} 1",
            "scheduler_pending_pods{queue=\"unschedulable\"} 2",
            "scheduler_cache_size{type=\"nodes\"} 6",
        ] {
            assert!(page.lines().any(|found| found == line), "{line}\n{page}");
        }
    }
}

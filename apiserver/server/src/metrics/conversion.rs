//! What conversion webhooks of custom resources were asked, and how long that took.

use std::time::Duration;

use kubernel_metrics::{About, Counter, Family, Histogram, Page, buckets};

/// All of it.
pub(crate) struct ConversionMetrics {
    by_definition: Family<Histogram>,
    requests: Family<Counter>,
    durations: Family<Histogram>,
}

impl Default for ConversionMetrics {
    fn default() -> Self {
        let by_definition = About {
            name: "apiserver_crd_conversion_webhook_duration_seconds",
            help: "[ALPHA] How long conversions of a CRD's objects by its webhook took, in seconds.",
            labels: &["crd_name", "from_version", "succeeded", "to_version"],
        };
        let durations = About {
            name: "apiserver_conversion_webhook_duration_seconds",
            help: "[ALPHA] How long calls of conversion webhooks took, in seconds.",
            labels: &["failure_type", "result"],
        };
        Self {
            by_definition: Family::new(by_definition, || Histogram::new(&buckets::DOUBLING_SECS)),
            requests: Family::counters(
                "apiserver_conversion_webhook_request_total",
                "[ALPHA] Calls of conversion webhooks by how they ended.",
                &["failure_type", "result"],
            ),
            durations: Family::new(durations, || Histogram::new(&buckets::CONVERSION_SECS)),
        }
    }
}

impl ConversionMetrics {
    /// The webhook of a CRD was asked for objects of one version in another; what was wrong with its answer, if anything.
    pub(crate) fn asked(&self, crd: &str, from: &str, to: &str, failure: Option<&str>, took: Duration) {
        let took = took.as_secs_f64();
        let succeeded = if failure.is_none() { "true" } else { "false" };
        self.by_definition.with(&[crd, from, succeeded, to]).observe(took);
        let how = [failure.unwrap_or_default(), if failure.is_none() { "success" } else { "failure" }];
        self.requests.with(&how).inc();
        self.durations.with(&how).observe(took);
    }

    pub(super) fn write(&self, page: &mut Page) {
        self.by_definition.write(page);
        self.requests.write(page);
        self.durations.write(page);
    }
}

//! What the parts of this process ask of the API, counted under the names that client-go has for it.

use std::time::Duration;

use http::{Method, StatusCode};
use kubernel_metrics::{About, Counter, Family, Histogram, Page, Source, buckets};

/// Where requests go that never leave the process.
const HOST: &str = "in-process";

/// Requests of all in-process clients.
pub(crate) struct ClientMetrics {
    requests: Family<Counter>,
    durations: Family<Histogram>,
}

impl Default for ClientMetrics {
    fn default() -> Self {
        let durations = About {
            name: "rest_client_request_duration_seconds",
            help: "[ALPHA] How long answers to requests of this process took, in seconds.",
            labels: &["host", "verb"],
        };
        Self {
            requests: Family::counters(
                "rest_client_requests_total",
                "[ALPHA] Requests of this process by how they were answered.",
                &["code", "host", "method"],
            ),
            durations: Family::new(durations, || Histogram::new(&buckets::CLIENT_SECS)),
        }
    }
}

impl ClientMetrics {
    /// A request was answered.
    pub(crate) fn answered(&self, method: &Method, code: StatusCode, took: Duration) {
        self.requests.with(&[code.as_str(), HOST, method.as_str()]).inc();
        self.durations.with(&[HOST, method.as_str()]).observe(took.as_secs_f64());
    }
}

impl Source for ClientMetrics {
    fn write(&self, page: &mut Page) {
        self.requests.write(page);
        self.durations.write(page);
    }
}

//! How long admission took, step by step, and what webhooks answered.

use std::time::Duration;

use http::StatusCode;
use kubernel_meta::ApiError;
use kubernel_metrics::{About, Counter, Family, Histogram, Page, buckets};

/// The two halves of admission, as metrics name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// What changes an object.
    Admit,
    /// What judges it.
    Validate,
}

/// All of it.
pub(crate) struct AdmissionMetrics {
    steps: Family<Histogram>,
    webhooks: Family<Histogram>,
    requests: Family<Counter>,
    rejections: Family<Counter>,
    fail_open: Family<Counter>,
}

impl Step {
    /// `admit` or `validate`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Admit => "admit",
            Self::Validate => "validate",
        }
    }

    /// The same of webhooks.
    fn webhook(self) -> &'static str {
        match self {
            Self::Admit => "admit",
            Self::Validate => "validating",
        }
    }
}

impl Default for AdmissionMetrics {
    fn default() -> Self {
        let steps = About {
            name: "apiserver_admission_step_admission_duration_seconds",
            help: "[STABLE] How long each half of admission took, in seconds.",
            labels: &["operation", "rejected", "type"],
        };
        let webhooks = About {
            name: "apiserver_admission_webhook_admission_duration_seconds",
            help: "[STABLE] How long calls of webhooks took, in seconds.",
            labels: &["name", "operation", "rejected", "type"],
        };
        Self {
            steps: Family::new(steps, || Histogram::new(&buckets::ADMISSION_SECS)),
            webhooks: Family::new(webhooks, || Histogram::new(&buckets::WEBHOOK_SECS)),
            requests: Family::counters(
                "apiserver_admission_webhook_request_total",
                "[ALPHA] Calls of webhooks by how they ended.",
                &["code", "name", "operation", "rejected", "type"],
            ),
            rejections: Family::counters(
                "apiserver_admission_webhook_rejection_count",
                "[ALPHA] Writes that webhooks refused, or that failed because one could not be asked.",
                &["error_type", "name", "operation", "rejection_code", "type"],
            ),
            fail_open: Family::counters(
                "apiserver_admission_webhook_fail_open_count",
                "[ALPHA] Writes that went on although a webhook could not be asked.",
                &["name", "type"],
            ),
        }
    }
}

/// How a call of a webhook ended.
pub(crate) enum Called<'a> {
    /// The write is accepted.
    Allowed,
    /// It is refused.
    Refused(&'a ApiError),
    /// The webhook could not be asked; whether the write goes on all the same.
    Unasked(bool),
}

impl AdmissionMetrics {
    /// One half of admission is over.
    pub(crate) fn step(&self, step: Step, operation: &str, rejected: bool, took: Duration) {
        self.steps.with(&[operation, word(rejected), step.name()]).observe(took.as_secs_f64());
    }

    /// A webhook was called.
    pub(crate) fn called(&self, step: Step, name: &str, operation: &str, outcome: &Called<'_>, took: Duration) {
        let kind = step.webhook();
        let (rejected, code) = match outcome {
            Called::Allowed => (false, StatusCode::OK.as_u16()),
            Called::Refused(error) => (true, error.code()),
            Called::Unasked(goes_on) => (!goes_on, StatusCode::INTERNAL_SERVER_ERROR.as_u16()),
        };
        self.webhooks.with(&[name, operation, word(rejected), kind]).observe(took.as_secs_f64());
        let code = code.to_string();
        self.requests.with(&[&code, name, operation, word(rejected), kind]).inc();
        match outcome {
            Called::Allowed => {}
            Called::Refused(_) => self.rejections.with(&["no_error", name, operation, &code, kind]).inc(),
            Called::Unasked(true) => self.fail_open.with(&[name, kind]).inc(),
            Called::Unasked(false) => {
                self.rejections.with(&["calling_webhook_error", name, operation, "0", kind]).inc();
            }
        }
    }

    pub(super) fn write(&self, page: &mut Page) {
        self.steps.write(page);
        self.webhooks.write(page);
        self.requests.write(page);
        self.rejections.write(page);
        self.fail_open.write(page);
    }
}

fn word(flag: bool) -> &'static str {
    if flag { "true" } else { "false" }
}

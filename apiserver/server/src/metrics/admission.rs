//! How long admission took, step by step, and what webhooks answered.

use std::sync::OnceLock;
use std::time::Duration;

use http::StatusCode;
use kubernel_meta::ApiError;
use kubernel_metrics::{About, Counter, Family, Histogram, Kind, Page, buckets};

use crate::admission::{Operation, Plugin};

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
    plugins: Plugins,
    webhooks: Family<Histogram>,
    requests: Family<Counter>,
    rejections: Family<Counter>,
    fail_open: Family<Counter>,
}

/// The times of single plug-ins: every write has one for each, so none of them is looked up by its labels.
struct Plugins(Box<[OnceLock<Box<Histogram>>]>);

/// What one plug-in is seen to do: step, operation, and whether it refused.
type Case = (Plugin, Step, Operation, bool);

impl Plugins {
    fn cases() -> impl Iterator<Item = Case> {
        let steps = [Step::Admit, Step::Validate];
        let of_step = move |plugin, step| {
            let of_operation = move |operation| [false, true].map(|rejected| (plugin, step, operation, rejected));
            Operation::ALL.into_iter().flat_map(of_operation)
        };
        Plugin::all().flat_map(move |plugin| steps.into_iter().flat_map(move |step| of_step(plugin, step)))
    }

    /// The place of a case among [`Plugins::cases`].
    fn place((plugin, step, operation, rejected): Case) -> usize {
        ((plugin as usize * 2 + step as usize) * Operation::ALL.len() + operation as usize) * 2 + usize::from(rejected)
    }

    fn observe(&self, case: Case, took: Duration) {
        if let Some(slot) = self.0.get(Self::place(case)) {
            slot.get_or_init(|| Box::new(Histogram::new(&buckets::ADMISSION_SECS))).observe(took.as_secs_f64());
        }
    }

    fn write(&self, page: &mut Page) {
        let about = About {
            name: "apiserver_admission_controller_admission_duration_seconds",
            help: "[STABLE] How long single admission plug-ins took, in seconds.",
            labels: &["name", "operation", "rejected", "type"],
        };
        page.metric(&about, Kind::Histogram);
        for (case, slot) in Self::cases().zip(&self.0) {
            let (plugin, step, operation, rejected) = case;
            if let Some(histogram) = slot.get() {
                let values = [plugin.name(), operation.name(), word(rejected), step.name()];
                let labels: Vec<(&str, &str)> = about.labels.iter().copied().zip(values).collect();
                page.histogram(&labels, histogram);
            }
        }
    }
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
            plugins: Plugins(Plugins::cases().map(|_| OnceLock::new()).collect()),
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

    /// A plug-in is done with a write.
    pub(crate) fn plugin(&self, plugin: Plugin, step: Step, operation: Operation, rejected: bool, took: Duration) {
        self.plugins.observe((plugin, step, operation, rejected), took);
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
        self.plugins.write(page);
        self.webhooks.write(page);
        self.requests.write(page);
        self.rejections.write(page);
        self.fail_open.write(page);
    }
}

fn word(flag: bool) -> &'static str {
    if flag { "true" } else { "false" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_has_its_place() {
        for (at, case) in Plugins::cases().enumerate() {
            assert_eq!(Plugins::place(case), at, "{case:?}");
        }
    }
}

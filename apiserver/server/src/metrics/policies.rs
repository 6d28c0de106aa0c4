//! What policies found or changed, and how long each expression took.

use std::time::Duration;

use kubernel_metrics::{About, Counter, Family, Histogram, Page};

/// From less than a microsecond, which most expressions take, to what one may cost at most.
static EXPRESSION_SECS: [f64; 5] = [0.000_000_5, 0.001, 0.01, 0.1, 1.0];

/// All of it.
pub(crate) struct PolicyMetrics {
    validating: Checks,
    mutating: Checks,
}

/// What came of the expressions of policies of one kind.
struct Checks {
    counts: Family<Counter>,
    durations: Family<Histogram>,
}

impl Default for PolicyMetrics {
    fn default() -> Self {
        let durations_of_validating = About {
            name: "apiserver_validating_admission_policy_check_duration_seconds",
            help: "[BETA] How long expressions of validating policies took, in seconds.",
            labels: &["enforcement_action", "error_type", "policy", "policy_binding"],
        };
        let durations_of_mutating = About {
            name: "apiserver_mutating_admission_policy_check_duration_seconds",
            help: "[ALPHA] How long expressions of mutating policies took, in seconds.",
            labels: &["error_type", "policy", "policy_binding"],
        };
        let validating = Family::counters(
            "apiserver_validating_admission_policy_check_total",
            "[BETA] What validating policies found, by what was done about it.",
            durations_of_validating.labels,
        );
        let mutating = Family::counters(
            "apiserver_mutating_admission_policy_check_total",
            "[ALPHA] Mutations of mutating policies, by how they ended.",
            durations_of_mutating.labels,
        );
        Self {
            validating: Checks::new(validating, durations_of_validating),
            mutating: Checks::new(mutating, durations_of_mutating),
        }
    }
}

impl PolicyMetrics {
    /// An expression of a validating policy, bound by `binding`, was not true; `action` says what came of it: `allow`
    /// where it failed and failures are ignored, else `deny`, `audit` or `warn`.
    pub(crate) fn found(&self, policy: &str, binding: &str, action: &str, message: &str, took: Duration) {
        self.validating.observe(&[action, error_type(message), policy, binding], took);
    }

    /// A mutation of a mutating policy is done, or ended with an error.
    pub(crate) fn mutated(&self, policy: &str, binding: &str, error: Option<&str>, took: Duration) {
        self.mutating.observe(&[error.map_or("no_error", error_type), policy, binding], took);
    }

    pub(super) fn write(&self, page: &mut Page) {
        for checks in [&self.validating, &self.mutating] {
            checks.counts.write(page);
            checks.durations.write(page);
        }
    }
}

impl Checks {
    fn new(counts: Family<Counter>, durations: About) -> Self {
        Self { counts, durations: Family::new(durations, || Histogram::new(&EXPRESSION_SECS)) }
    }

    fn observe(&self, labels: &[&str], took: Duration) {
        self.counts.with(labels).inc();
        self.durations.with(labels).observe(took.as_secs_f64());
    }
}

/// Told by how the message begins, as upstream does: an expression that is just not true is `invalid_error`, too.
fn error_type(message: &str) -> &'static str {
    if message.starts_with("compilation") {
        "compile_error"
    } else if message.starts_with("validation failed due to running out of cost budget") {
        "out_of_budget"
    } else {
        "invalid_error"
    }
}

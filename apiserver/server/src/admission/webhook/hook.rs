//! One webhook, read once from its configuration.

use std::sync::Arc;
use std::time::Duration;

use kubernel_meta::{ApiError, Object};
use kubernel_store::Entry;
use serde_json::Value;

use super::call::Failed;
use super::conditions::Conditions;
use super::verdict::Answer;
use crate::admission::matching::Constraints;
use crate::webhooks::Target;

/// How long a webhook may take that does not say.
const WAIT_SECS: u64 = 10;

/// A webhook.
pub(super) struct Hook {
    /// Its name.
    pub(super) name: String,
    /// Which writes it wants to see.
    pub(super) constraints: Constraints,
    /// Which of those, by expressions.
    pub(super) conditions: Conditions,
    /// Where it is, or why that cannot be said.
    pub(super) target: Result<Target, String>,
    /// How long it may take.
    pub(super) wait: Duration,
    /// The version of AdmissionReview that it and we speak.
    pub(super) review_version: Option<&'static str>,
    /// `failurePolicy: Ignore`: a write goes on where it cannot be asked.
    pub(super) ignore_failure: bool,
    /// Whether it may be asked about writes that are only tried.
    pub(super) dry_run: bool,
    /// `reinvocationPolicy: IfNeeded`.
    pub(super) reinvoke: bool,
}

impl Hook {
    /// The webhooks of a stored configuration.
    pub(super) fn read_all(entry: &Entry) -> Vec<Arc<Self>> {
        let Ok(map) = serde_json::from_slice(&entry.json) else { return Vec::new() };
        let configuration = Object::new(map);
        configuration.list_at(&["webhooks"]).iter().map(|hook| Arc::new(Self::read(hook))).collect()
    }

    fn read(hook: &Value) -> Self {
        let text = |field: &str| hook[field].as_str().unwrap_or_default();
        let versions = hook["admissionReviewVersions"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let known = |version: &str| ["v1", "v1beta1"].into_iter().find(|known| *known == version);
        let ignore_failure = text("failurePolicy") == "Ignore";
        Self {
            name: text("name").to_owned(),
            constraints: Constraints::parse(hook),
            conditions: Conditions::read(&hook["matchConditions"]),
            target: Target::parse(&hook["clientConfig"]),
            wait: Duration::from_secs(hook["timeoutSeconds"].as_u64().unwrap_or(WAIT_SECS)),
            review_version: versions.into_iter().find_map(known),
            ignore_failure,
            dry_run: matches!(text("sideEffects"), "None" | "NoneOnDryRun"),
            reinvoke: text("reinvocationPolicy") == "IfNeeded",
        }
    }

    /// What a call comes to: an answer, nothing where its failure does not matter, or the write's end.
    pub(super) fn excuse(&self, outcome: Result<Answer, Failed>) -> Result<Option<Answer>, ApiError> {
        match outcome {
            Ok(answer) => Ok(Some(answer)),
            Err(Failed::Refused(error)) => Err(error),
            Err(Failed::Unasked(why)) if self.ignore_failure => {
                tracing::warn!(webhook = self.name, why, "a webhook could not be asked, the write goes on");
                Ok(None)
            }
            Err(Failed::Unasked(why)) => {
                Err(ApiError::internal(format!("failed calling webhook {:?}: {why}", self.name)))
            }
        }
    }
}

//! What of a Pod object matters for its life. Everything else is read by whoever builds containers.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

/// A Pod as far as its life depends on it.
#[derive(Clone, Debug, Default)]
pub struct PodView {
    /// metadata.namespace
    pub namespace: String,
    /// metadata.name
    pub name: String,
    /// metadata.uid
    pub uid: String,
    /// metadata.generation
    pub generation: i64,
    /// When it was asked to go, and how long it may take.
    pub deletion: Option<Deletion>,
    /// The spec.
    pub spec: PodSpec,
    /// Conditions as the API has them, for readiness gates and for transition times that must survive a restart.
    pub conditions: Vec<Condition>,
    /// The phase as the API has it.
    pub phase: String,
}

/// A deletion that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deletion {
    /// metadata.deletionGracePeriodSeconds
    pub grace_secs: i64,
}

/// The part of a condition that is read back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Condition {
    /// Its name.
    pub r#type: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// When the status last changed.
    pub last_transition_time: Option<Timestamp>,
}

/// The part of a Pod's spec that decides about its life.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodSpec {
    /// Run one after the other before the others; those with restartPolicy Always stay on beside them.
    pub init_containers: Vec<ContainerSpec>,
    /// The containers proper.
    pub containers: Vec<ContainerSpec>,
    /// Added to a living Pod for debugging.
    pub ephemeral_containers: Vec<ContainerSpec>,
    /// `Always`, `OnFailure` or `Never`.
    pub restart_policy: String,
    /// How long SIGTERM may take.
    pub termination_grace_period_seconds: Option<i64>,
    /// How long the Pod may live, from its start.
    pub active_deadline_seconds: Option<i64>,
    /// Conditions that others must set before the Pod counts as ready.
    pub readiness_gates: Vec<ReadinessGate>,
    /// Resources of the Pod as a whole.
    pub resources: Value,
}

/// One readiness gate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ReadinessGate {
    /// The condition's name.
    pub condition_type: String,
}

/// The part of a container's spec that decides about its life, and what its status repeats.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ContainerSpec {
    /// Its name, unique in the Pod.
    pub name: String,
    /// The image as written.
    pub image: String,
    /// `Always` makes an init container a sidecar.
    pub restart_policy: Option<String>,
    /// Gates the other probes.
    pub startup_probe: Option<ProbeSpec>,
    /// Its failure restarts the container.
    pub liveness_probe: Option<ProbeSpec>,
    /// Decides whether the container takes traffic.
    pub readiness_probe: Option<ProbeSpec>,
    /// Hooks.
    pub lifecycle: Lifecycle,
    /// Requests and limits. They may change while the container runs.
    pub resources: Value,
    /// Which changes of resources need a restart.
    pub resize_policy: Vec<ResizePolicy>,
    /// Mounts, repeated in the status.
    pub volume_mounts: Vec<Value>,
}

/// What a change of one resource does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResizePolicy {
    /// `cpu` or `memory`.
    pub resource_name: String,
    /// `NotRequired` or `RestartContainer`.
    pub restart_policy: String,
}

/// Which hooks a container has; what they do is the agent's business.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Lifecycle {
    /// Runs right after the start.
    pub post_start: Option<Value>,
    /// Runs before SIGTERM.
    pub pre_stop: Option<Value>,
}

/// When a probe runs and what its results mean. Times in seconds; zero stands for the API's default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProbeSpec {
    /// Wait after the container's start.
    pub initial_delay_seconds: i64,
    /// Between two runs (default 10).
    pub period_seconds: i64,
    /// Successes in a row that count (default 1).
    pub success_threshold: i64,
    /// Failures in a row that count (default 3).
    pub failure_threshold: i64,
    /// Grace of a kill that this probe causes.
    pub termination_grace_period_seconds: Option<i64>,
}

impl PodView {
    /// Reads a Pod object. Parts of a wrong type count as absent: the API server validates, this must only not fall over.
    pub fn from_json(pod: &Value) -> Self {
        let metadata = &pod["metadata"];
        let text = |name: &str| metadata[name].as_str().unwrap_or_default().to_owned();
        let deletion = metadata["deletionTimestamp"]
            .as_str()
            .map(|_| Deletion { grace_secs: metadata["deletionGracePeriodSeconds"].as_i64().unwrap_or(30) });
        Self {
            namespace: text("namespace"),
            name: text("name"),
            uid: text("uid"),
            generation: metadata["generation"].as_i64().unwrap_or(0),
            deletion,
            spec: PodSpec::deserialize(&pod["spec"]).unwrap_or_default(),
            conditions: Vec::deserialize(&pod["status"]["conditions"]).unwrap_or_default(),
            phase: pod["status"]["phase"].as_str().unwrap_or_default().to_owned(),
        }
    }

    /// How long SIGTERM may take when nobody says otherwise.
    pub fn grace_secs(&self) -> i64 {
        self.spec.termination_grace_period_seconds.unwrap_or(30)
    }

    pub(crate) fn phase_is_terminal(&self) -> bool {
        matches!(self.phase.as_str(), "Succeeded" | "Failed")
    }
}

impl ContainerSpec {
    /// Whether going from `old` resources to the present ones needs a restart.
    pub(crate) fn resize_restarts(&self, old: &Value) -> bool {
        let differs =
            |name: &str| ["requests", "limits"].iter().any(|kind| old[*kind][name] != self.resources[*kind][name]);
        self.resize_policy
            .iter()
            .any(|policy| policy.restart_policy == "RestartContainer" && differs(&policy.resource_name))
    }

    pub(crate) fn is_sidecar(&self) -> bool {
        self.restart_policy.as_deref() == Some("Always")
    }
}

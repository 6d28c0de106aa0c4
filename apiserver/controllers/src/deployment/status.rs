//! A Deployment's status and conditions. Pure; texts and reasons are upstream's, because clients read them.

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::rollout::Strategy;

/// What happened in this run that the Progressing condition tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Progress {
    /// Nothing of note.
    None,
    /// A new ReplicaSet was made.
    Created(String),
    /// An existing ReplicaSet turned out to be the new one.
    Found(String),
    /// The new ReplicaSet could not be made.
    Failed { name: String, error: String },
}

/// What the status is made from.
pub(super) struct Observed<'a> {
    pub(super) deployment: &'a Deployment,
    pub(super) new: Option<&'a ReplicaSet>,
    pub(super) all: &'a [&'a ReplicaSet],
    pub(super) strategy: Strategy,
    pub(super) progress: Progress,
    pub(super) collisions: Option<i32>,
}

/// The status now.
pub(super) fn status(observed: &Observed<'_>, now: Timestamp) -> DeploymentStatus {
    let Observed { deployment, new, all, strategy, .. } = observed;
    let sum = |count: fn(&k8s_openapi::api::apps::v1::ReplicaSetStatus) -> Option<i32>| -> i32 {
        all.iter().filter_map(|set| set.status.as_ref().and_then(count)).sum()
    };
    let total = sum(|status| Some(status.replicas));
    let available = sum(|status| status.available_replicas);
    let wanted_in_sets: i32 = all.iter().filter_map(|set| set.spec.as_ref()?.replicas).sum();
    let unavailable = (wanted_in_sets - available).max(0);
    let updated = new.and_then(|set| set.status.as_ref()).map_or(0, |status| status.replicas);
    let some = |number: i32| (number > 0).then_some(number);
    let mut status = DeploymentStatus {
        observed_generation: deployment.metadata.generation,
        replicas: some(total),
        updated_replicas: some(updated),
        ready_replicas: some(sum(|status| status.ready_replicas)),
        available_replicas: some(available),
        unavailable_replicas: some(unavailable),
        terminating_replicas: Some(sum(|status| status.terminating_replicas)),
        collision_count: observed.collisions,
        conditions: deployment.status.as_ref().and_then(|status| status.conditions.clone()),
    };
    let mut conditions = status.conditions.take().unwrap_or_default();
    if available >= strategy.replicas - strategy.max_unavailable {
        let text = "Deployment has minimum availability.";
        set_condition(&mut conditions, "Available", "True", "MinimumReplicasAvailable", text, now);
    } else {
        let text = "Deployment does not have minimum availability.";
        set_condition(&mut conditions, "Available", "False", "MinimumReplicasUnavailable", text, now);
    }
    progressing(observed, &status, &mut conditions, now);
    status.conditions = Some(conditions);
    status
}

fn progressing(
    observed: &Observed<'_>,
    status: &DeploymentStatus,
    conditions: &mut Vec<DeploymentCondition>,
    now: Timestamp,
) {
    let deployment = observed.deployment;
    let name = observed.new.and_then(|set| set.metadata.name.as_deref());
    let subject = match name {
        Some(name) => format!("ReplicaSet \"{name}\""),
        None => format!("Deployment \"{}\"", deployment.metadata.name.as_deref().unwrap_or_default()),
    };
    let current = conditions.iter().find(|condition| condition.type_ == "Progressing").cloned();
    let current_reason = current.as_ref().and_then(|condition| condition.reason.as_deref()).unwrap_or_default();
    let paused = deployment.spec.as_ref().and_then(|spec| spec.paused) == Some(true);
    if !has_deadline(deployment) {
        conditions.retain(|condition| condition.type_ != "Progressing");
        return;
    }
    let mut set = |value: &str, reason: &str, text: String| {
        set_condition(conditions, "Progressing", value, reason, &text, now);
    };
    match &observed.progress {
        Progress::Created(name) => {
            return set("True", "NewReplicaSetCreated", format!("Created new replica set \"{name}\""));
        }
        Progress::Failed { name, error } => {
            let text = format!("Failed to create new replica set \"{name}\": {error}");
            return set("False", "ReplicaSetCreateError", text);
        }
        Progress::Found(name) if current.is_none() => {
            return set("True", "FoundNewReplicaSet", format!("Found new replica set \"{name}\""));
        }
        Progress::Found(_) | Progress::None => {}
    }
    if paused {
        if current_reason != "DeploymentPaused" {
            set("Unknown", "DeploymentPaused", "Deployment is paused".to_owned());
        }
        return;
    }
    if current_reason == "DeploymentPaused" {
        return set("Unknown", "DeploymentResumed", "Deployment is resumed".to_owned());
    }
    let settled = status.replicas == status.updated_replicas && current_reason == "NewReplicaSetAvailable";
    if settled {
        return;
    }
    if is_complete(deployment, status) {
        set("True", "NewReplicaSetAvailable", format!("{subject} has successfully progressed."));
    } else if has_progressed(deployment.status.as_ref(), status) {
        // Each step starts the deadline anew, so the time of the condition must move with it.
        let text = format!("{subject} is progressing.");
        let since = current.filter(|condition| condition.status == "True").and_then(|c| c.last_transition_time);
        conditions.retain(|condition| condition.type_ != "Progressing");
        conditions.push(condition("Progressing", "True", "ReplicaSetUpdated", &text, now, since));
    } else if deadline(deployment).is_some_and(|at| now >= at) {
        set("False", "ProgressDeadlineExceeded", format!("{subject} has timed out progressing."));
    }
}

/// All Pods are new ones and available (deploymentutil.DeploymentComplete).
pub(super) fn is_complete(deployment: &Deployment, status: &DeploymentStatus) -> bool {
    let wanted = deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    let is = |number: Option<i32>| number.unwrap_or(0) == wanted;
    is(status.updated_replicas)
        && is(status.replicas)
        && is(status.available_replicas)
        && status.observed_generation >= deployment.metadata.generation
}

fn has_progressed(old: Option<&DeploymentStatus>, new: &DeploymentStatus) -> bool {
    let none = DeploymentStatus::default();
    let old = old.unwrap_or(&none);
    let outdated = |status: &DeploymentStatus| status.replicas.unwrap_or(0) - status.updated_replicas.unwrap_or(0);
    new.updated_replicas > old.updated_replicas
        || outdated(new) < outdated(old)
        || new.ready_replicas > old.ready_replicas
        || new.available_replicas > old.available_replicas
}

fn has_deadline(deployment: &Deployment) -> bool {
    let secs = deployment.spec.as_ref().and_then(|spec| spec.progress_deadline_seconds);
    secs.is_some_and(|secs| secs != i32::MAX)
}

/// When the rollout has taken too long, if it goes on as it is; `None` where nothing is waited for.
pub(super) fn deadline(deployment: &Deployment) -> Option<Timestamp> {
    let secs = deployment.spec.as_ref()?.progress_deadline_seconds.filter(|secs| *secs != i32::MAX)?;
    let conditions = deployment.status.as_ref()?.conditions.as_ref()?;
    let progressing = conditions.iter().find(|condition| condition.type_ == "Progressing")?;
    let reason = progressing.reason.as_deref().unwrap_or_default();
    if matches!(reason, "NewReplicaSetAvailable" | "ProgressDeadlineExceeded" | "DeploymentPaused") {
        return None;
    }
    let since = progressing.last_update_time.as_ref()?.0;
    since.checked_add(jiff::SignedDuration::from_secs(i64::from(secs))).ok()
}

fn set_condition(
    conditions: &mut Vec<DeploymentCondition>,
    type_: &str,
    status: &str,
    reason: &str,
    message: &str,
    now: Timestamp,
) {
    let current = conditions.iter().find(|condition| condition.type_ == type_);
    if current.is_some_and(|c| c.status == status && c.reason.as_deref() == Some(reason)) {
        return;
    }
    let since = current.filter(|c| c.status == status).and_then(|c| c.last_transition_time.clone());
    conditions.retain(|condition| condition.type_ != type_);
    conditions.push(condition(type_, status, reason, message, now, since));
}

fn condition(
    type_: &str,
    status: &str,
    reason: &str,
    message: &str,
    now: Timestamp,
    since: Option<Time>,
) -> DeploymentCondition {
    DeploymentCondition {
        type_: type_.to_owned(),
        status: status.to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message.to_owned()),
        last_update_time: Some(Time(now)),
        last_transition_time: Some(since.unwrap_or(Time(now))),
    }
}

//! The status of a Pod as JSON, as far as the node answers for it.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::container::{Container, Role, Shown};
use crate::input::Terminated;
use crate::life::{Exit, PodLife};

/// A time as the API writes it: whole seconds, UTC.
pub(crate) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

impl PodLife {
    /// The status to report. Addresses of the node itself (`hostIP`) are the caller's to add. Fields that are absent
    /// here are not the node's.
    pub fn status(&mut self, now: Timestamp) -> Value {
        let phase = self.phase();
        let conditions = self.conditions(now, phase);
        let of = |roles: &[Role]| -> Vec<Value> {
            let chosen = self.containers.iter().filter(|container| roles.contains(&container.role));
            chosen.map(|container| self.container_status(container)).collect()
        };
        let mut status = json!({
            "phase": phase,
            "qosClass": self.qos.as_str(),
            "startTime": time(self.start_time),
            "conditions": conditions,
        });
        if self.rejected {
            status["reason"] = self.failure.as_ref().map_or("", |(reason, _)| reason).into();
            status["message"] = self.failure.as_ref().map_or("", |(_, message)| message).into();
            return status;
        }
        status["containerStatuses"] = of(&[Role::Main]).into();
        if self.pod.generation > 0 {
            status["observedGeneration"] = self.pod.generation.into();
        }
        let init = of(&[Role::Init, Role::Sidecar]);
        if !init.is_empty() {
            status["initContainerStatuses"] = init.into();
        }
        let ephemeral = of(&[Role::Ephemeral]);
        if !ephemeral.is_empty() {
            status["ephemeralContainerStatuses"] = ephemeral.into();
        }
        if let Some((reason, message)) = self.failure.as_ref().filter(|_| phase == "Failed") {
            status["reason"] = reason.as_str().into();
            status["message"] = message.as_str().into();
        }
        if let Some(first) = self.ips.first() {
            status["podIP"] = first.as_str().into();
            status["podIPs"] = self.ips.iter().map(|ip| json!({"ip": ip})).collect();
        }
        status
    }

    fn container_status(&self, container: &Container) -> Value {
        let started = container.started();
        let mut status = json!({
            "name": container.spec.name,
            "image": container.image,
            "imageID": container.image_id,
            "ready": container.ready(),
            "restartCount": container.restart_count,
            "started": started,
            "lastState": {},
            "state": self.state(container),
        });
        if !container.id.is_empty() {
            status["containerID"] = format!("containerd://{}", container.id).into();
        }
        let ended_as_last =
            matches!(container.shown, Shown::Waiting(..)) && container.role == Role::Main && self.vanished();
        if let Some(last) = container.last.as_ref().filter(|_| !ended_as_last) {
            status["lastState"] = json!({"terminated": terminated(last)});
        }
        if container.running() {
            status["resources"] =
                if container.spec.resources.is_object() { container.spec.resources.clone() } else { json!({}) };
            if container.spec.resources["requests"].is_object() {
                status["allocatedResources"] = container.spec.resources["requests"].clone();
            }
        }
        if !container.spec.volume_mounts.is_empty() && !container.id.is_empty() {
            status["volumeMounts"] = container.spec.volume_mounts.iter().map(mount).collect();
        }
        status
    }

    /// Whether containers that do not run and did not end are to count as lost.
    fn vanished(&self) -> bool {
        let inits = self.containers.iter().any(|container| container.role == Role::Init);
        self.exit != Exit::No && !self.anything_runs() && (self.initialized || !inits)
    }

    fn state(&self, container: &Container) -> Value {
        match &container.shown {
            Shown::Running(since) => json!({"running": {"startedAt": time(*since)}}),
            Shown::Terminated(end) => json!({"terminated": terminated(end)}),
            // Tried and not to be tried again: that is how it ended.
            Shown::Waiting(..) if container.role == Role::Main && self.vanished() && container.last.is_some() => {
                json!({"terminated": container.last.as_ref().map(terminated)})
            }
            // Over without a trace of it: whatever it was, it did not go well.
            Shown::Waiting(..) if container.role == Role::Main && self.vanished() => {
                let message = "The container could not be located when the pod was terminated";
                json!({"terminated": {
                    "exitCode": 137, "reason": "ContainerStatusUnknown", "message": message,
                    "startedAt": null, "finishedAt": null,
                }})
            }
            Shown::Waiting(reason, _) if reason.is_empty() => {
                let inits = self.containers.iter().any(|c| matches!(c.role, Role::Init | Role::Sidecar));
                json!({"waiting": {"reason": if inits { "PodInitializing" } else { "ContainerCreating" }}})
            }
            Shown::Waiting(reason, message) if message.is_empty() => json!({"waiting": {"reason": reason}}),
            Shown::Waiting(reason, message) => json!({"waiting": {"reason": reason, "message": message}}),
        }
    }
}

fn mount(mount: &Value) -> Value {
    let mut out = json!({"name": mount["name"], "mountPath": mount["mountPath"]});
    if mount["readOnly"] == true {
        out["readOnly"] = true.into();
        out["recursiveReadOnly"] = "Disabled".into();
    }
    out
}

fn terminated(end: &Terminated) -> Value {
    let at = |at: Option<Timestamp>| at.map_or(Value::Null, |at| time(at).into());
    let mut out = json!({
        "exitCode": end.exit_code,
        "reason": end.reason,
        "startedAt": at(end.started_at),
        "finishedAt": at(end.finished_at),
        "containerID": format!("containerd://{}", end.id),
    });
    if !end.message.is_empty() {
        out["message"] = end.message.as_str().into();
    }
    out
}

//! The conditions of a Pod that the node answers for.

use serde_json::{Value, json};

use jiff::Timestamp;

use crate::container::{Role, Shown};
use crate::life::{PodLife, Step};

/// A condition before its transition time is known.
struct Draft {
    kind: &'static str,
    status: bool,
    reason: &'static str,
    message: String,
}

impl PodLife {
    /// All conditions of the node, with the time each changed last. Must be asked after each step, because the
    /// transition times are taken down here.
    pub(crate) fn conditions(&mut self, now: Timestamp, phase: &str) -> Vec<Value> {
        let ready = self.containers_ready(phase);
        let drafts = [self.sandbox_condition(), self.initialized_condition(phase), self.ready(&ready, phase), ready];
        let mut out = Vec::with_capacity(5);
        for draft in drafts {
            out.push(self.finish(now, draft));
        }
        let scheduled = Draft { kind: "PodScheduled", status: true, reason: "", message: String::new() };
        out.push(self.finish(now, scheduled));
        out
    }

    fn finish(&mut self, now: Timestamp, draft: Draft) -> Value {
        let known = self.transitions.get(draft.kind).copied().or_else(|| {
            let old = self.pod.conditions.iter().find(|condition| condition.r#type == draft.kind)?;
            Some((old.status == "True", old.last_transition_time?))
        });
        let since = known.filter(|(status, _)| *status == draft.status).map_or(now, |(_, since)| since);
        self.transitions.insert(draft.kind, (draft.status, since));
        let mut condition = json!({
            "type": draft.kind,
            "status": if draft.status { "True" } else { "False" },
            "lastTransitionTime": crate::report::time(since),
            "observedGeneration": self.pod.generation,
        });
        // Absent rather than empty; null takes away what an earlier status said.
        condition["reason"] = if draft.reason.is_empty() { Value::Null } else { draft.reason.into() };
        condition["message"] = if draft.message.is_empty() { Value::Null } else { draft.message.into() };
        condition
    }

    fn sandbox_condition(&self) -> Draft {
        let status = matches!(&self.sandbox, Step::Ready(_));
        Draft { kind: "PodReadyToStartContainers", status, reason: "", message: String::new() }
    }

    fn initialized_condition(&self, phase: &str) -> Draft {
        let incomplete: Vec<&str> = self
            .containers
            .iter()
            .filter(|container| match container.role {
                Role::Init => !container.succeeded(),
                Role::Sidecar => !container.started(),
                _ => false,
            })
            .map(|container| container.spec.name.as_str())
            .collect();
        let any_main_ran = self.containers.iter().any(|container| {
            container.role == Role::Main && !matches!(&container.shown, Shown::Waiting(..) if container.last.is_none())
        });
        let status = incomplete.is_empty() || any_main_ran;
        let (reason, message) = match (status, phase) {
            (true, "Succeeded") => ("PodCompleted", String::new()),
            (true, _) => ("", String::new()),
            (false, _) => {
                ("ContainersNotInitialized", format!("containers with incomplete status: [{}]", incomplete.join(" ")))
            }
        };
        Draft { kind: "Initialized", status, reason, message }
    }

    fn containers_ready(&self, phase: &str) -> Draft {
        let kind = "ContainersReady";
        let unready: Vec<&str> = self
            .containers
            .iter()
            .filter(|container| matches!(container.role, Role::Main | Role::Sidecar) && !container.ready())
            .map(|container| container.spec.name.as_str())
            .collect();
        match phase {
            "Succeeded" => Draft { kind, status: false, reason: "PodCompleted", message: String::new() },
            "Failed" => Draft { kind, status: false, reason: "PodFailed", message: String::new() },
            _ if unready.is_empty() => Draft { kind, status: true, reason: "", message: String::new() },
            _ => {
                let message = format!("containers with unready status: [{}]", unready.join(" "));
                Draft { kind, status: false, reason: "ContainersNotReady", message }
            }
        }
    }

    fn ready(&self, containers: &Draft, _phase: &str) -> Draft {
        let kind = "Ready";
        if !containers.status {
            return Draft { kind, status: false, reason: containers.reason, message: containers.message.clone() };
        }
        let mut problems = Vec::new();
        for gate in &self.pod.spec.readiness_gates {
            let name = &gate.condition_type;
            match self.pod.conditions.iter().find(|condition| condition.r#type == *name) {
                None => {
                    problems.push(format!("corresponding condition of pod readiness gate \"{name}\" does not exist."))
                }
                Some(condition) if condition.status != "True" => problems.push(format!(
                    "the status of pod readiness gate \"{name}\" is not \"True\", but {}",
                    condition.status
                )),
                Some(_) => {}
            }
        }
        if problems.is_empty() {
            return Draft { kind, status: true, reason: "", message: String::new() };
        }
        Draft { kind, status: false, reason: "ReadinessGatesNotReady", message: problems.join(", ") }
    }
}

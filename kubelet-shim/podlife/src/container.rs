//! One container of a Pod: what runs, what ran before, and what its probes think.

use jiff::Timestamp;
use serde_json::Value;

use crate::backoff::Backoff;
use crate::input::{RestoredContainer, Terminated};
use crate::probe::{Probe, ProbeKind};
use crate::spec::{ContainerSpec, ProbeSpec};

/// The part a container plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Runs to its end before the next starts.
    Init,
    /// Started in the order of the init containers, stays on.
    Sidecar,
    /// A container proper.
    Main,
    /// For debugging, never restarted.
    Ephemeral,
}

/// What `containerStatuses` shows as the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// Not running: reason (empty for the default one) and message.
    Waiting(String, String),
    /// Running since.
    Running(Timestamp),
    /// Ended.
    Terminated(Terminated),
}

/// A kill under way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kill {
    /// When SIGKILL is due.
    pub(crate) deadline: Timestamp,
}

/// A container with its history.
#[derive(Clone, Debug)]
pub(crate) struct Container {
    pub(crate) spec: ContainerSpec,
    pub(crate) role: Role,
    pub(crate) shown: Shown,
    /// The runtime's id of the latest container, also after its end.
    pub(crate) id: String,
    pub(crate) image: String,
    pub(crate) image_id: String,
    pub(crate) last: Option<Terminated>,
    /// The attempt number of the latest container: what `restartCount` shows.
    pub(crate) restart_count: u32,
    /// The attempt number of the next container.
    pub(crate) next_attempt: u32,
    pub(crate) crash: Backoff,
    /// The end for which the wait has been served: an image that fails afterwards does not make it longer.
    pub(crate) backed_off_for: Option<Timestamp>,
    pub(crate) pull: Backoff,
    /// Not to be started before.
    pub(crate) retry_at: Option<Timestamp>,
    /// When `ErrImagePull` turns into `ImagePullBackOff`.
    pub(crate) show_pull_backoff_at: Option<Timestamp>,
    pub(crate) kill: Option<Kill>,
    pub(crate) hook_pending: bool,
    /// Start anew whatever the restart policy says: the image changed under it.
    pub(crate) definition_changed: bool,
    pub(crate) probes: Vec<Probe>,
    /// The resources the running container has, which may lag behind its spec.
    pub(crate) actual: Value,
    /// The resources it is being given.
    pub(crate) resizing: Option<Value>,
    /// A failed resize is not tried again before.
    pub(crate) resize_at: Option<Timestamp>,
}

impl Container {
    pub(crate) fn new(spec: ContainerSpec, role: Role) -> Self {
        Self {
            image: spec.image.clone(),
            spec,
            role,
            shown: Shown::Waiting(String::new(), String::new()),
            id: String::new(),
            image_id: String::new(),
            last: None,
            restart_count: 0,
            next_attempt: 0,
            crash: Backoff::default(),
            backed_off_for: None,
            pull: Backoff::default(),
            retry_at: None,
            show_pull_backoff_at: None,
            kill: None,
            hook_pending: false,
            definition_changed: false,
            probes: Vec::new(),
            actual: Value::Null,
            resizing: None,
            resize_at: None,
        }
    }

    /// Takes over what a restarted agent found: `found` in any order, `ready` as the API knew it.
    pub(crate) fn restore(&mut self, mut found: Vec<RestoredContainer>, ready: bool, started: bool, now: Timestamp) {
        found.sort_by_key(|container| container.attempt);
        let Some(latest) = found.pop() else { return };
        self.last = found.pop().and_then(|previous| previous.end);
        self.restart_count = latest.attempt;
        self.next_attempt = latest.attempt + 1;
        self.id = latest.id;
        self.image = latest.image;
        self.image_id = latest.image_id;
        match (latest.end, latest.started_at) {
            (Some(end), _) => {
                if self.restart_count > 0
                    && let Some(finished) = end.finished_at
                {
                    self.crash.next(finished, finished);
                }
                self.shown = Shown::Terminated(end);
            }
            (None, Some(at)) => {
                self.shown = Shown::Running(at);
                self.make_probes(at, now);
                for probe in &mut self.probes {
                    match probe.kind {
                        ProbeKind::Startup if started => probe.verdict = Some(true),
                        ProbeKind::Readiness if ready => probe.verdict = Some(true),
                        _ => {}
                    }
                }
            }
            // Created but never started: the agent removes it, it counts as an attempt.
            (None, None) => {}
        }
    }

    pub(crate) fn running(&self) -> bool {
        matches!(self.shown, Shown::Running(_))
    }

    pub(crate) fn terminated(&self) -> Option<&Terminated> {
        match &self.shown {
            Shown::Terminated(end) => Some(end),
            _ => None,
        }
    }

    /// Ended well.
    pub(crate) fn succeeded(&self) -> bool {
        self.terminated().is_some_and(|end| end.exit_code == 0)
    }

    /// How it last ended, shown or behind a wait.
    pub(crate) fn latest_end(&self) -> Option<&Terminated> {
        match &self.shown {
            Shown::Terminated(end) => Some(end),
            Shown::Waiting(..) => self.last.as_ref(),
            Shown::Running(_) => None,
        }
    }

    /// Running, through its hook and through its startup probe.
    pub(crate) fn started(&self) -> bool {
        self.running() && !self.hook_pending && self.verdict(ProbeKind::Startup)
    }

    /// Takes traffic; for an init container: has done its work.
    pub(crate) fn ready(&self) -> bool {
        match self.role {
            Role::Init => self.succeeded(),
            _ => self.started() && self.verdict(ProbeKind::Readiness),
        }
    }

    /// True without such a probe.
    fn verdict(&self, kind: ProbeKind) -> bool {
        self.probes.iter().find(|probe| probe.kind == kind).is_none_or(|probe| probe.verdict == Some(true))
    }

    pub(crate) fn make_probes(&mut self, started_at: Timestamp, now: Timestamp) {
        let specs: [(ProbeKind, &Option<ProbeSpec>); 3] = [
            (ProbeKind::Startup, &self.spec.startup_probe),
            (ProbeKind::Liveness, &self.spec.liveness_probe),
            (ProbeKind::Readiness, &self.spec.readiness_probe),
        ];
        self.probes = specs
            .into_iter()
            .filter_map(|(kind, spec)| Some(Probe::new(kind, spec.as_ref()?, started_at, now)))
            .collect();
    }

    /// Whether this probe has a turn at all at the moment.
    pub(crate) fn probe_active(&self, kind: ProbeKind, terminating: bool) -> bool {
        if !self.running() || self.hook_pending {
            return false;
        }
        let up = self.verdict(ProbeKind::Startup);
        match kind {
            ProbeKind::Startup => !up && !terminating && self.kill.is_none(),
            ProbeKind::Liveness => up && !terminating && self.kill.is_none(),
            ProbeKind::Readiness => up,
        }
    }
}

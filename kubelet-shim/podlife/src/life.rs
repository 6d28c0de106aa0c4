//! The state of a Pod's life, and the one door through which it changes.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use crate::backoff::{Backoff, after};
use crate::container::{Container, Role, Shown};
use crate::input::{Action, Input, Outcome, Restored, RestoredContainer, StartFailure, Terminated};
use crate::probe::ProbeKind;
use crate::qos::{Qos, qos_class};
use crate::spec::PodView;

/// A failed step of the Pod as a whole (volumes, sandbox) is tried again after this time.
pub(crate) const STEP_RETRY_SECS: i64 = 2;
/// A container that cannot be configured or created is tried again after this time.
pub(crate) const CONFIG_RETRY_SECS: i64 = 10;
/// A kill gives a process at least this long, however short the grace.
pub(crate) const GRACE_SECS_MIN: i64 = 2;

/// Something that is made once for the whole Pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step<T> {
    /// Not asked for.
    Idle,
    /// Asked for.
    Pending,
    /// There.
    Ready(T),
    /// Being taken down.
    Stopping,
    /// Taken down, for good.
    Stopped,
}

/// How far a Pod on its way out has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Its life goes on.
    No,
    /// No container is to be started any more.
    Ending {
        /// What the containers may take.
        grace_secs: i64,
        /// From when.
        since: Timestamp,
    },
    /// Nothing runs; the remains are being removed.
    CleaningUp,
    /// Nothing is left on the node.
    Clean,
}

/// One Pod, from its first sight to its removal.
#[derive(Clone, Debug)]
pub struct PodLife {
    pub(crate) pod: PodView,
    pub(crate) qos: Qos,
    /// Init containers in order, then the others in order, then ephemeral ones.
    pub(crate) containers: Vec<Container>,
    pub(crate) volumes: Step<()>,
    pub(crate) sandbox: Step<(String, Vec<String>)>,
    pub(crate) sandbox_attempts: u32,
    pub(crate) step_retry_at: Option<Timestamp>,
    /// The container whose start is under way: starts come one after the other.
    pub(crate) lane: Option<usize>,
    /// All init containers are through.
    pub(crate) initialized: bool,
    pub(crate) exit: Exit,
    /// Deleted, not only finished: the remains and the object go too.
    pub(crate) deleted: bool,
    /// The object is gone already: nobody is left to finalize.
    pub(crate) gone: bool,
    pub(crate) finalized: bool,
    pub(crate) start_time: Timestamp,
    /// Phase, reason and message that override what the containers say.
    pub(crate) failure: Option<(String, String)>,
    /// The node never took it: there is nothing to say about its containers.
    pub(crate) rejected: bool,
    pub(crate) transitions: BTreeMap<&'static str, (bool, Timestamp)>,
    /// The addresses last seen, shown until the end.
    pub(crate) ips: Vec<String>,
    pub(crate) actions: Vec<Action>,
}

impl PodLife {
    /// A Pod that this node sees for the first time.
    pub fn new(now: Timestamp, pod: PodView) -> Self {
        Self::restore(now, pod, Restored::default())
    }

    /// A Pod of which the node may already run parts. Feed [`Input::Tick`] to get going.
    pub fn restore(now: Timestamp, pod: PodView, restored: Restored) -> Self {
        let start_time = restored.status["startTime"].as_str().and_then(|text| text.parse().ok()).unwrap_or(now);
        let mut life = Self {
            qos: qos_class(&pod.spec),
            containers: containers(&pod),
            volumes: Step::Idle,
            sandbox: Step::Idle,
            sandbox_attempts: restored.sandbox_attempts,
            step_retry_at: None,
            lane: None,
            initialized: false,
            exit: Exit::No,
            deleted: false,
            gone: false,
            finalized: false,
            start_time,
            failure: None,
            rejected: false,
            transitions: BTreeMap::new(),
            ips: Vec::new(),
            actions: Vec::new(),
            pod,
        };
        life.adopt(now, restored);
        life
    }

    /// Takes in one thing that happened, at `now`. Time must not run backwards.
    pub fn step(&mut self, now: Timestamp, input: Input) {
        match input {
            Input::Tick => {}
            Input::Updated(pod) => self.update(now, *pod),
            Input::Gone => {
                self.gone = true;
                self.delete(now, self.pod.deletion.map_or_else(|| self.pod.grace_secs(), |d| d.grace_secs));
            }
            Input::Reject { reason, message } => {
                self.rejected = true;
                self.fail(now, reason, message);
            }
            Input::Volumes(Ok(())) => self.volumes = Step::Ready(()),
            Input::Volumes(Err(_)) => {
                self.volumes = Step::Idle;
                self.step_retry_at = Some(after(now, STEP_RETRY_SECS));
            }
            Input::Sandbox(Ok((id, ips))) => {
                self.ips.clone_from(&ips);
                self.sandbox = Step::Ready((id, ips));
                self.sandbox_attempts += 1;
            }
            Input::Sandbox(Err(message)) => {
                self.event(true, "FailedCreatePodSandBox", format!("Failed to create pod sandbox: {message}"), None);
                self.sandbox = Step::Idle;
                self.sandbox_attempts += 1;
                self.step_retry_at = Some(after(now, STEP_RETRY_SECS));
            }
            Input::SandboxLost { id } => self.sandbox_lost(&id),
            Input::SandboxStopped => {
                self.sandbox = if self.exit == Exit::No { Step::Idle } else { Step::Stopped };
            }
            Input::Started { container, id, image, image_id, at } => {
                self.started(now, &container, id, image, image_id, at);
            }
            Input::StartFailed { container, failure } => self.start_failed(now, &container, failure),
            Input::PostStart { container, id, result } => self.post_start(now, &container, &id, result),
            Input::Exited { container, end } => self.exited(&container, end),
            Input::Probed { container, id, kind, outcome } => self.probed(now, &container, &id, kind, outcome),
            Input::Resized { container, id, result } => self.resized(now, &container, &id, result),
            Input::CleanedUp => {
                if self.exit == Exit::CleaningUp {
                    self.exit = Exit::Clean;
                }
            }
        }
        self.plan(now);
    }

    /// What to do now. Each action is handed out once.
    pub fn take_actions(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
    }

    /// Whether nothing is left on the node nor in the API: the actor may end.
    pub fn is_over(&self) -> bool {
        self.exit == Exit::Clean && self.gone
    }

    /// Whether the Pod runs nothing any more and never will.
    pub fn is_finished(&self) -> bool {
        self.exit != Exit::No && !self.anything_runs()
    }

    /// Whether the Pod is on its way out or out.
    pub fn is_ending(&self) -> bool {
        self.exit != Exit::No
    }

    /// The Pod as last seen.
    pub fn pod(&self) -> &PodView {
        &self.pod
    }

    /// The sandbox, while there is one.
    pub fn sandbox_id(&self) -> Option<&str> {
        match &self.sandbox {
            Step::Ready((id, _)) => Some(id),
            _ => None,
        }
    }

    /// The Pod's addresses, once it has some.
    pub fn ips(&self) -> &[String] {
        &self.ips
    }

    /// The runtime's id of a container's latest run and whether it runs now.
    pub fn container_id(&self, name: &str) -> Option<(&str, bool)> {
        let container = self.containers.iter().find(|container| container.spec.name == name)?;
        (!container.id.is_empty()).then(|| (container.id.as_str(), container.running()))
    }

    /// Names, runtime ids of all containers that run.
    pub fn running(&self) -> impl Iterator<Item = (&str, &str)> {
        self.containers.iter().filter(|c| c.running()).map(|c| (c.spec.name.as_str(), c.id.as_str()))
    }

    pub(crate) fn event(&mut self, warning: bool, reason: &'static str, message: String, container: Option<&str>) {
        self.actions.push(Action::Event { warning, reason, message, container: container.map(str::to_owned) });
    }

    pub(crate) fn anything_runs(&self) -> bool {
        self.lane.is_some() || self.containers.iter().any(Container::running)
    }

    fn find(&mut self, name: &str) -> Option<&mut Container> {
        self.containers.iter_mut().find(|container| container.spec.name == name)
    }

    fn adopt(&mut self, now: Timestamp, mut restored: Restored) {
        let status = std::mem::take(&mut restored.status);
        let over = matches!(status["phase"].as_str(), Some("Succeeded" | "Failed"));
        let sandbox_ready = matches!(restored.sandbox, Some((.., true)));
        for container in &mut self.containers {
            let mut found: Vec<_> =
                restored.containers.extract_if(.., |found| found.name == container.spec.name).collect();
            if found.is_empty() && (over || (sandbox_ready && container.role == Role::Init)) {
                // Cleaned away after it had ended: the API remembers how.
                found.extend(RestoredContainer::from_status(entry(&status, &container.spec.name)));
            }
            let (ready, started) = flags(&status, &container.spec.name);
            container.restore(found, ready, started, now);
            let actual = entry(&status, &container.spec.name).map(|entry| entry["resources"].clone());
            container.actual = actual.filter(Value::is_object).unwrap_or_else(|| container.spec.resources.clone());
        }
        match restored.sandbox {
            Some((id, ips, true)) => {
                self.ips.clone_from(&ips);
                self.sandbox = Step::Ready((id, ips));
            }
            // Whatever ran in a dead sandbox is gone with it; it is replaced like any lost one.
            Some((id, ips, false)) => {
                self.ips = ips;
                self.sandbox = Step::Stopping;
                self.actions.push(Action::StopSandbox { id });
                if !over {
                    self.forget_runs();
                }
            }
            None => {}
        }
        let mains = || self.containers.iter().filter(|container| container.role == Role::Main);
        self.initialized = mains().any(|container| !container.id.is_empty());
        let reason = status["reason"].as_str().unwrap_or_default().to_owned();
        if self.pod.phase_is_terminal() {
            if status["phase"] == "Failed" && !reason.is_empty() {
                self.failure = Some((reason, status["message"].as_str().unwrap_or_default().to_owned()));
            }
            self.end(now, self.pod.grace_secs());
        }
        if let Some(deletion) = self.pod.deletion {
            self.delete(now, deletion.grace_secs);
        }
    }

    fn update(&mut self, now: Timestamp, pod: PodView) {
        let deletion = pod.deletion;
        let fresh = containers(&pod);
        self.pod = pod;
        for next in fresh {
            let Some(container) = self.find(&next.spec.name) else {
                self.containers.push(next);
                continue;
            };
            if container.spec.image != next.spec.image {
                container.definition_changed |= container.running();
                container.retry_at = None;
                container.show_pull_backoff_at = None;
                container.pull = Backoff::default();
            }
            container.spec = next.spec;
        }
        if let Some(deletion) = deletion {
            self.delete(now, deletion.grace_secs);
        }
    }

    pub(crate) fn fail(&mut self, now: Timestamp, reason: String, message: String) {
        if self.failure.is_none() && self.exit == Exit::No {
            self.failure = Some((reason, message));
            self.end(now, self.pod.grace_secs());
        }
    }

    fn sandbox_lost(&mut self, id: &str) {
        if self.sandbox_id() != Some(id) {
            return;
        }
        if self.exit == Exit::No {
            let message = "Pod sandbox changed, it will be killed and re-created.".to_owned();
            self.event(false, "SandboxChanged", message, None);
        }
        self.sandbox = Step::Stopping;
        self.actions.push(Action::StopSandbox { id: id.to_owned() });
        self.forget_runs();
    }

    /// A new sandbox means that everything starts anew, init containers too.
    fn forget_runs(&mut self) {
        self.initialized = false;
        for container in &mut self.containers {
            if container.role == Role::Init
                && let Shown::Terminated(end) = &container.shown
                && self.exit == Exit::No
            {
                container.last = Some(end.clone());
                container.shown = Shown::Waiting(String::new(), String::new());
            }
        }
    }

    fn started(&mut self, now: Timestamp, name: &str, id: String, image: String, image_id: String, at: Timestamp) {
        let Some(index) = self.containers.iter().position(|container| container.spec.name == name) else { return };
        let container = &mut self.containers[index];
        if let Shown::Terminated(end) = &container.shown {
            container.last = Some(end.clone());
        }
        container.shown = Shown::Running(at);
        container.id = id;
        container.image = image;
        container.image_id = image_id;
        container.restart_count = container.next_attempt;
        container.next_attempt += 1;
        container.retry_at = None;
        container.show_pull_backoff_at = None;
        container.kill = None;
        container.pull = Backoff::default();
        container.actual = container.spec.resources.clone();
        container.resizing = None;
        container.hook_pending = container.spec.lifecycle.post_start.is_some();
        container.make_probes(at, now);
        if !container.hook_pending && self.lane == Some(index) {
            self.lane = None;
        }
    }

    fn start_failed(&mut self, now: Timestamp, name: &str, failure: StartFailure) {
        let Some(index) = self.containers.iter().position(|container| container.spec.name == name) else { return };
        if self.lane == Some(index) {
            self.lane = None;
        }
        let ending = self.exit != Exit::No;
        let container = &mut self.containers[index];
        let image = container.spec.image.clone();
        if let Shown::Terminated(end) = &container.shown {
            container.last = Some(end.clone());
        }
        container.retry_at = Some(after(now, CONFIG_RETRY_SECS));
        let mut text = failure.event.unwrap_or_else(|| failure.message.clone());
        if failure.reason == "ErrImagePull" {
            container.pull.next(now, now);
            container.retry_at = container.pull.until(now);
            // Half of the wait, and soon enough for people to see what goes on.
            container.show_pull_backoff_at = Some(after(now, (container.pull.delay_secs() / 2).min(4)));
            text = "ErrImagePull".into();
        }
        container.shown = Shown::Waiting(failure.reason.clone(), failure.message);
        if let Some(end) = failure.end {
            container.id.clone_from(&end.id);
            container.image = image;
            container.restart_count = container.next_attempt;
            container.next_attempt += 1;
            container.retry_at = None;
            // It shows as waiting (RunContainerError) and counts as one that ended.
            container.last = Some(end);
        }
        if !ending {
            self.event(true, "Failed", format!("Error: {text}"), Some(name));
        }
    }

    fn post_start(&mut self, now: Timestamp, name: &str, id: &str, result: Result<(), String>) {
        let Some(index) = self.containers.iter().position(|container| container.spec.name == name) else { return };
        if self.lane == Some(index) {
            self.lane = None;
        }
        let container = &mut self.containers[index];
        container.hook_pending = false;
        if container.id != id || !container.running() {
            return;
        }
        if let Err(message) = result {
            self.event(true, "FailedPostStartHook", format!("PostStartHook failed: {message}"), Some(name));
            let deadline = after(now, self.pod.grace_secs());
            self.kill(now, index, deadline, false, "FailedPostStartHook".into());
        }
    }

    fn exited(&mut self, name: &str, end: Terminated) {
        let Some(index) = self.containers.iter().position(|container| container.spec.name == name) else { return };
        let container = &mut self.containers[index];
        if container.id != end.id || !container.running() {
            return;
        }
        container.shown = Shown::Terminated(end);
        container.kill = None;
        container.probes.clear();
        if std::mem::take(&mut container.hook_pending) && self.lane == Some(index) {
            self.lane = None;
        }
    }

    fn resized(&mut self, now: Timestamp, name: &str, id: &str, result: Result<(), String>) {
        let Some(container) = self.find(name).filter(|container| container.id == id) else { return };
        let Some(wanted) = container.resizing.take() else { return };
        match result {
            Ok(()) => container.actual = wanted,
            Err(message) => {
                container.resize_at = Some(after(now, CONFIG_RETRY_SECS));
                self.event(true, "ResizeError", format!("Error resizing container {name}: {message}"), Some(name));
            }
        }
    }

    fn probed(&mut self, now: Timestamp, name: &str, id: &str, kind: ProbeKind, outcome: Outcome) {
        let Some(index) = self.containers.iter().position(|container| container.spec.name == name) else { return };
        let pod_grace = self.pod.grace_secs();
        let container = &mut self.containers[index];
        if container.id != id {
            return;
        }
        let Some(probe) = container.probes.iter_mut().find(|probe| probe.kind == kind) else { return };
        let success = match &outcome {
            Outcome::Success => true,
            Outcome::Failure(_) => false,
            Outcome::Unknown(message) => {
                probe.scheduled(now);
                let text = format!("{} probe errored and resulted in unknown state: {message}", kind.as_str());
                self.event(true, "Unhealthy", text, Some(name));
                return;
            }
        };
        let changed = probe.result(now, success);
        let failed = changed && !success;
        let grace = probe.grace_secs.unwrap_or(pod_grace);
        if let Outcome::Failure(message) = outcome {
            self.event(true, "Unhealthy", format!("{} probe failed: {message}", kind.as_str()), Some(name));
        }
        if failed && kind != ProbeKind::Readiness && self.exit == Exit::No {
            let which = kind.as_str().to_lowercase();
            let text = format!("Container {name} failed {which} probe, will be restarted");
            self.kill(now, index, after(now, grace), true, text);
        }
    }
}

fn containers(pod: &PodView) -> Vec<Container> {
    let spec = &pod.spec;
    let init = spec.init_containers.iter().map(|c| (c, if c.is_sidecar() { Role::Sidecar } else { Role::Init }));
    let main = spec.containers.iter().map(|c| (c, Role::Main));
    let ephemeral = spec.ephemeral_containers.iter().map(|c| (c, Role::Ephemeral));
    init.chain(main).chain(ephemeral).map(|(spec, role)| Container::new(spec.clone(), role)).collect()
}

/// A container's status as the API has it.
fn entry<'a>(status: &'a Value, name: &str) -> Option<&'a Value> {
    let lists = ["containerStatuses", "initContainerStatuses"];
    lists.iter().flat_map(|list| status[*list].as_array().into_iter().flatten()).find(|entry| entry["name"] == name)
}

/// Whether the API had a container as ready and as started.
fn flags(status: &Value, name: &str) -> (bool, bool) {
    entry(status, name).map_or((false, false), |entry| (entry["ready"] == true, entry["started"] == true))
}

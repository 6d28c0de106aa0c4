//! What happens next: called after every input, looks at the state and asks for actions.

use jiff::Timestamp;

use crate::backoff::after;
use crate::container::{Role, Shown};
use crate::input::Action;
use crate::life::{Exit, PodLife, Step};

impl PodLife {
    pub(crate) fn plan(&mut self, now: Timestamp) {
        self.check_deadline(now);
        if self.exit == Exit::No {
            self.plan_steps(now);
            if self.sandbox_id().is_some() {
                self.plan_containers(now);
            }
            if self.finished_by_itself() {
                self.end(now, self.pod.grace_secs());
            }
        }
        if self.exit != Exit::No {
            self.plan_end(now);
        }
        self.plan_waits(now);
        self.plan_probes(now);
    }

    /// When something is due that no input announces. None while only inputs can change anything.
    pub fn wake_at(&self) -> Option<Timestamp> {
        let ending = self.exit != Exit::No;
        let deadline = self.pod.spec.active_deadline_seconds.map(|secs| after(self.start_time, secs));
        let starts = self.containers.iter().filter(|_| self.lane.is_none()).filter_map(|c| c.retry_at);
        let resizes = self.containers.iter().filter(|c| c.running()).filter_map(|c| c.resize_at);
        let shows = self.containers.iter().filter_map(|c| c.show_pull_backoff_at);
        let probes = self.containers.iter().flat_map(|container| {
            let due =
                move |probe: &&crate::probe::Probe| !probe.in_flight && container.probe_active(probe.kind, ending);
            container.probes.iter().filter(due).map(|probe| probe.due)
        });
        let alive = self.step_retry_at.into_iter().chain(deadline).chain(starts).chain(resizes).chain(shows);
        if ending { probes.min() } else { alive.chain(probes).min() }
    }

    fn check_deadline(&mut self, now: Timestamp) {
        let Some(secs) = self.pod.spec.active_deadline_seconds else { return };
        if self.exit == Exit::No && now >= after(self.start_time, secs) {
            let message = "Pod was active on the node longer than the specified deadline".to_owned();
            self.event(false, "DeadlineExceeded", message.clone(), None);
            self.fail(now, "DeadlineExceeded".into(), message);
        }
    }

    fn plan_steps(&mut self, now: Timestamp) {
        if self.step_retry_at.is_some_and(|at| now < at) {
            return;
        }
        self.step_retry_at = None;
        match (&self.volumes, &self.sandbox) {
            (Step::Idle, _) => {
                self.volumes = Step::Pending;
                self.actions.push(Action::PrepareVolumes);
            }
            // A sandbox only for containers to be run in it: one that was lost after the work was done stays away.
            (Step::Ready(()), Step::Idle) if !self.finished_by_itself() => {
                // Whatever still runs, runs in a sandbox that is gone, and ends on its own.
                if self.containers.iter().any(|container| container.running()) {
                    return;
                }
                self.sandbox = Step::Pending;
                self.actions.push(Action::RunSandbox { attempt: self.sandbox_attempts });
            }
            _ => {}
        }
    }

    fn plan_containers(&mut self, now: Timestamp) {
        if self.volumes != Step::Ready(()) {
            return;
        }
        self.resize(now);
        self.restart_changed(now);
        for index in 0..self.containers.len() {
            if self.lane.is_some() {
                return;
            }
            if self.containers[index].role == Role::Ephemeral && self.never_ran(index) {
                self.try_start(now, index);
            }
        }
        let mut through = true;
        for index in 0..self.containers.len() {
            if self.lane.is_some() {
                return;
            }
            let container = &self.containers[index];
            match container.role {
                Role::Init if self.initialized || container.succeeded() => {}
                Role::Init => {
                    through = false;
                    let failed_for_good = self.pod.spec.restart_policy == "Never" && container.latest_end().is_some();
                    if !container.running() && !failed_for_good {
                        self.try_start(now, index);
                    }
                }
                Role::Sidecar => {
                    if !container.running() {
                        self.try_start(now, index);
                    }
                    through &= self.initialized || self.containers[index].started();
                }
                Role::Main | Role::Ephemeral => break,
            }
            if !through {
                return;
            }
        }
        self.initialized = true;
        for index in 0..self.containers.len() {
            if self.lane.is_some() {
                return;
            }
            if self.containers[index].role == Role::Main && self.wants_start(index) {
                self.try_start(now, index);
            }
        }
    }

    fn never_ran(&self, index: usize) -> bool {
        let container = &self.containers[index];
        !container.running() && container.latest_end().is_none() && container.id.is_empty()
    }

    /// Whether the restart policy has this container started (again).
    fn wants_start(&self, index: usize) -> bool {
        let container = &self.containers[index];
        if container.running() {
            return false;
        }
        let Some(end) = container.latest_end() else { return true };
        container.definition_changed
            || match self.pod.spec.restart_policy.as_str() {
                "Never" => false,
                "OnFailure" => end.exit_code != 0,
                _ => true,
            }
    }

    /// Whether all work is done and nothing will be started again: the Pod ends without anybody's asking.
    pub(crate) fn finished_by_itself(&self) -> bool {
        if self.lane.is_some() {
            return false;
        }
        let never = self.pod.spec.restart_policy == "Never";
        let init_failed = !self.initialized
            && never
            && self.containers.iter().any(|container| {
                container.role == Role::Init
                    && !container.running()
                    && container.latest_end().is_some_and(|end| end.exit_code != 0)
            });
        let mut mains =
            (0..self.containers.len()).filter(|index| self.containers[*index].role == Role::Main).peekable();
        let done = |index: usize| !self.containers[index].running() && !self.wants_start(index);
        init_failed || mains.peek().is_some() && mains.all(done)
    }

    /// Brings running containers to the resources of their specs, in place or by a restart.
    fn resize(&mut self, now: Timestamp) {
        for container in &mut self.containers {
            let settled = container.actual == container.spec.resources || container.resizing.is_some();
            let later = container.resize_at.is_some_and(|at| now < at);
            if settled || later || !container.running() || container.kill.is_some() {
                continue;
            }
            if container.spec.resize_restarts(&container.actual) {
                container.definition_changed = true;
                continue;
            }
            container.resize_at = None;
            container.resizing = Some(container.spec.resources.clone());
            let (name, id) = (container.spec.name.clone(), container.id.clone());
            self.actions.push(Action::Resize { container: name, id });
        }
    }

    fn restart_changed(&mut self, now: Timestamp) {
        for index in 0..self.containers.len() {
            let container = &self.containers[index];
            if container.definition_changed && container.running() && container.kill.is_none() {
                let text = format!("Container {} definition changed, will be restarted", container.spec.name);
                let deadline = after(now, self.pod.grace_secs());
                self.kill(now, index, deadline, true, text);
            }
        }
    }

    /// Starts a container unless it has to wait; then it shows what it waits for.
    fn try_start(&mut self, now: Timestamp, index: usize) {
        let container = &mut self.containers[index];
        if container.retry_at.is_some_and(|at| now < at) {
            return;
        }
        container.retry_at = None;
        let finished = container.latest_end().and_then(|end| end.finished_at);
        if let Some(finished) = finished
            && !container.definition_changed
            && container.backed_off_for != Some(finished)
        {
            if let Some(until) = container.crash.until(finished)
                && now < until
            {
                container.retry_at = Some(until);
                self.show_crash_loop(index);
                return;
            }
            container.backed_off_for = Some(finished);
            container.crash.next(now, finished);
        }
        let container = &mut self.containers[index];
        container.definition_changed = false;
        container.show_pull_backoff_at = None;
        let (name, attempt) = (container.spec.name.clone(), container.next_attempt);
        self.lane = Some(index);
        self.actions.push(Action::Start { container: name, attempt });
    }

    fn show_crash_loop(&mut self, index: usize) {
        let container = &mut self.containers[index];
        let name = container.spec.name.clone();
        let pod = format!("{}_{}({})", self.pod.name, self.pod.namespace, self.pod.uid);
        // Durations read as in Go: 10s, 1m20s, 5m0s.
        let secs = container.crash.delay_secs();
        let delay = if secs < 60 { format!("{secs}s") } else { format!("{}m{}s", secs / 60, secs % 60) };
        if let Shown::Terminated(end) = &container.shown {
            container.last = Some(end.clone());
        }
        let message = format!("back-off {delay} restarting failed container={name} pod={pod}");
        container.shown = Shown::Waiting("CrashLoopBackOff".into(), message);
        self.event(true, "BackOff", format!("Back-off restarting failed container {name} in pod {pod}"), Some(&name));
    }

    /// `ErrImagePull` turns into `ImagePullBackOff` some time before the next attempt.
    fn plan_waits(&mut self, now: Timestamp) {
        for index in 0..self.containers.len() {
            let container = &mut self.containers[index];
            if container.show_pull_backoff_at.is_none_or(|at| now < at) {
                continue;
            }
            container.show_pull_backoff_at = None;
            let Shown::Waiting(reason, message) = &mut container.shown else { continue };
            if reason != "ErrImagePull" || self.exit != Exit::No {
                continue;
            }
            let back_off = format!("Back-off pulling image \"{}\"", container.spec.image);
            *message = format!("{back_off}: ErrImagePull: {message}");
            *reason = "ImagePullBackOff".into();
            let name = container.spec.name.clone();
            self.event(false, "BackOff", back_off, Some(&name));
            self.event(true, "Failed", "Error: ImagePullBackOff".into(), Some(&name));
        }
    }

    fn plan_probes(&mut self, now: Timestamp) {
        let ending = self.exit != Exit::No;
        for container in &mut self.containers {
            for at in 0..container.probes.len() {
                let probe = &container.probes[at];
                if probe.in_flight || now < probe.due || !container.probe_active(probe.kind, ending) {
                    continue;
                }
                let kind = probe.kind;
                container.probes[at].in_flight = true;
                let (name, id) = (container.spec.name.clone(), container.id.clone());
                self.actions.push(Action::Probe { container: name, id, kind });
            }
        }
    }
}

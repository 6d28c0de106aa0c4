//! The end of a Pod: in which order things are taken down, and how long that may take.

use jiff::Timestamp;

use crate::backoff::after;
use crate::container::{Kill, Role};
use crate::input::Action;
use crate::life::{Exit, GRACE_SECS_MIN, PodLife, Step};

impl PodLife {
    /// No container is started any more; whatever runs is ended.
    pub(crate) fn end(&mut self, now: Timestamp, grace_secs: i64) {
        if self.exit != Exit::No {
            return;
        }
        self.exit = Exit::Ending { grace_secs, since: now };
        if self.lane.is_some_and(|index| !self.containers[index].running()) {
            self.actions.push(Action::AbortStart);
        }
    }

    /// Somebody asked for the Pod's removal; a later call may only hasten it.
    pub(crate) fn delete(&mut self, now: Timestamp, grace_secs: i64) {
        self.deleted = true;
        self.end(now, grace_secs);
        if let Exit::Ending { grace_secs: before, since } = self.exit {
            let hastened = after(now, grace_secs) < after(since, before);
            if hastened {
                self.exit = Exit::Ending { grace_secs, since: now };
            }
        }
    }

    /// Asks for the end of a container by `deadline`, or for a sooner end of one that is ending already.
    pub(crate) fn kill(&mut self, now: Timestamp, index: usize, deadline: Timestamp, pre_stop: bool, text: String) {
        let container = &mut self.containers[index];
        let deadline = deadline.max(after(now, GRACE_SECS_MIN));
        // Whole seconds, rounded up: what is left of the last one still counts.
        let left = deadline.duration_since(now);
        let grace_secs = left.as_secs() + i64::from(left.subsec_nanos() > 0);
        if !container.running() || container.kill.is_some_and(|kill| kill.deadline <= deadline) {
            return;
        }
        let first = container.kill.is_none();
        container.kill = Some(Kill { deadline });
        let (name, id) = (container.spec.name.clone(), container.id.clone());
        let pre_stop = pre_stop && first && container.spec.lifecycle.pre_stop.is_some();
        if first {
            self.event(false, "Killing", text, Some(&name));
        }
        self.actions.push(Action::Kill { container: name, id, grace_secs, pre_stop });
    }

    pub(crate) fn plan_end(&mut self, now: Timestamp) {
        match self.exit {
            Exit::No | Exit::CleaningUp => {}
            Exit::Clean => {
                if self.deleted && !self.gone && !self.finalized {
                    self.finalized = true;
                    self.actions.push(Action::Finalize);
                }
            }
            Exit::Ending { grace_secs, since } => {
                self.kill_in_order(now, after(since, grace_secs));
                self.take_down(now);
            }
        }
    }

    /// Containers first, all at once; then sidecars, the last started first.
    fn kill_in_order(&mut self, now: Timestamp, deadline: Timestamp) {
        let mut any = false;
        for index in 0..self.containers.len() {
            let container = &self.containers[index];
            if container.role != Role::Sidecar && container.running() {
                any = true;
                let text = format!("Stopping container {}", container.spec.name);
                self.kill(now, index, deadline, true, text);
            }
        }
        if any || self.lane.is_some() {
            return;
        }
        let last = self.containers.iter().rposition(|c| c.role == Role::Sidecar && c.running());
        if let Some(index) = last {
            let text = format!("Stopping container {}", self.containers[index].spec.name);
            self.kill(now, index, deadline, true, text);
        }
    }

    fn take_down(&mut self, now: Timestamp) {
        if self.anything_runs() || self.volumes == Step::Pending {
            return;
        }
        match &self.sandbox {
            Step::Pending | Step::Stopping => return,
            Step::Ready((id, _)) => {
                let id = id.clone();
                self.sandbox = Step::Stopping;
                self.actions.push(Action::StopSandbox { id });
                return;
            }
            Step::Idle | Step::Stopped => self.sandbox = Step::Stopped,
        }
        // A Pod that only finished keeps its containers: their logs can still be asked for.
        if self.deleted {
            self.exit = Exit::CleaningUp;
            self.actions.push(Action::CleanUp);
            self.plan_end(now);
        }
    }
}

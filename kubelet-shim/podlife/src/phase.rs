//! The phase of a Pod: what its containers add up to.

use crate::container::{Role, Shown};
use crate::life::{Exit, PodLife};

impl PodLife {
    /// `Pending`, `Running`, `Succeeded` or `Failed`. A terminal phase shows only when nothing runs any more, and
    /// then stays.
    pub fn phase(&self) -> &'static str {
        if self.pod.phase_is_terminal() {
            return if self.pod.phase == "Failed" { "Failed" } else { "Succeeded" };
        }
        let over = self.exit != Exit::No && !self.anything_runs();
        if over && self.failure.is_some() {
            return "Failed";
        }
        let never = self.pod.spec.restart_policy == "Never";
        let (mut running, mut waiting, mut stopped, mut succeeded) = (0, 0, 0, 0);
        let mut init_pending = false;
        let mut init_failed = false;
        for container in &self.containers {
            match container.role {
                Role::Init if self.initialized => {}
                Role::Init => match container.latest_end() {
                    Some(end) if end.exit_code == 0 => {}
                    Some(_) if never => init_failed = true,
                    _ => init_pending = true,
                },
                Role::Sidecar => init_pending |= !self.initialized && !container.started(),
                Role::Ephemeral => {}
                Role::Main => match &container.shown {
                    Shown::Running(_) => running += 1,
                    _ => match container.latest_end() {
                        Some(end) => {
                            stopped += 1;
                            succeeded += usize::from(end.exit_code == 0);
                        }
                        None => waiting += 1,
                    },
                },
            }
        }
        if over && (init_failed || self.deleted || self.finished_by_itself()) {
            // Ended while it was still starting counts as failed, as does any bad exit.
            let all_good = !init_failed && !init_pending && waiting == 0 && stopped == succeeded;
            return if all_good { "Succeeded" } else { "Failed" };
        }
        if init_pending || init_failed || waiting > 0 && running == 0 && stopped == 0 {
            return "Pending";
        }
        if waiting > 0 {
            return "Pending";
        }
        "Running"
    }
}

//! Asks tasks back for somebody who has more of a right to their place, and ends them when the notice has run out.
//!
//! Who may be asked: what may be taken back at any time; and tasks of lower priority in roles that have more than their
//! share, or more than the one that asks. No more of them than are needed.

use super::send;
use crate::{
    AgentId, Event, Kernel, Message, Millis, Reason, Refusal, Resources, RoleId, Step, Task, TaskId, TaskState,
    limits::NOTICE_MS_MAX,
};

impl Kernel {
    #[expect(clippy::too_many_arguments, reason = "the parts of one question")]
    pub(super) fn reclaim(
        &mut self,
        now: Millis,
        role: RoleId,
        agent: AgentId,
        needs: &Resources,
        priority: i32,
        notice_ms: u64,
        out: &mut Step,
    ) -> Result<(), Refusal> {
        if self.state.roles.get(role).is_none() {
            return Err(Refusal::UnknownRole);
        }
        let found = self.state.agents.get(&agent).ok_or(Refusal::UnknownAgent)?;
        if !found.total.contains(needs) {
            return Err(Refusal::Insufficient);
        }
        let mut free = found.total.saturating_sub(&found.allocated);
        let mut candidates: Vec<(bool, i32, TaskId)> = Vec::new();
        for id in &found.tasks {
            let Some(task) = self.state.tasks.get(id) else { continue };
            if self.state.notices.contains_key(id) || task.state == TaskState::Killing {
                free.add(&task.resources);
            } else if let Some(revocable) = self.may_be_asked(task, role, priority) {
                candidates.push((!revocable, task.priority, *id));
            }
        }
        // Revocable ones first, then the least important, the newest of them first.
        candidates.sort_by_key(|(kept, priority, id)| (*kept, *priority, std::cmp::Reverse(*id)));
        let mut chosen = Vec::new();
        for (_, _, id) in candidates {
            if free.contains(needs) {
                break;
            }
            let Some(task) = self.state.tasks.get(&id) else { continue };
            let helps = needs.iter().any(|(id, want)| free.get(id) < want && task.resources.get(id) > 0)
                || needs.iter_items().any(|(id, want)| task.resources.items(id).overlaps(want));
            if helps {
                free.add(&task.resources);
                chosen.push(id);
            }
        }
        if !free.contains(needs) {
            return Err(Refusal::Insufficient);
        }
        let until = now.after_ms(notice_ms.min(NOTICE_MS_MAX));
        for id in chosen {
            let Some(task) = self.state.tasks.get(&id) else { continue };
            let (framework, name) = (task.framework, task.name.clone());
            self.emit(out, Event::TaskNoticed { task: id, until });
            send(out, framework, Message::AskedBack { name, until });
        }
        Ok(())
    }

    /// Whether a task may be asked back, and if so whether it may be at any time.
    fn may_be_asked(&self, task: &Task, role: RoleId, priority: i32) -> Option<bool> {
        if task.resources.ids().any(|id| self.state.names.kind(id).is_some_and(|kind| kind.revocable)) {
            return Some(true);
        }
        let roles = &self.state.roles;
        let more = roles.share(task.role) > roles.share(role) && !roles.is_owed(task.role);
        (task.priority < priority && (more || task.role == role)).then_some(false)
    }

    /// Time is up.
    pub(super) fn notice_ends(&mut self, now: Millis, task: TaskId, out: &mut Step) {
        self.order_kill(task, Some(0), Some(Reason::ContainerPreempted), out);
        // Said again until the task has ended: an order may be lost.
        self.emit(out, Event::TaskNoticed { task, until: now.after_ms(NOTICE_MS_MAX) });
    }
}

//! Tasks come to other states and end.

use super::send;
use crate::{Event, Kernel, Message, Refusal, Step, TaskId, TaskState};

impl Kernel {
    pub(super) fn update_task(&mut self, id: TaskId, state: TaskState, out: &mut Step) -> Result<(), Refusal> {
        let task = self.state.tasks.get(&id).ok_or(Refusal::UnknownTask)?;
        let role = task.role;
        if state.is_terminal() {
            self.emit(out, Event::TaskEnded { task: id, state });
            self.prune_role(role, out);
        } else if task.state != state {
            self.emit(out, Event::TaskUpdated { task: id, state });
        }
        Ok(())
    }

    /// Ends a task that its framework did not end itself, and tells it.
    pub(super) fn end_task(&mut self, id: TaskId, state: TaskState, out: &mut Step) {
        let Some(task) = self.state.tasks.get(&id) else { return };
        let (framework, role, name) = (task.framework, task.role, task.name.clone());
        self.emit(out, Event::TaskEnded { task: id, state });
        self.prune_role(role, out);
        send(out, framework, Message::Task { name, state });
    }
}

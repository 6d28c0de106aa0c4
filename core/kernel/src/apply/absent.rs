//! Agents that are away: what ran on them holds nothing, and is remembered for the day they come back.

use std::{collections::BTreeMap, sync::Arc};

use crate::{Absent, AgentId, Millis, State};

impl State {
    pub(super) fn send_away(&mut self, id: AgentId, since: Millis, gone: bool) {
        let Some(agent) = self.agents.get(&id) else { return };
        let (name, held) = (agent.name.clone(), agent.tasks.clone());
        let executors: Vec<_> = agent.executors.keys().cloned().collect();
        let mut tasks = BTreeMap::new();
        for task in held {
            if let Some(found) = self.tasks.get(&task).cloned() {
                tasks.insert(task, found);
            }
            self.end(task);
        }
        for (framework, executor) in executors {
            self.end_executor(id, framework, &executor);
        }
        self.remove_agent(id);
        for task in tasks.values() {
            self.absent_tasks.insert((task.framework, task.name.clone(), name.clone()));
        }
        self.absent_order.insert((since, name.clone()));
        self.absent.insert(name, Absent { agent: id, since, gone, tasks });
    }

    pub(super) fn forget_absent(&mut self, name: &Arc<str>) {
        if let Some(absent) = self.absent.remove(name) {
            self.absent_order.remove(&(absent.since, name.clone()));
            for task in absent.tasks.into_values() {
                self.absent_tasks.remove(&(task.framework, task.name, name.clone()));
            }
        }
    }
}

//! Which task has a name. Asked several times for each task that an agent brings back, hence a hash table for each
//! framework. Its keys are drawn by the process, so that no framework can choose names that collide; what has an order
//! is put in order first, so that nothing of them ever shows.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use crate::{FrameworkId, TaskId};

/// The tasks by framework and name.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct TaskNames {
    /// A framework without a task has no table.
    by_framework: BTreeMap<FrameworkId, HashMap<Arc<str>, TaskId>>,
}

impl TaskNames {
    pub(crate) fn get(&self, framework: FrameworkId, name: &str) -> Option<TaskId> {
        self.by_framework.get(&framework)?.get(name).copied()
    }

    pub(crate) fn insert(&mut self, framework: FrameworkId, name: Arc<str>, task: TaskId) {
        self.by_framework.entry(framework).or_default().insert(name, task);
    }

    pub(crate) fn remove(&mut self, framework: FrameworkId, name: &str) {
        let Some(names) = self.by_framework.get_mut(&framework) else { return };
        names.remove(name);
        if names.is_empty() {
            self.by_framework.remove(&framework);
        }
    }

    /// A framework's tasks in the order of their names.
    pub(crate) fn of(&self, framework: FrameworkId) -> Vec<(&Arc<str>, TaskId)> {
        let names = self.by_framework.get(&framework).into_iter().flatten();
        let mut own: Vec<_> = names.map(|(name, task)| (name, *task)).collect();
        own.sort_unstable();
        own
    }

    pub(crate) fn len(&self) -> usize {
        self.by_framework.values().map(HashMap::len).sum()
    }
}

//! What really happened, known to nobody in the world: against it what everybody believes is held.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use kubernel_kernel::{FrameworkId, Status, TaskState};

use super::message::Key;

/// What really happened.
#[derive(Debug, Default)]
pub(crate) struct Truth {
    /// Where each task was started.
    started: BTreeMap<Key, Arc<str>>,
    /// The updates of each task, in the order in which its agent said them first.
    said: BTreeMap<Key, Vec<u128>>,
    /// The first thing that was wrong.
    pub(crate) wrong: Option<String>,
    /// How many tasks were started.
    pub(crate) starts: u64,
    careless: BTreeSet<FrameworkId>,
}

/// What a framework was told of a task with updates that are to be acknowledged.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Heard {
    /// The place of the last one among those of the task.
    last: Option<usize>,
    ended: bool,
}

impl Truth {
    pub(crate) fn fails(&mut self, what: impl FnOnce() -> String) {
        if self.wrong.is_none() {
            self.wrong = Some(what());
        }
    }

    /// A task is started once, and nowhere else.
    pub(crate) fn starts(&mut self, key: &Key, agent: &Arc<str>) {
        self.starts += 1;
        let before = self.started.insert(key.clone(), agent.clone());
        if let Some(before) = before.filter(|_| !self.careless.contains(&key.0)) {
            self.fails(|| format!("{key:?} was started on {before} and again on {agent}"));
        }
    }

    /// A framework that uses names of tasks again, which is its right when they have ended and it knows.
    pub(crate) fn is_careless(&mut self, framework: FrameworkId) {
        self.careless.insert(framework);
    }

    pub(crate) fn says(&mut self, key: &Key, uuid: u128) {
        let said = self.said.entry(key.clone()).or_default();
        if !said.contains(&uuid) {
            said.push(uuid);
        }
    }

    /// A framework hears of a task: in the order in which it was said, each again and again until it is acknowledged,
    /// none left out, and nothing else once it has ended.
    pub(crate) fn hears(&mut self, key: &Key, status: &Status, heard: &mut Heard) {
        if self.careless.contains(&key.0) {
            return;
        }
        let Some(uuid) = status.uuid else {
            let gone = matches!(status.state, TaskState::Unknown | TaskState::Gone | TaskState::GoneByOperator);
            if heard.ended && !status.state.is_terminal() && !gone && status.state != TaskState::Unreachable {
                self.fails(|| format!("{key:?} had ended, and is said to be {:?}", status.state));
            }
            return;
        };
        let place = self.said.get(key).and_then(|said| said.iter().position(|known| *known == uuid));
        let Some(place) = place else {
            self.fails(|| format!("{key:?}: an update that no agent said: {status:?}"));
            return;
        };
        if heard.last.is_some_and(|last| place < last || place > last + 1) {
            let last = heard.last;
            self.fails(|| format!("{key:?}: update {place} came after {last:?}: {status:?}"));
        }
        heard.last = Some(place);
        heard.ended |= status.state.is_terminal();
    }
}

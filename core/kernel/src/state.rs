//! All that the kernel knows. Changed by [`State::apply`] only.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    Absent, Agent, AgentId, Framework, FrameworkId, InverseOffer, Millis, Names, Offer, OfferId, Resources, RoleId,
    Roles, Task, TaskId, task_names::TaskNames, timer::Timers,
};

/// All that the kernel knows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    pub(crate) names: Names,
    pub(crate) agents: BTreeMap<AgentId, Agent>,
    pub(crate) agent_names: BTreeMap<Arc<str>, AgentId>,
    pub(crate) roles: Roles,
    pub(crate) frameworks: BTreeMap<FrameworkId, Framework>,
    pub(crate) offers: BTreeMap<OfferId, Offer>,
    pub(crate) tasks: BTreeMap<TaskId, Task>,
    pub(crate) task_names: TaskNames,
    pub(crate) inverse: BTreeMap<OfferId, InverseOffer>,
    /// Agents that are away, by name, and their order in time.
    pub(crate) absent: BTreeMap<Arc<str>, Absent>,
    pub(crate) absent_order: BTreeSet<(Millis, Arc<str>)>,
    /// The tasks that are away, by name, and on which agents: a name may be used again once an agent is gone for good.
    pub(crate) absent_tasks: BTreeSet<(FrameworkId, Arc<str>, Arc<str>)>,
    /// How many ends of tasks on each agent frameworks do not know of yet.
    pub(crate) untold: BTreeMap<AgentId, usize>,
    /// When the agent that is the last in the row is marked unreachable.
    pub(crate) removal_at: Millis,
    /// When those that do not answer are marked unreachable.
    pub(crate) doubted: BTreeMap<AgentId, Millis>,
    /// Tasks that are asked back, and until when.
    pub(crate) notices: BTreeMap<TaskId, Millis>,
    pub(crate) queue: Queue,
    /// Subscriptions for which the queue had nothing; what is new in it wakes them.
    pub(crate) sated: BTreeSet<(FrameworkId, RoleId)>,
    /// Filters of everybody together.
    pub(crate) filters: usize,
    /// Who may want the same: frameworks that take offers, by role, and each that claims.
    pub(crate) rivals: usize,
    pub(crate) timers: Timers,
    pub(crate) last: Last,
}

/// Agents with something free that may be offered, the one that got free first in front.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Queue {
    by_place: BTreeMap<u64, AgentId>,
    last_place: u64,
}

/// The identifiers given last.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Last {
    pub(crate) agent: u32,
    pub(crate) role: u32,
    pub(crate) framework: u32,
    pub(crate) offer: u64,
    pub(crate) task: u64,
}

impl State {
    /// The names of resources.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// The roles.
    pub fn roles(&self) -> &Roles {
        &self.roles
    }

    /// The agents, by identifier.
    pub fn agents(&self) -> &BTreeMap<AgentId, Agent> {
        &self.agents
    }

    /// The identifier of an agent.
    pub fn agent_id(&self, name: &str) -> Option<AgentId> {
        self.agent_names.get(name).copied()
    }

    /// The frameworks, by identifier.
    pub fn frameworks(&self) -> &BTreeMap<FrameworkId, Framework> {
        &self.frameworks
    }

    /// The open offers, by identifier.
    pub fn offers(&self) -> &BTreeMap<OfferId, Offer> {
        &self.offers
    }

    /// The agents that frameworks are asked to leave, by the identifier of the inverse offer.
    pub fn inverse_offers(&self) -> &BTreeMap<OfferId, InverseOffer> {
        &self.inverse
    }

    /// The agents that are away, by name.
    pub fn absent(&self) -> &BTreeMap<Arc<str>, Absent> {
        &self.absent
    }

    /// The agent that is away with a task of this name on it; of several, one that may come back.
    pub fn absent_with(&self, framework: FrameworkId, name: &Arc<str>) -> Option<&Arc<str>> {
        let all = self.absent_tasks.range((framework, name.clone(), Arc::default())..);
        let all = all.take_while(|(owner, task, _)| (owner, task) == (&framework, name));
        let gone = |agent: &Arc<str>| self.absent.get(agent).is_none_or(|absent| absent.gone);
        all.map(|(.., agent)| agent).min_by_key(|agent| gone(agent))
    }

    /// The tasks that are asked back, and until when.
    pub fn notices(&self) -> &BTreeMap<TaskId, Millis> {
        &self.notices
    }

    /// The tasks that have not ended, by identifier.
    pub fn tasks(&self) -> &BTreeMap<TaskId, Task> {
        &self.tasks
    }

    /// The identifier of a framework's task.
    pub fn task_id(&self, framework: FrameworkId, name: &str) -> Option<TaskId> {
        self.task_names.get(framework, name)
    }

    /// The tasks of a framework, in the order of their names.
    pub fn tasks_of(&self, framework: FrameworkId) -> Vec<(&Arc<str>, TaskId)> {
        self.task_names.of(framework)
    }

    /// The agents of which something got free after a moment that [`State::last_freed`] told, as far as it may be
    /// offered.
    pub fn freed_since(&self, moment: u64) -> impl Iterator<Item = AgentId> + '_ {
        self.queue.after(moment).map(|(_, agent)| agent)
    }

    /// The moment when something got free last.
    pub fn last_freed(&self) -> u64 {
        self.queue.last_place()
    }

    /// All that agents have to give.
    pub fn total(&self) -> &Resources {
        self.roles.total()
    }
}

impl Queue {
    pub(crate) fn push(&mut self, agent: AgentId) -> u64 {
        self.last_place += 1;
        self.by_place.insert(self.last_place, agent);
        self.last_place
    }

    pub(crate) fn remove(&mut self, place: u64) {
        self.by_place.remove(&place);
    }

    /// The agents behind a place.
    pub(crate) fn after(&self, place: u64) -> impl Iterator<Item = (u64, AgentId)> + '_ {
        use std::ops::Bound::{Excluded, Unbounded};
        self.by_place.range((Excluded(place), Unbounded)).map(|(place, agent)| (*place, *agent))
    }

    pub(crate) fn last_place(&self) -> u64 {
        self.last_place
    }

    pub(crate) fn agents(&self) -> impl Iterator<Item = (u64, AgentId)> + '_ {
        self.after(0)
    }
}

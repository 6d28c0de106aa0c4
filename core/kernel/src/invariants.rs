//! What must hold in every state, checked from first principles. Slow: for tests and simulation, not for the server.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{Agent, AgentId, FrameworkId, Mode, OfferId, Resources, RoleId, State, TaskId, quota::Reserved};

/// An invariant that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Violation(String);

/// Checks every invariant.
///
/// # Errors
/// The first that does not hold.
pub fn check(state: &State) -> Result<(), Violation> {
    let held = Held::of(state)?;
    check_agents(state, &held)?;
    check_roles(state, &held)?;
    check_frameworks(state, &held)?;
    check_queue(state)?;
    check_away(state)?;
    check_orders(state)
}

/// Checks what need not hold between the events of one step but after its last.
///
/// # Errors
/// The first that does not hold.
pub fn check_settled(state: &State) -> Result<(), Violation> {
    state.roles.iter().try_for_each(|(id, role)| ensure(!role.is_idle(), || format!("{id} is of no use")))
}

/// Who holds what, added up from offers and tasks alone.
#[derive(Default)]
struct Held {
    offered: BTreeMap<AgentId, Resources>,
    allocated: BTreeMap<AgentId, Resources>,
    roles: BTreeMap<RoleId, Resources>,
    subscriptions: BTreeMap<(FrameworkId, RoleId), Resources>,
    /// The part of `roles` that is reserved or may be taken back.
    aside: BTreeMap<RoleId, Resources>,
    /// The part of `subscriptions` that is in open offers.
    open: BTreeMap<(FrameworkId, RoleId), Resources>,
    executor_tasks: BTreeMap<(AgentId, FrameworkId, Arc<str>), BTreeSet<TaskId>>,
    agent_offers: BTreeMap<AgentId, BTreeSet<OfferId>>,
    tasks: BTreeMap<FrameworkId, usize>,
}

impl Held {
    fn of(state: &State) -> Result<Self, Violation> {
        let mut held = Self::default();
        for (id, offer) in &state.offers {
            ensure(id.0 <= state.last.offer, || format!("{id} was never made"))?;
            held.offered.entry(offer.agent).or_default().add(&offer.resources);
            held.agent_offers.entry(offer.agent).or_default().insert(*id);
            held.count(state, offer.framework, offer.role, &offer.resources);
            let offered = held.open.entry((offer.framework, offer.role)).or_default();
            offered.add(&state.names.quantities(&offer.resources));
            let open = state.agents.get(&offer.agent).is_some_and(Agent::is_open);
            ensure(open, || format!("{id} offers {}, which is not open", offer.agent))?;
            let connected = state.frameworks.get(&offer.framework).is_some_and(|f| f.connected);
            ensure(connected, || format!("{id} is held for {}, which is not connected", offer.framework))?;
        }
        for (id, task) in &state.tasks {
            ensure(task.offer.0 <= state.last.offer, || format!("{id} is of {}, which was never made", task.offer))?;
            ensure(!state.offers.contains_key(&task.offer), || format!("{id} is of {}, still open", task.offer))?;
            ensure(!task.state.is_terminal(), || format!("{id} has ended and is still there"))?;
            let named = state.task_id(task.framework, &task.name);
            ensure(named == Some(*id), || format!("{id} is not found by its name"))?;
            let listed = state.agents.get(&task.agent).is_some_and(|agent| agent.tasks.contains(id));
            ensure(listed, || format!("{id} is not among the tasks of {}", task.agent))?;
            let resources = state.names.exclusive(&task.resources);
            held.allocated.entry(task.agent).or_default().add(&resources);
            held.count(state, task.framework, task.role, &resources);
            if let Some(spec) = &task.executor {
                held.executor_tasks.entry((task.agent, task.framework, spec.name.clone())).or_default().insert(*id);
            }
            *held.tasks.entry(task.framework).or_default() += 1;
        }
        ensure(state.task_names.len() == state.tasks.len(), || "a name belongs to no task".to_owned())?;
        for (id, agent) in &state.agents {
            for ((framework, name), executor) in &agent.executors {
                let resources = state.names.exclusive(&executor.spec.resources);
                held.allocated.entry(*id).or_default().add(&resources);
                held.count(state, *framework, executor.role, &resources);
                let tasks = held.executor_tasks.remove(&(*id, *framework, name.clone())).unwrap_or_default();
                // Tasks may outlive the executor that ran them, and another may come under its name.
                ensure(tasks.is_superset(&executor.tasks), || format!("tasks of executor {name} on {id}"))?;
            }
        }
        Ok(held)
    }

    fn count(&mut self, state: &State, framework: FrameworkId, role: RoleId, resources: &Resources) {
        if resources.is_zero() {
            return;
        }
        let used = state.names.quantities(resources);
        self.roles.entry(role).or_default().add(&used);
        self.subscriptions.entry((framework, role)).or_default().add(&used);
        let aside = state.names.set_aside(resources);
        self.aside.entry(role).or_default().add(&state.names.quantities(&aside));
    }
}

/// total + overcommitted = free + offered + allocated on each agent, and nothing is offered that is not there.
fn check_agents(state: &State, held: &Held) -> Result<(), Violation> {
    let mut total = Resources::default();
    let mut reserved = Reserved::default();
    for (id, agent) in &state.agents {
        let offered = held.offered.get(id).cloned().unwrap_or_default();
        let allocated = held.allocated.get(id).cloned().unwrap_or_default();
        equal(&agent.offered, &offered, || format!("offered of {id}"))?;
        equal(&agent.allocated, &allocated, || format!("allocated of {id}"))?;
        let mut sum = agent.free();
        sum.add(&offered);
        sum.add(&allocated);
        let mut all = agent.total.clone();
        let mut taken = offered.clone();
        taken.add(&allocated);
        all.add(&taken.saturating_sub(&agent.total));
        equal(&sum, &all, || format!("the sum of {id}"))?;
        let spare = agent.total.saturating_sub(&allocated);
        ensure(spare.contains(&offered), || format!("more of {id} is offered than there is"))?;
        ensure(held.agent_offers.get(id).cloned().unwrap_or_default() == agent.offers, || format!("offers of {id}"))?;
        ensure(state.agent_names.get(&agent.name) == Some(id), || format!("{id} is not found by its name"))?;
        total.add(&state.names.quantities(&agent.total));
        reserved.change(&state.names, &agent.total, true);
    }
    ensure(reserved == state.roles.reserved, || "what is reserved".to_owned())?;
    ensure(state.agent_names.len() == state.agents.len(), || "a name belongs to no agent".to_owned())?;
    equal(state.total(), &total, || "the total".to_owned())
}

/// A role uses what is offered and allocated in it and below.
fn check_roles(state: &State, held: &Held) -> Result<(), Violation> {
    let below = summed_up(state, &held.roles)?;
    let aside = summed_up(state, &held.aside)?;
    for (id, role) in state.roles.iter() {
        equal(&role.used_here, &held.roles.get(&id).cloned().unwrap_or_default(), || format!("used in {id} itself"))?;
        equal(&role.used, &below.get(&id).cloned().unwrap_or_default(), || format!("used in {id} and below"))?;
        equal(&role.aside, &aside.get(&id).cloned().unwrap_or_default(), || format!("set aside in {id}"))?;
        ensure(role.quota.is_some() == state.roles.quotas.contains(&id), || format!("the quota of {id}"))?;
        ensure(state.roles.id(&role.path) == Some(id), || format!("{id} is not found by its path"))?;
    }
    let root = below.get(&RoleId::ROOT).cloned().unwrap_or_default();
    equal(&state.roles.used(), &root, || "used by everybody".to_owned())
}

/// What each role and those below it come to.
fn summed_up(state: &State, here: &BTreeMap<RoleId, Resources>) -> Result<BTreeMap<RoleId, Resources>, Violation> {
    let mut sums: BTreeMap<RoleId, Resources> = BTreeMap::new();
    for (role, resources) in here {
        let mut at = Some(*role);
        while let Some(id) = at {
            sums.entry(id).or_default().add(resources);
            let Some(found) = state.roles.get(id) else {
                return Err(Violation(format!("{id} is used and not there")));
            };
            at = found.parent;
        }
    }
    Ok(sums)
}

fn check_frameworks(state: &State, held: &Held) -> Result<(), Violation> {
    let (mut filters, mut rivals) = (0, 0);
    for (id, framework) in &state.frameworks {
        ensure(framework.tasks == held.tasks.get(id).copied().unwrap_or(0), || format!("tasks of {id}"))?;
        for (role, sub) in &framework.subscriptions {
            let used = held.subscriptions.get(&(*id, *role)).cloned().unwrap_or_default();
            equal(&sub.used, &used, || format!("used by {id} in {role}"))?;
            let open = held.open.get(&(*id, *role)).cloned().unwrap_or_default();
            equal(&sub.offered, &open, || format!("offered to {id} in {role}"))?;
            ensure(sub.joined || !used.is_zero(), || format!("{id} left {role} and uses nothing there"))?;
            let listed = state.roles.get(*role).is_some_and(|found| found.frameworks.contains(id));
            ensure(listed == sub.joined, || format!("{role} and {id} disagree"))?;
            let wants = framework.wants(sub);
            ensure(sub.rank.is_some() == wants, || format!("{id} wants {wants} in {role}, its rank says otherwise"))?;
            ensure(sub.sated == state.sated.contains(&(*id, *role)), || format!("{id} in {role}: sated?"))?;
            let end = sub.filters.values().map(|filter| filter.until).min();
            let woken = end.is_none_or(|end| sub.filters_end.is_some_and(|timer| timer <= end));
            ensure(woken, || format!("filters of {id} in {role} end without anybody noticing"))?;
            filters += sub.filters.len();
            rivals += usize::from(sub.joined && framework.mode == Mode::Offers);
        }
        rivals += usize::from(framework.mode == Mode::Claims);
    }
    for (framework, role) in held.subscriptions.keys() {
        let there = state.frameworks.get(framework).is_some_and(|f| f.subscriptions.contains_key(role));
        ensure(there, || format!("{framework} uses something in {role} and has no account there"))?;
    }
    ensure(rivals == state.rivals, || "the count of rivals".to_owned())?;
    let mut untold: BTreeMap<AgentId, usize> = BTreeMap::new();
    for end in state.frameworks.values().flat_map(|framework| framework.unacknowledged.values()) {
        *untold.entry(end.agent).or_default() += 1;
    }
    ensure(untold == state.untold, || "the count of ends that are not known".to_owned())?;
    ensure(filters == state.filters, || "the count of filters".to_owned())
}

/// Every open agent with something free is in the queue, once, and nothing else.
fn check_queue(state: &State) -> Result<(), Violation> {
    let queued: BTreeMap<AgentId, u64> = state.queue.agents().map(|(place, agent)| (agent, place)).collect();
    ensure(queued.len() == state.queue.agents().count(), || "an agent is in the queue twice".to_owned())?;
    for (id, agent) in &state.agents {
        let offerable = agent.is_open() && !agent.free().is_zero();
        ensure(offerable == agent.place.is_some(), || format!("{id} in the queue: {:?}", agent.place))?;
        ensure(agent.place == queued.get(id).copied(), || format!("the place of {id}"))?;
    }
    ensure(queued.keys().all(|id| state.agents.contains_key(id)), || "a removed agent is in the queue".to_owned())
}

/// Who is away is not there, and what is asked back or asked for is.
fn check_away(state: &State) -> Result<(), Violation> {
    for (name, absent) in &state.absent {
        ensure(!state.agent_names.contains_key(name), || format!("{name} is there and away"))?;
        let listed = state.absent_order.contains(&(absent.since, name.clone()));
        ensure(listed, || format!("{name} is away and not in the order of those"))?;
    }
    for (framework, task, name) in &state.absent_tasks {
        let away = state.absent.get(name).into_iter().flat_map(|absent| absent.tasks.values());
        let listed = away.into_iter().any(|found| found.framework == *framework && found.name == *task);
        ensure(listed, || format!("{task} of {framework} is not away on {name}"))?;
    }
    for (agent, absent) in &state.absent {
        for task in absent.tasks.values() {
            let listed = state.absent_tasks.contains(&(task.framework, task.name.clone(), agent.clone()));
            ensure(listed, || format!("{} of {} is away and not found", task.name, task.framework))?;
        }
    }
    ensure(state.absent_order.len() == state.absent.len(), || "the order of those away".to_owned())?;
    ensure(state.notices.keys().all(|task| state.tasks.contains_key(task)), || "a notice of no task".to_owned())?;
    ensure(state.doubted.keys().all(|agent| state.agents.contains_key(agent)), || "a doubt of no agent".to_owned())?;
    for (id, inverse) in &state.inverse {
        let framework = state.frameworks.get(&inverse.framework);
        let listed = framework.is_some_and(|framework| framework.inverse_offers.contains(id));
        ensure(listed, || format!("{id} asks {} for nothing", inverse.framework))?;
        ensure(state.agents.contains_key(&inverse.agent), || format!("{id} asks for no agent"))?;
    }
    let asked: usize = state.frameworks.values().map(|framework| framework.inverse_offers.len()).sum();
    ensure(asked == state.inverse.len(), || "the count of inverse offers".to_owned())
}

/// The orders kept step by step are those that ranking everything anew gives.
fn check_orders(state: &State) -> Result<(), Violation> {
    let mut anew = state.clone();
    anew.rank_all();
    if state.roles.is_stale() {
        return Ok(());
    }
    ensure(anew.roles == state.roles, || "the orders of fairness".to_owned())
}

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Result<(), Violation> {
    if holds { Ok(()) } else { Err(Violation(what())) }
}

fn equal(kept: &Resources, counted: &Resources, what: impl FnOnce() -> String) -> Result<(), Violation> {
    ensure(kept == counted, || format!("{}: kept {kept:?}, counted {counted:?}", what()))
}

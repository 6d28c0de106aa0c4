//! What must hold in every state, checked from first principles. Slow: for tests and simulation, not for the server.

use std::collections::{BTreeMap, BTreeSet};

use crate::{AgentId, Availability, FrameworkId, OfferId, Resources, RoleId, State};

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
            held.count(offer.framework, offer.role, &offer.resources);
            let agent = state.agents.get(&offer.agent);
            let open = agent.is_some_and(|agent| agent.availability == Availability::Open);
            ensure(open, || format!("{id} offers {}, which is not open", offer.agent))?;
            let connected = state.frameworks.get(&offer.framework).is_some_and(|f| f.connected);
            ensure(connected, || format!("{id} is held for {}, which is not connected", offer.framework))?;
        }
        for (id, task) in &state.tasks {
            ensure(task.offer.0 <= state.last.offer, || format!("{id} is of {}, which was never made", task.offer))?;
            ensure(!state.offers.contains_key(&task.offer), || format!("{id} is of {}, still open", task.offer))?;
            ensure(!task.state.is_terminal(), || format!("{id} has ended and is still there"))?;
            let named = state.task_names.get(&(task.framework, task.name.clone()));
            ensure(named == Some(id), || format!("{id} is not found by its name"))?;
            let listed = state.agents.get(&task.agent).is_some_and(|agent| agent.tasks.contains(id));
            ensure(listed, || format!("{id} is not among the tasks of {}", task.agent))?;
            held.allocated.entry(task.agent).or_default().add(&task.resources);
            held.count(task.framework, task.role, &task.resources);
            *held.tasks.entry(task.framework).or_default() += 1;
        }
        ensure(state.task_names.len() == state.tasks.len(), || "a name belongs to no task".to_owned())?;
        Ok(held)
    }

    fn count(&mut self, framework: FrameworkId, role: RoleId, resources: &Resources) {
        self.roles.entry(role).or_default().add(resources);
        self.subscriptions.entry((framework, role)).or_default().add(resources);
    }
}

/// total + overcommitted = free + offered + allocated on each agent, and nothing is offered that is not there.
fn check_agents(state: &State, held: &Held) -> Result<(), Violation> {
    let mut total = Resources::default();
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
        total.add(&agent.total);
    }
    ensure(state.agent_names.len() == state.agents.len(), || "a name belongs to no agent".to_owned())?;
    equal(state.total(), &total, || "the total".to_owned())
}

/// A role uses what is offered and allocated in it and below.
fn check_roles(state: &State, held: &Held) -> Result<(), Violation> {
    let mut below: BTreeMap<RoleId, Resources> = BTreeMap::new();
    for (role, resources) in &held.roles {
        let mut at = Some(*role);
        while let Some(id) = at {
            below.entry(id).or_default().add(resources);
            let Some(found) = state.roles.get(id) else {
                return Err(Violation(format!("{id} is used and not there")));
            };
            at = found.parent;
        }
    }
    for (id, role) in state.roles.iter() {
        equal(&role.used_here, &held.roles.get(&id).cloned().unwrap_or_default(), || format!("used in {id} itself"))?;
        equal(&role.used, &below.get(&id).cloned().unwrap_or_default(), || format!("used in {id} and below"))?;
        ensure(state.roles.id(&role.path) == Some(id), || format!("{id} is not found by its path"))?;
    }
    let root = below.get(&RoleId::ROOT).cloned().unwrap_or_default();
    equal(&state.roles.used(), &root, || "used by everybody".to_owned())
}

fn check_frameworks(state: &State, held: &Held) -> Result<(), Violation> {
    let mut filters = 0;
    for (id, framework) in &state.frameworks {
        ensure(framework.tasks == held.tasks.get(id).copied().unwrap_or(0), || format!("tasks of {id}"))?;
        for (role, sub) in &framework.subscriptions {
            let used = held.subscriptions.get(&(*id, *role)).cloned().unwrap_or_default();
            equal(&sub.used, &used, || format!("used by {id} in {role}"))?;
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
        }
    }
    for (framework, role) in held.subscriptions.keys() {
        let there = state.frameworks.get(framework).is_some_and(|f| f.subscriptions.contains_key(role));
        ensure(there, || format!("{framework} uses something in {role} and has no account there"))?;
    }
    ensure(filters == state.filters, || "the count of filters".to_owned())
}

/// Every open agent with something free is in the queue, once, and nothing else.
fn check_queue(state: &State) -> Result<(), Violation> {
    let queued: BTreeMap<AgentId, u64> = state.queue.agents().map(|(place, agent)| (agent, place)).collect();
    ensure(queued.len() == state.queue.agents().count(), || "an agent is in the queue twice".to_owned())?;
    for (id, agent) in &state.agents {
        let offerable = agent.availability == Availability::Open && !agent.free().is_zero();
        ensure(offerable == agent.place.is_some(), || format!("{id} in the queue: {:?}", agent.place))?;
        ensure(agent.place == queued.get(id).copied(), || format!("the place of {id}"))?;
    }
    ensure(queued.keys().all(|id| state.agents.contains_key(id)), || "a removed agent is in the queue".to_owned())
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

//! What of an agent a framework may be offered in a role, or what is in the way.

use crate::{AgentId, Config, Framework, FrameworkId, Mode, Names, Resources, RoleId, State, Subscription};

/// What may be offered.
pub(crate) struct Fit {
    pub(crate) resources: Resources,
    /// It is less than what there is, and might be more another time.
    pub(crate) cut: bool,
}

/// What is in the way, in the order in which it is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    Unknown,
    Closed,
    Constraint,
    OldAgent,
    NothingFree,
    Gpu,
    Region,
    Wish,
    Quota,
    TooSmall,
    Filter,
}

impl State {
    pub(crate) fn fit(
        &self,
        config: &Config,
        framework: FrameworkId,
        role: RoleId,
        agent: AgentId,
    ) -> Result<Fit, Unfit> {
        let found = self.frameworks.get(&framework).ok_or(Unfit::Unknown)?;
        let sub = found.subscriptions.get(&role).ok_or(Unfit::Unknown)?;
        let path = self.roles.get(role).map(|role| &*role.path).ok_or(Unfit::Unknown)?;
        let agent_id = agent;
        let agent = self.agents.get(&agent).ok_or(Unfit::Unknown)?;
        if !agent.is_open() {
            return Err(Unfit::Closed);
        }
        let (settings, lacks) = (&found.settings, agent.traits.lacks);
        if settings.constraints.get(path).is_some_and(|constraints| !constraints.suit(agent)) {
            return Err(Unfit::Constraint);
        }
        let can = settings.capabilities;
        if lacks.multi_role && can.multi_role || lacks.hierarchical_role && path.contains('/') {
            return Err(Unfit::OldAgent);
        }
        let mut free = agent.free();
        if !free.is_plain() {
            free = self.for_role(&free, found, path);
        }
        if free.is_zero() {
            return Err(Unfit::NothingFree);
        }
        if !can.gpu_resources && !agent.total.is_plain() && has_gpus(&agent.total, &self.names) {
            return Err(Unfit::Gpu);
        }
        let region = agent.traits.domain.as_ref().map(|domain| &domain.region);
        if !can.region_aware && region.is_some() && region != config.region.as_ref() {
            return Err(Unfit::Region);
        }
        let cut = self.cut(&mut free, sub, role)?;
        if free.is_zero() || !self.is_enough(config, found, path, &free) {
            return Err(if cut { Unfit::Quota } else { Unfit::TooSmall });
        }
        if !sub.admits(agent_id, &free) {
            return Err(Unfit::Filter);
        }
        Ok(Fit { resources: free, cut })
    }

    /// The part that is for the role and that the framework understands.
    fn for_role(&self, free: &Resources, framework: &Framework, path: &str) -> Resources {
        let can = &framework.settings.capabilities;
        free.only(|id| {
            let Some(kind) = self.names.kind(id) else { return false };
            kind.is_for(path)
                && (can.revocable_resources || !kind.revocable)
                && (can.shared_resources || !kind.shared)
                && (can.reservation_refinement || !kind.is_refined())
        })
    }

    /// Cuts what is reserved for nobody to what the framework wishes and the quotas leave. Says whether that made it
    /// less.
    fn cut(&self, free: &mut Resources, sub: &Subscription, role: RoleId) -> Result<bool, Unfit> {
        if sub.wish.is_zero() && !self.roles.has_quotas() {
            return Ok(false);
        }
        let aside = self.names.set_aside(free).into_owned();
        let open = free.saturating_sub(&aside);
        let countable = open.only(|id| open.get(id) > 0);
        let mut wanted = self.names.quantities(&countable).into_owned();
        if !sub.wish.is_zero() {
            let left = sub.wish.saturating_sub(&sub.granted).saturating_sub(&sub.offered);
            if left.is_zero() {
                return Err(Unfit::Wish);
            }
            for (id, _) in sub.wish.iter() {
                wanted.set(id, wanted.get(id).min(left.get(id)));
            }
        }
        let granted = self.roles.allowance(role, &wanted);
        let mut out = aside;
        let mut cut = false;
        for (id, amount) in open.iter() {
            let counts_as = self.names.counts_as(id);
            let less = counts_as.map_or(amount, |plain| granted.get(plain).min(amount));
            cut |= less < amount;
            out.set(id, out.get(id).saturating_add(less));
        }
        for (id, items) in open.iter_items() {
            out.set_items(id, items.clone());
        }
        *free = out;
        Ok(cut)
    }

    /// Whether an offer is worth making.
    fn is_enough(&self, config: &Config, framework: &Framework, path: &str, free: &Resources) -> bool {
        match framework.settings.offer_min.get(path) {
            Some(sets) if sets.is_empty() => true,
            None if framework.mode == Mode::Claims || config.offer_min.is_zero() => true,
            Some(sets) => {
                let amounts = self.names.quantities(free);
                sets.iter().any(|set| amounts.contains(set))
            }
            None => {
                let amounts = self.names.quantities(free);
                config.offer_min.iter().any(|(id, min)| amounts.get(id) >= min)
            }
        }
    }
}

/// GPUs by any of the names that they go by.
fn has_gpus(resources: &Resources, names: &Names) -> bool {
    resources.iter().any(|(id, _)| names.name(id).is_some_and(|name| name == "gpus" || name.ends_with("/gpu")))
}

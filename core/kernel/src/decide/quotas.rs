//! What is settled for roles: checked for sense and, unless forced, against what there is.

use std::sync::Arc;

use crate::{Closed, Event, Kernel, OfferId, Quota, Refusal, Resources, RoleId, Step};

impl Kernel {
    pub(super) fn set_quota(
        &mut self,
        path: &str,
        quota: Option<Quota>,
        force: bool,
        out: &mut Step,
    ) -> Result<(), Refusal> {
        if path == "*" && quota.is_some() {
            return Err(Refusal::InvalidQuota("the role '*' can have no quota".to_owned()));
        }
        if let Some(quota) = &quota {
            self.check_role(path)?;
            self.check_quota(path, quota, force)?;
        } else if self.state.roles.id(path).is_none() {
            return Ok(());
        }
        let role = self.ensure_role(path, out)?;
        self.emit(out, Event::RoleQuota { role, quota: quota.map(Arc::new) });
        self.make_room(role, out);
        self.prune_role(role, out);
        Ok(())
    }

    fn check_quota(&self, path: &str, quota: &Quota, force: bool) -> Result<(), Refusal> {
        let refuse = |what: String| Err(Refusal::InvalidQuota(what));
        let roles = &self.state.roles;
        if let Some((id, _)) = quota.guarantee.iter().find(|(id, some)| quota.limits.get(id).is_some_and(|l| l < some))
        {
            let name = self.state.names.name(id).unwrap_or_default();
            return refuse(format!("the guarantee of '{path}' is above its limit for '{name}'"));
        }
        let role = roles.id(path);
        let related = roles.quotas.iter().filter(|id| Some(**id) != role).filter_map(|id| {
            let found = roles.get(*id)?;
            Some((&*found.path, found.quota.as_deref()?))
        });
        let mut siblings = Resources::default();
        let mut children = Resources::default();
        let mut above: Option<(&str, &Quota)> = None;
        let below = |path: &str, top: &str| path != top && crate::kind::is_below_or(path, top);
        for (other, held) in related.clone() {
            if below(path, other) && above.is_none_or(|(nearest, _)| other.len() > nearest.len()) {
                above = Some((other, held));
            }
        }
        for (other, held) in related.clone() {
            let nearest_is = |top: &str| {
                below(other, top) && !related.clone().any(|(between, _)| below(other, between) && below(between, top))
            };
            if nearest_is(path) {
                children.add(&held.guarantee);
            } else if above.is_some_and(|(top, _)| !below(other, path) && nearest_is(top)) {
                siblings.add(&held.guarantee);
            }
            if below(other, path) && exceeds(held, quota) {
                return refuse(format!("the limit of '{other}' is above that of '{path}'"));
            }
            if below(path, other) && exceeds(quota, held) {
                return refuse(format!("the limit of '{path}' is above that of '{other}'"));
            }
        }
        let named = |part: &Resources| part.only(|id| quota.guarantee.get(id) > 0);
        if !quota.guarantee.contains(&named(&children)) {
            return refuse(format!("the guarantees below '{path}' are more than its own"));
        }
        if let Some((top, held)) = above {
            siblings.add(&quota.guarantee);
            if !held.guarantee.contains(&siblings.only(|id| held.guarantee.get(id) > 0)) {
                return refuse(format!("the guarantees below '{top}' are more than its own"));
            }
        }
        if force {
            return Ok(());
        }
        let consumed = role.map(|role| self.settled_consumption(role)).unwrap_or_default();
        if quota.limits.iter().any(|(id, limit)| consumed.get(*id) > *limit) {
            return refuse(format!("'{path}' consumes more than the limit"));
        }
        let mut owed = Resources::default();
        for (_, held) in related.filter(|(other, _)| !other.contains('/')) {
            owed.add(&held.guarantee);
        }
        if !path.contains('/') {
            owed.add(&quota.guarantee);
        }
        if !self.state.total().contains(&owed) {
            return refuse("the guarantees are more than there is".to_owned());
        }
        Ok(())
    }

    /// What a role consumes that cannot be taken back at once: open offers can.
    fn settled_consumption(&self, role: RoleId) -> Resources {
        let mut consumed = self.state.roles.consumed(role);
        for offer in self.state.offers.values() {
            if offer.role == role || self.state.roles.ancestors(offer.role).any(|above| above == role) {
                let aside = self.state.names.set_aside(&offer.resources);
                consumed.take(&self.state.names.quantities(&offer.resources.saturating_sub(&aside)));
            }
        }
        consumed
    }

    /// Takes back offers of a role that is above its limit now, and of others as far as guarantees need them.
    fn make_room(&mut self, role: RoleId, out: &mut Step) {
        let Some(quota) = self.state.roles.get(role).and_then(|found| found.quota.clone()) else { return };
        let open: Vec<(OfferId, RoleId)> = self.state.offers.iter().map(|(id, offer)| (*id, offer.role)).collect();
        for (offer, of) in open {
            let own = of == role || self.state.roles.ancestors(of).any(|above| above == role);
            let consumed = self.state.roles.consumed(role);
            let over = quota.limits.iter().any(|(id, limit)| consumed.get(*id) > *limit);
            let lacking = !self.state.roles.headroom().contains(&self.state.roles.owed());
            if if own { over } else { lacking } {
                self.close_offer(offer, Closed::Rescinded, out);
            }
        }
    }
}

/// Whether a limit below is above the one over it.
fn exceeds(below: &Quota, above: &Quota) -> bool {
    above.limits.iter().any(|(id, most)| below.limits.get(id).is_some_and(|limit| limit > most))
}

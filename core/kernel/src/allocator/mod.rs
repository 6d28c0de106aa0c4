//! A round: serves those who want more, least weighted dominant share first.
//!
//! A framework that takes offers gets the free part of the agent that has been free for longest and that its filters
//! admit; when there is none it is set aside until something in the queue of free agents is new. A framework that
//! claims ends the round: it is its turn, and the round goes on with its claim (or when it wants nothing more). So
//! each grant, whatever its kind, is made to whoever has the least at that moment.
//!
//! Costs: a grant is a few steps in ordered sets, one for each level of the tree; an agent is looked at once by each
//! subscription for every time that it gets something free.

use std::collections::BTreeMap;

use crate::{AgentId, Event, FrameworkId, Kernel, Message, Millis, Mode, OfferId, Resources, RoleId, Send, Step, Turn};

impl Kernel {
    /// Runs a round to its end, or to the turn of a framework that claims.
    pub(crate) fn round(&mut self, now: Millis, out: &mut Step) {
        if self.state.roles.is_stale() {
            self.emit(out, Event::Ranked);
        }
        let mut offered: BTreeMap<FrameworkId, Vec<OfferId>> = BTreeMap::new();
        let mut turn = None;
        while let Some((role, framework)) = self.state.roles.first() {
            if self.state.frameworks.get(&framework).is_some_and(|found| found.mode == Mode::Claims) {
                turn = Some(Turn { framework, role });
                break;
            }
            let Some((seen, agent, resources)) = self.find(framework, role) else {
                let seen = self.state.queue.last_place();
                self.emit(out, Event::Sated { framework, role, seen });
                continue;
            };
            let offer = OfferId(self.state.last.offer + 1);
            let expires_at = self.config.offer_ms_max.map(|ms| now.after_ms(ms));
            self.emit(out, Event::Offered { offer, framework, role, agent, resources, expires_at, seen });
            offered.entry(framework).or_default().push(offer);
        }
        self.set_turn(now, turn);
        out.sends.extend(offered.into_iter().map(|(to, offers)| Send { to, message: Message::Offers(offers) }));
    }

    /// The first agent that there is for a subscription, with its place in the queue and what is free of it.
    fn find(&self, framework: FrameworkId, role: RoleId) -> Option<(u64, AgentId, Resources)> {
        let subscription = self.state.frameworks.get(&framework)?.subscriptions.get(&role)?;
        self.state.queue.after(subscription.seen).find_map(|(place, id)| {
            let free = self.state.agents.get(&id)?.free();
            let enough =
                self.config.offer_min.is_zero() || self.config.offer_min.iter().any(|(r, min)| free.get(r) >= min);
            (enough && subscription.admits(id, &free)).then_some((place, id, free))
        })
    }
}

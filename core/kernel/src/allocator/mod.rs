//! A round: serves those who want more, whom a guarantee owes something first, then least weighted dominant share.
//!
//! A framework that takes offers gets the free part of the agent that has been free for longest and that it may have and
//! wants to see (`fit.rs`); when there is none it is set aside until something in the queue of free agents is new. A
//! framework that claims ends the round: it is its turn, and the round goes on with its claim (or when it wants nothing
//! more). So each grant, whatever its kind, is made to whoever has the least at that moment.
//!
//! Costs: a grant is a few steps in ordered sets, one for each level of the tree; an agent is looked at once by each
//! subscription for every time that it gets something free. Where quotas hold somebody back, agents are looked at again.

mod fit;

use std::collections::BTreeMap;

pub(crate) use fit::Unfit;

use crate::{AgentId, Event, FrameworkId, Kernel, Message, Millis, Mode, OfferId, Resources, RoleId, Send, Step, Turn};

/// What there is for a subscription.
enum Found {
    /// This much of an agent. The first is how far the subscription has seen the queue then.
    Offer(u64, AgentId, Resources),
    /// Nothing, up to this place.
    Nothing(u64),
}

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
            match self.find(framework, role) {
                Found::Nothing(seen) => self.emit(out, Event::Sated { framework, role, seen }),
                Found::Offer(seen, agent, resources) => {
                    let offer = self.next_offer();
                    let expires_at = self.config.offer_ms_max.map(|ms| now.after_ms(ms));
                    self.emit(
                        out,
                        Event::Offered { offer, framework, role, agent, resources, since: now, expires_at, seen },
                    );
                    offered.entry(framework).or_default().push(offer);
                }
            }
        }
        self.set_turn(now, turn);
        out.sends.extend(offered.into_iter().map(|(to, offers)| Send { to, message: Message::Offers(offers) }));
    }

    /// The first agent that there is for a subscription.
    fn find(&self, framework: FrameworkId, role: RoleId) -> Found {
        let seen = self.state.frameworks.get(&framework).and_then(|found| Some(found.subscriptions.get(&role)?.seen));
        let seen = seen.unwrap_or_default();
        let mut held_back = false;
        for (place, agent) in self.state.queue.after(seen) {
            match self.state.fit(&self.config, framework, role, agent) {
                Ok(fit) => {
                    held_back |= fit.cut;
                    return Found::Offer(if held_back { seen } else { place }, agent, fit.resources);
                }
                Err(unfit) => held_back |= matches!(unfit, Unfit::Quota | Unfit::Wish),
            }
        }
        Found::Nothing(if held_back { seen } else { self.state.queue.last_place() })
    }
}

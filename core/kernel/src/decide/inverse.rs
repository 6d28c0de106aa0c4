//! What frameworks answer when they are asked to leave an agent.

use super::send;
use crate::{
    AgentId, Event, FrameworkId, InverseOffer, Kernel, Message, Millis, Mode, OfferId, Refusal, Step,
    limits::{FILTER_MS_MAX, INVERSE_MS},
};

impl Kernel {
    /// Those that are not the framework's are passed over, as in Mesos.
    pub(super) fn answer_inverse(
        &mut self,
        now: Millis,
        framework: FrameworkId,
        offers: &[OfferId],
        accept: bool,
        filter_ms: u64,
        out: &mut Step,
    ) -> Result<(), Refusal> {
        self.connected(framework, Mode::Offers)?;
        for offer in offers {
            let Some(inverse) = self.state.inverse.get(offer).filter(|found| found.framework == framework) else {
                continue;
            };
            let pause_ms = if filter_ms == 0 { INVERSE_MS } else { filter_ms.min(FILTER_MS_MAX) };
            let inverse = InverseOffer { answer: Some(accept), again_at: Some(now.after_ms(pause_ms)), ..*inverse };
            self.emit(out, Event::InverseOffered { offer: *offer, inverse });
        }
        Ok(())
    }

    /// A framework that still has something on the agent is asked again.
    pub(super) fn ask_again(&mut self, offer: OfferId, out: &mut Step) {
        let Some(inverse) = self.state.inverse.get(&offer).copied() else { return };
        let InverseOffer { framework, agent, .. } = inverse;
        let holds = self.state.agents.get(&agent).is_some_and(|found| {
            found.executors.keys().any(|(id, _)| *id == framework)
                || found.tasks.iter().any(|id| self.state.tasks.get(id).is_some_and(|task| task.framework == framework))
        });
        if holds {
            self.emit(out, Event::InverseOffered { offer, inverse: InverseOffer { again_at: None, ..inverse } });
            send(out, framework, Message::InverseOffers(vec![offer]));
        } else {
            self.emit(out, Event::InverseClosed { offer });
        }
    }

    /// An agent is not asked back any more.
    pub(super) fn close_inverse_of(&mut self, agent: AgentId, out: &mut Step) {
        let open = self.state.inverse.iter().filter(|(_, inverse)| inverse.agent == agent);
        let open: Vec<(OfferId, FrameworkId)> = open.map(|(offer, inverse)| (*offer, inverse.framework)).collect();
        for (offer, framework) in open {
            self.emit(out, Event::InverseClosed { offer });
            send(out, framework, Message::InverseRescinded(offer));
        }
    }
}

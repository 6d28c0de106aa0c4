//! Why a framework has no offer of an agent: asked by people, answered without changing anything.

use std::fmt;

use crate::{AgentId, Config, FrameworkId, Mode, RoleId, State, allocator::Unfit};

/// What is in the way of an offer, the first thing that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Obstacle {
    /// There is no such framework, agent or role, or the framework is not in the role.
    Unknown,
    /// The framework does not listen.
    Disconnected,
    /// It claims what it needs and takes no offers.
    Claims,
    /// It asked for no more offers in the role.
    Suppressed,
    /// It has an open offer of the agent.
    Offered,
    /// The agent takes nothing new: it is cordoned, drained, or does not answer.
    AgentClosed,
    /// The framework's offer constraints exclude the agent.
    Constraint,
    /// The agent is too old for several roles, or for roles below others.
    OldAgent,
    /// Nothing is free that the role may have and the framework understands.
    NothingFree,
    /// The agent has GPUs, of which the framework knows nothing.
    Gpu,
    /// The agent is in another region, of which the framework knows nothing.
    Region,
    /// The framework has been offered as much as it asked for.
    Wish,
    /// A limit of the role or the guarantees of others leave nothing.
    Quota,
    /// What is free is too little for an offer.
    TooSmall,
    /// The framework declined as much, and does not want to see it again yet.
    Filter,
    /// Nothing but others who are served first.
    OthersFirst,
}

impl State {
    /// Why a framework has no offer of an agent in a role.
    pub fn why_no_offer(&self, config: &Config, framework: FrameworkId, role: RoleId, agent: AgentId) -> Obstacle {
        let Some(found) = self.frameworks.get(&framework) else { return Obstacle::Unknown };
        let Some(sub) = found.subscriptions.get(&role).filter(|sub| sub.joined) else { return Obstacle::Unknown };
        let Some(machine) = self.agents.get(&agent) else { return Obstacle::Unknown };
        let open = machine.offers.iter().filter_map(|id| self.offers.get(id));
        if open.into_iter().any(|offer| offer.framework == framework && offer.role == role) {
            return Obstacle::Offered;
        }
        match (found.connected, found.mode, sub.suppressed) {
            (false, _, _) => return Obstacle::Disconnected,
            (_, Mode::Claims, _) => return Obstacle::Claims,
            (_, _, true) => return Obstacle::Suppressed,
            _ => {}
        }
        match self.fit(config, framework, role, agent) {
            Ok(_) => Obstacle::OthersFirst,
            Err(Unfit::Unknown) => Obstacle::Unknown,
            Err(Unfit::Closed) => Obstacle::AgentClosed,
            Err(Unfit::Constraint) => Obstacle::Constraint,
            Err(Unfit::OldAgent) => Obstacle::OldAgent,
            Err(Unfit::NothingFree) => Obstacle::NothingFree,
            Err(Unfit::Gpu) => Obstacle::Gpu,
            Err(Unfit::Region) => Obstacle::Region,
            Err(Unfit::Wish) => Obstacle::Wish,
            Err(Unfit::Quota) => Obstacle::Quota,
            Err(Unfit::TooSmall) => Obstacle::TooSmall,
            Err(Unfit::Filter) => Obstacle::Filter,
        }
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "there is no such framework, role or agent",
            Self::Disconnected => "the framework does not listen",
            Self::Claims => "the framework claims what it needs and takes no offers",
            Self::Suppressed => "the framework asked for no more offers in this role",
            Self::Offered => "the framework has an open offer of this agent",
            Self::AgentClosed => "the agent takes nothing new",
            Self::Constraint => "the framework's offer constraints exclude the agent",
            Self::OldAgent => "the agent is too old for this framework's roles",
            Self::NothingFree => "nothing is free that the role may have and the framework understands",
            Self::Gpu => "the agent has GPUs and the framework has not the GPU_RESOURCES capability",
            Self::Region => "the agent is in another region and the framework has not the REGION_AWARE capability",
            Self::Wish => "the framework has been offered as much as it asked for",
            Self::Quota => "the role's limit or the guarantees of others leave nothing",
            Self::TooSmall => "what is free is too little for an offer",
            Self::Filter => "the framework declined as much and does not want to see it again yet",
            Self::OthersFirst => "others are served first",
        })
    }
}

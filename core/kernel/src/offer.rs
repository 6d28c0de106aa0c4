//! Open offers, and inverse offers that ask for an agent back.

use crate::{AgentId, FrameworkId, Millis, Resources, RoleId};

/// An open offer: part of one agent, held for one framework in one role until it answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    /// To whom.
    pub framework: FrameworkId,
    /// In which role: what is accepted counts there.
    pub role: RoleId,
    /// Of which agent.
    pub agent: AgentId,
    /// How much.
    pub resources: Resources,
    /// When it was made.
    pub since: Millis,
    /// When it is taken back, if ever.
    pub expires_at: Option<Millis>,
}

/// Asks a framework to leave an agent that will not be there for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InverseOffer {
    /// Who is asked.
    pub framework: FrameworkId,
    /// Which agent.
    pub agent: AgentId,
    /// What the framework said.
    pub answer: Option<bool>,
    /// When it is asked again.
    pub again_at: Option<Millis>,
}

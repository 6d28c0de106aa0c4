//! An open offer: part of one agent, held for one framework in one role until it answers.

use crate::{AgentId, FrameworkId, Millis, Resources, RoleId};

/// An open offer.
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
    /// When it is taken back, if ever.
    pub expires_at: Option<Millis>,
}
